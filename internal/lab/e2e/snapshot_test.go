//go:build lab && linux

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/lab"
)

// snapshot prints all of a host that an install could change: every file with its mode,
// owner, time and content, what systemd has and runs, settings of the kernel, modules,
// the network, rules, packages and accounts. Left out is what changes by itself or with a reboot of these hosts, and the
// units that systemd knows by name alone until it forgets them.
const snapshot = `cd /
skip="-path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/log -o -path /opt/bundle
	-o -path /opt/old -o -path /var/lib/satchel-kept -o -path /root/secrets -o -path /root/out -o -path /var/lib/systemd -o -path /var/cache
	-o -path /var/lib/dbus -o -path /var/lib/chrony"
find / /var/lib/containerd /var/lib/docker /var/lib/etcd /var/lib/kubelet -xdev \( $skip \) -prune -o \
	\( -type d -printf 'dir %p %m %U:%G\n' -o -printf 'file %p %l %m %U:%G %s %Ts\n' \) 2>/dev/null | sort -u
find /etc /usr/local /opt /root /srv /var/lib/misc /var/lib/satchel -xdev \( $skip \) -prune -o -type f -print0 2>/dev/null | xargs -0 sha256sum | sort -k2
systemctl list-unit-files --no-legend --plain | sort | sed 's/^/unit file /'
systemctl list-units --all --no-legend --plain --type=service,socket,swap,slice,target | awk '{print "unit", $1, $2, $3, $4}' | grep -v -e 'systemd-' -e user -e run- -e 'not-found inactive dead' | sort
sysctl -a 2>/dev/null | grep -v -e random -e dentry-state -e inode -e file-nr -e ns_last_pid -e pty.nr -e conntrack_count -e conntrack_buckets -e loadavg -e quota \
	-e 'neigh\.' -e 'conf\.' | sort | sed 's/^/sysctl /'
sysctl -a 2>/dev/null | grep -e 'conf\.\(all\|default\|eth0\|lo\)\.' | sort | sed 's/^/sysctl /'
cut -d' ' -f1 /proc/modules | sort | sed 's/^/module /'
ip -o -d link | sed 's/^[0-9]*: //; s/@if[0-9]*//; s,link/ether [0-9a-f:]*,link/ether,; s/ numtx.*//; s/ qlen [0-9]*//; s/ promiscuity.*//' | sort | sed 's/^/link /'
ip -o addr | grep -v ' fe80:' | sed 's/^[0-9]*: //; s/ *valid_lft.*//' | sort | sed 's/^/address /'
ip route show table all | grep -v -e ' cache' -e ' fe80:' | sort | sed 's/^/route /'
ip -6 rule | sed 's/^/rule /'
nft list ruleset 2>/dev/null | sed 's/counter packets [0-9]* bytes [0-9]*/counter/; s/^/nft /'
cat /proc/swaps | sed 's/^/swap /'
printf 'name %s\n' "$(uname -n)"
dpkg -l | sed 's/^/package /' | sha256sum`

// looksAs holds that a host is as in a snapshot.
func looksAs(t *testing.T, m *lab.Machine, before, when string) {
	t.Helper()
	if gone, new := difference(before, on(t, m, snapshot)); len(gone)+len(new) > 0 {
		t.Errorf("%s, %s is not as before:\n- %s\n+ %s", when, m.Name(), strings.Join(gone, "\n- "), strings.Join(new, "\n+ "))
	}
}

// difference lists the lines that only one of two texts has.
func difference(a, b string) (onlyA, onlyB []string) {
	in := func(text string) map[string]bool {
		lines := map[string]bool{}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" {
				lines[line] = true
			}
		}
		return lines
	}
	setA, setB := in(a), in(b)
	for line := range setA {
		if !setB[line] {
			onlyA = append(onlyA, line)
		}
	}
	for line := range setB {
		if !setA[line] {
			onlyB = append(onlyB, line)
		}
	}
	slices.Sort(onlyA)
	slices.Sort(onlyB)
	return onlyA, onlyB
}

// killed starts install.sh on a host and kills it, with all that it started, once it has
// begun the step and been in it for a while. It says whether the script was still at work.
func killed(t *testing.T, m *lab.Machine, command, step string, after float64) bool {
	t.Helper()
	out := on(t, m, fmt.Sprintf(`rm -f /root/out; setsid %s >/root/out 2>&1 & pid=$!
		until grep -q -e '--- %s' -e ': .* changed' -e 'nothing to change' /root/out 2>/dev/null || ! kill -0 $pid 2>/dev/null; do sleep 0.005; done
		sleep %.3f
		if kill -KILL -- -$pid 2>/dev/null; then echo killed; fi
		wait $pid 2>/dev/null; tail -n 3 /root/out`, command, step, after))
	return strings.HasPrefix(out, "killed")
}
