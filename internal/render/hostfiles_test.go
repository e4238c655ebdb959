package render_test

import (
	"strings"
	"testing"
)

// Files of others in which something is changed keep their mode and owner.
func TestEditedFilesKeepTheirMode(t *testing.T) {
	r := newRoom(t, "05-preflight.sh 12-selinux.sh 20-swap.sh")
	r.write(t, "/opt/bin/systemctl", systemd)
	r.write(t, "/etc/fstab", "/dev/x none swap sw 0 0\n")
	r.write(t, "/etc/selinux/config", "SELINUX=enforcing\n")
	const look = "stat -c '%a %u %g' /etc/fstab /etc/selinux/config\n"
	r.must(t, "chmod 600 /etc/fstab; chmod 640 /etc/selinux/config; chown 1:2 /etc/selinux/config")
	// The machine's own swap is left alone.
	out := r.must(t, "mount -t tmpfs tmpfs /root; head -n 1 /proc/swaps >/root/swaps; mount --bind /root/swaps /proc/swaps\n"+roomInstall+look)
	if !strings.HasSuffix(out, "x: 2 changed\n600 0 0\n640 1 2\n") {
		t.Errorf("after the install:\n%s", out)
	}
	if out := r.must(t, roomReset+look+"cat /etc/fstab /etc/selinux/config"); !strings.HasSuffix(out, "\n600 0 0\n640 1 2\n/dev/x none swap sw 0 0\nSELINUX=enforcing\n") {
		t.Errorf("after the reset:\n%s", out)
	}
}
