//go:build lab && linux

package e2e

import (
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/lab"
)

// pretend answers as the registry would, a day in the past.
const pretend = `cat > /root/pretend.cfg <<'EOF'
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
frontend registry
    bind 10.0.0.20:80
    http-request return status 200 hdr Date "DATE"
EOF
sed -i "s/DATE/$(date -u -d yesterday '+%a, %d %b %Y %T GMT')/" /root/pretend.cfg && systemd-run --quiet --unit pretend haproxy -W -f /root/pretend.cfg`

// TestRefusals gives a node what it must refuse, and holds that it changes nothing.
func TestRefusals(t *testing.T) {
	k := makeKit(t, "../../../bundles/course-ha")
	n, base := network(t, "10.0.0.0/24", systemPackages...)
	m := k.boot(t, n, base, "kubernetes-node1")
	register := k.boot(t, n, base, "kubernetes-register")
	k.carry(t, m)
	const install = "SATCHEL_WAIT=3 /opt/bundle/install.sh --secrets "

	for _, tt := range []struct{ name, prepare, command, want string }{
		{"no secrets", "", "SATCHEL_WAIT=3 /opt/bundle/install.sh",
			"the secret bootstrap-token is missing; give --secrets FILE"},
		{"secrets of another cluster", "sed 's/^cluster=.*/cluster=elsewhere/' /root/secrets > /root/s1 && chmod 600 /root/s1", install + "/root/s1",
			"the secrets are those of the cluster elsewhere, this bundle is of course-ha"},
		{"secrets of another host", "grep -v ^ca-hash= /root/secrets > /root/s2 && chmod 600 /root/s2", install + "/root/s2",
			"the secret ca-hash is missing"},
		{"clock a day behind", "sed \"s/^created=.*/created=$(date -d tomorrow +%s)/\" /root/secrets > /root/s3 && chmod 600 /root/s3", install + "/root/s3",
			"which is before the secrets were made"},
		{"host of another cluster", "mkdir -p /var/lib/satchel && echo elsewhere > /var/lib/satchel/cluster", install + "/root/secrets",
			"this host belongs to the cluster elsewhere"},
		{"registry host down", "rm -r /var/lib/satchel", install + "/root/secrets",
			"the registry at 10.0.0.20:80 did not come within 3 seconds"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			on(t, m, "true; "+tt.prepare)
			refuses(t, m, tt.command, tt.want)
		})
	}
	for _, tt := range broken {
		t.Run(tt.name, func(t *testing.T) {
			on(t, m, tt.prepare)
			refuses(t, m, strings.Replace(install+"/root/secrets", "/opt/bundle/install.sh", tt.script, 1), tt.want...)
			on(t, m, tt.mend)
		})
	}
	on(t, register, pretend)
	t.Run("clock a day ahead", func(t *testing.T) {
		refuses(t, m, install+"/root/secrets", "seconds apart from that of the registry host")
	})
}

// broken are hosts and bundles on which nothing may be changed.
var broken = []struct {
	name, prepare, mend, script string
	want                        []string
}{
	{"/etc is read-only", "mount --bind /etc /etc && mount -o remount,bind,ro /etc", "umount /etc", "/opt/bundle/install.sh",
		[]string{"nothing was changed, because on kubernetes-node1", "/etc cannot be written; is its file system read-only?"}},
	{"a full disk", "mount -t tmpfs -o size=64k tmpfs /usr/local", "umount /usr/local", "/opt/bundle/install.sh",
		[]string{"the file system of /usr/local has 0 MiB free, and"}},
	{"no systemd", "mkdir /run/elsewhere && mount --bind /run/elsewhere /run/systemd", "umount /run/systemd && rmdir /run/elsewhere", "/opt/bundle/install.sh",
		[]string{"systemd does not run here"}},
	{"the clock is in 1970", `cp /usr/bin/date /root/real; printf '#!/bin/sh\ncase "$*" in +%%s) echo 60;; *) exec /root/real "$@";; esac\n' > /root/date && chmod 755 /root/date && mount --bind /root/date /usr/bin/date`,
		"umount /usr/bin/date; rm /root/date /root/real", "/opt/bundle/install.sh", []string{"which is before the secrets were made"}},
	{"not root", "true", "true", "setpriv --reuid 65534 --regid 65534 --clear-groups /opt/bundle/install.sh",
		[]string{"needs root"}},
	{"a file that was cut short", "cp -r /opt/bundle /opt/cut && truncate -s 100 /opt/cut/steps/lib.sh", "true", "/opt/cut/install.sh",
		[]string{"the bundle is damaged; nothing was changed", "steps/lib.sh: FAILED"}},
	{"a list that was cut short", "cp /opt/bundle/steps/lib.sh /opt/cut/steps/lib.sh && head -n 3 /opt/bundle/SHA256SUMS > /opt/cut/SHA256SUMS", "rm -r /opt/cut", "/opt/cut/install.sh",
		[]string{"nothing was changed"}},
	{"leftovers of another cluster", "mkdir -p /var/lib/etcd/member && ip link add cni0 type bridge", "rmdir /var/lib/etcd/member; ip link delete cni0", "/opt/bundle/install.sh",
		[]string{"the network interface cni0 is there, from another cluster"}},
	{"a port in use, another host's name, an address that is gone", "systemd-run --quiet --unit taken socat TCP-LISTEN:10250,fork /dev/null; hostname kubernetes-master1",
		"systemctl stop taken; hostname kubernetes-node1", "/opt/bundle/install.sh --host kubernetes-node1",
		[]string{"port 10250 is in use", "this machine is named kubernetes-master1, which is another host of the cluster"}},
}

func refuses(t *testing.T, m *lab.Machine, command string, want ...string) {
	t.Helper()
	before := on(t, m, state)
	says(t, fails(t, m, command), want...)
	if after := on(t, m, state); after != before {
		t.Error("the host was changed")
	}
}
