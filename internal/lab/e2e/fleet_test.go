//go:build lab && linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/lab"
)

// TestFleet installs, looks at and takes back two hosts, which speak Chinese, from a third one
// over SSH. What goes wrong between is in the script fleet of the command's tests.
func TestFleet(t *testing.T) {
	k := makeKit(t, specOf(t, map[string]string{"cluster.cue": balanced}))
	n, base := network(t, "10.0.0.0/24", systemPackages...)
	lb, reg, desk := k.boot(t, n, base, "lb1"), k.boot(t, n, base, "reg"), k.boot(t, n, base, "cp1")
	dir := filepath.Join(t.TempDir(), "whole")
	k.run(t, "unpack", k.bundle, "-o", dir)
	if err := desk.CopyIn(t.Context(), dir, "/opt/bundle"); err != nil {
		t.Fatal(err)
	}
	parts := filepath.Join(filepath.Dir(k.secrets), "parts")
	if _, err := os.Stat(parts); err != nil {
		t.Fatal(err)
	}
	if err := desk.CopyIn(t.Context(), parts, "/root/parts"); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*lab.Machine{lb, reg} {
		on(t, m, "ssh-keygen -A >/dev/null; mkdir -p /run/sshd; systemctl start ssh; printf 'root:Fleet-%s\\n' one | chpasswd; printf 'PermitRootLogin yes\\nSetEnv LC_ALL=C.UTF-8 LANGUAGE=zh_CN\\n' >> /etc/ssh/sshd_config; systemctl reload ssh")
	}
	const fleet = "mkdir -p /root/work && cd /root/work && /opt/bundle/fleet.sh %s --hosts lb1,reg"
	all := func(what string) string { return fmt.Sprintf(fleet, what) }

	// Nobody is trusted who is not known, and nothing is done before all are.
	says(t, fails(t, desk, all("install")), "these hosts cannot be reached with a key; nothing was changed")
	on(t, desk, "mkdir -p -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519; ssh-keyscan 10.0.0.2 10.0.0.9 > /root/.ssh/known_hosts 2>/dev/null")
	key := on(t, desk, "cat /root/.ssh/id_ed25519.pub")
	for _, m := range []*lab.Machine{lb, reg} {
		on(t, m, "mkdir -p -m 700 /root/.ssh; echo '"+strings.TrimSpace(key)+"' > /root/.ssh/authorized_keys; chmod 600 /root/.ssh/authorized_keys")
	}
	says(t, on(t, desk, all("keys")), "lb1: accepts the key", "reg: accepts the key")
	on(t, lb, "test $(wc -l < /root/.ssh/authorized_keys) = 1")
	same := strings.TrimSpace(on(t, lb, "cat /etc/machine-id"))
	own := strings.TrimSpace(on(t, reg, "cat /etc/machine-id; echo "+same+" > /etc/machine-id"))
	says(t, fails(t, desk, all("install")), "one and the same /etc/machine-id", "lb1 reg")
	on(t, reg, "echo "+own+" > /etc/machine-id")

	// Ctrl-C in the middle ends it on the hosts too, and the same again goes on.
	on(t, lb, "printf '#!/bin/sh\\nuntil test -e /run/go; do sleep 0.1; done\\nexec /usr/sbin/haproxy \"$@\"\\n' > /usr/local/bin/haproxy; chmod +x /usr/local/bin/haproxy")
	says(t, fails(t, desk, "set -m; ("+all("install")+" --secrets /root/parts) & timeout 120 ssh root@10.0.0.2 'until pgrep -f [/]usr/local/bin/haproxy; do sleep 0.1; done' >/dev/null; kill -INT -- -$!; wait $!"),
		"stopped; run the same again to go on")
	on(t, lb, "test -e /var/lib/satchel/journal/log && ! systemctl is-active keepalived && rm /usr/local/bin/haproxy")
	out := on(t, desk, all("install")+" --secrets /root/parts")
	says(t, out, "lb1: nothing to copy", "reg: nothing to copy", "changed")
	on(t, lb, "systemctl is-active keepalived && ! test -e /opt/satchel/hosts/reg && ! ls /run/satchel-secrets* && ! test -e /opt/satchel/images/blobs")
	on(t, reg, "systemctl is-active satchel-registry && test -d /opt/satchel/images/blobs")
	// What is there is not sent again; what was cut short is.
	on(t, reg, "rm /opt/satchel/steps/lib.sh; truncate -s 10 /opt/satchel/bundle.json")
	out = on(t, desk, all("install")+" --secrets /root/parts")
	says(t, out, "reg: copied 2 files", "lb1: nothing to change", "reg: nothing to change")
	if strings.Contains(out, "lb1: copied ") {
		t.Errorf("files were sent again:\n%s", out)
	}
	says(t, on(t, desk, all("upgrade")+" --secrets /root/parts"), "lb1: nothing to change", "reg: nothing to change")
	says(t, on(t, desk, all("status")+" --secrets /root/parts"), "lb1: all is well", "reg: all is well")
	says(t, on(t, desk, all("status")), "lb1: all is well", "reg: all is well")
	says(t, fails(t, desk, all("reset")+" </dev/null"), "say --yes where nobody can answer; nothing was changed")
	says(t, on(t, desk, all("reset")+" --yes"), "lb1: as it was before the install", "reg: as it was before the install")
	on(t, lb, "! test -e /var/lib/satchel")
}
