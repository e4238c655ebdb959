//go:build lab && linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

// prepared is a spec whose hosts are prepared in every way. Its family is the one that
// has SELinux; the steps look at what is there.
const prepared = `package cluster

name: "prepared"
os: family: "rhel"
kubernetes: version: "1.34.4"
network: hosts: "10.0.0.0/24"
runtime: name: "containerd"
registry: mode: "preload"
system: {
	firewall: %q
	time: mode: "chrony"
	sshd: {useDNS: false, gssapiAuthentication: false}
	modules: ["vxlan"]
	sysctls: "fs.inotify.max_user_instances": "8192"
}
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"]}
	w1: {address: "10.0.0.21", roles: ["worker"]}
}
`

// systemPackages are what the hosts of these tests have installed already.
// libpam-systemd is what firewalld needs by a name that debootstrap does not resolve.
var systemPackages = append([]string{"chrony", "firewalld", "libpam-systemd", "openssh-server", "ufw"}, nodePackages...)

const only = "/opt/bundle/install.sh --secrets /root/secrets --only "

// twice runs a step and holds that it changed these things, and nothing when run again.
func twice(t *testing.T, m *lab.Machine, step string, want ...string) {
	t.Helper()
	before := on(t, m, state)
	says(t, on(t, m, only+step+" --dry-run"), "to change")
	if on(t, m, state) != before {
		t.Error("the dry run changed the host")
	}
	says(t, on(t, m, only+step), want...)
	before = on(t, m, state)
	says(t, on(t, m, only+step), m.Name()+": nothing to change")
	if on(t, m, state) != before {
		t.Error("the second run changed the host")
	}
}

// TestSystem runs the steps that prepare a host, on hosts that somebody has used before.
func TestSystem(t *testing.T) {
	k := makeKit(t, specOf(t, map[string]string{"cluster.cue": fmt.Sprintf(prepared, "ufw")}))
	n, base := network(t, "10.0.0.0/24", systemPackages...)
	first, second := k.boot(t, n, base, "cp1"), k.boot(t, n, base, "w1")
	for _, m := range []*lab.Machine{first, second} {
		k.carry(t, m)
	}
	t.Run("the SSH daemon", func(t *testing.T) { testSSHD(t, first) })
	t.Run("clocks", func(t *testing.T) { testClocks(t, first, second) })
	t.Run("swap", func(t *testing.T) { testSwap(t, second) })
	t.Run("SELinux", func(t *testing.T) { testSELinux(t, second) })
	t.Run("modules and sysctls", func(t *testing.T) {
		twice(t, second, "kernel", "changed /etc/modules-load.d/satchel.conf", "changed sysctl:fs.inotify.max_user_instances")
		says(t, on(t, second, "cat /proc/sys/fs/inotify/max_user_instances /etc/modules-load.d/satchel.conf"), "8192", "vxlan")
	})
	t.Run("ufw", func(t *testing.T) { testUFW(t, n, first) })
	t.Run("firewalld", func(t *testing.T) {
		k := makeKit(t, specOf(t, map[string]string{"cluster.cue": fmt.Sprintf(prepared, "firewalld")}))
		on(t, second, "rm -rf /opt/bundle /var/lib/satchel")
		k.carry(t, second)
		testFirewalld(t, n, second)
	})
}

func testSSHD(t *testing.T, m *lab.Machine) {
	on(t, m, "cp /etc/ssh/sshd_config /root/sshd_config")
	for _, line := range []string{"Port 2222", "usedns yes", "MaxAuthTries 3", "Match User bob", "	X11Forwarding no"} {
		on(t, m, "echo '"+line+"' >> /etc/ssh/sshd_config")
	}
	on(t, m, "chmod 640 /etc/ssh/sshd_config && systemctl start ssh")
	pid := on(t, m, "systemctl show -p MainPID ssh")
	twice(t, m, "sshd", "changed /etc/ssh/sshd_config")
	says(t, on(t, m, "sshd -T -C user=alice,host=x,addr=10.0.0.1"), "usedns no", "gssapiauthentication no", "port 2222", "maxauthtries 3")
	says(t, on(t, m, "stat -c %a /etc/ssh/sshd_config; ss -ltn"), "640\n", ":2222")
	if on(t, m, "systemctl show -p MainPID ssh") != pid {
		t.Error("the daemon was started again, not reloaded")
	}
	if got := on(t, m, "sed '/^# BEGIN satchel/,/^# END satchel/d' /etc/ssh/sshd_config | head -n -5 | diff - /root/sshd_config"); got != "" {
		t.Errorf("the administrator's own lines changed:\n%s", got)
	}

	before := on(t, m, state)
	on(t, m, "cp -p /etc/ssh/sshd_config /root/good && sed -i '1i NoSuchSetting yes' /etc/ssh/sshd_config && cp -p /etc/ssh/sshd_config /root/broken")
	says(t, fails(t, m, only+"sshd"), "does not pass sshd -t", "NoSuchSetting")
	on(t, m, "cmp /etc/ssh/sshd_config /root/broken && ! test -e /etc/ssh/.sshd_config.satchel-new && mv /root/good /etc/ssh/sshd_config")
	if on(t, m, state) != before {
		t.Error("a configuration that was refused left something behind")
	}
	// A daemon that is off has no directory in /run, which its test wants.
	on(t, m, "systemctl stop ssh && rm -rf /run/sshd && sed -i '/UseDNS no/d' /etc/ssh/sshd_config")
	twice(t, m, "sshd", "changed /etc/ssh/sshd_config")
	on(t, m, "! systemctl is-active ssh && ! test -e /run/sshd")
}

// unprivileged lets chrony run where the clock is somebody else's.
const unprivileged = `mkdir -p /etc/systemd/system/chrony.service.d && cat > /etc/systemd/system/chrony.service.d/lab.conf <<'EOF'
[Unit]
ConditionCapability=
[Service]
ExecStart=
ExecStart=!/usr/sbin/chronyd -F 0 -x
EOF
systemctl daemon-reload`

func testClocks(t *testing.T, first, second *lab.Machine) {
	for _, m := range []*lab.Machine{first, second} {
		on(t, m, unprivileged)
		twice(t, m, "time", "changed /etc/chrony/chrony.conf", "changed chrony.service:started", "changed chrony.service:enabled")
		says(t, on(t, m, "systemctl is-active chrony && systemctl is-enabled chrony"), "active\nenabled")
	}
	says(t, on(t, first, "chronyc -n tracking"), "Stratum         : 10")
	eventually(t, 40*time.Second, "the second host follows the first", func() bool {
		return strings.Contains(on(t, second, "chronyc -n sources"), "^* 10.0.0.11")
	})
	says(t, on(t, second, "chronyc -n tracking"), "Stratum         : 11", "0A00000B")

	on(t, first, "sed -i s/10/11/ /etc/chrony/chrony.conf")
	says(t, on(t, first, only+"time"), "changed /etc/chrony/chrony.conf", ": 1 changed")
	eventually(t, 5*time.Second, "the clock runs with its own configuration again", func() bool {
		out, _, _ := first.Exec(t.Context(), nil, "chronyc", "-n", "tracking")
		return strings.Contains(out, "Stratum         : 10")
	})
}

// swaps are units of every origin: the table of file systems, a generator that is not
// the table's, an administrator's, and a package's.
const swaps = `
echo '/srv/a none swap sw,noauto 0 0' >> /etc/fstab
mkdir -p /etc/systemd/system-generators
cat > /etc/systemd/system-generators/zram <<'EOF'
#!/bin/sh
printf '[Unit]\nDescription=compressed memory\n[Swap]\nWhat=/srv/zram0\n' > "$1/srv-zram0.swap"
mkdir -p "$1/swap.target.wants" && ln -s ../srv-zram0.swap "$1/swap.target.wants/"
EOF
chmod +x /etc/systemd/system-generators/zram
printf '[Swap]\nWhat=/srv/b\n[Install]\nWantedBy=swap.target\n' > /etc/systemd/system/srv-b.swap
printf '[Swap]\nWhat=/srv/c\n[Install]\nWantedBy=swap.target\n' > /lib/systemd/system/srv-c.swap
systemctl daemon-reload
systemctl enable --quiet srv-b.swap srv-c.swap
systemctl list-units --all --type=swap --no-legend --plain`

func testSwap(t *testing.T, m *lab.Machine) {
	says(t, on(t, m, swaps), "srv-zram0.swap", "srv-b.swap", "srv-c.swap")
	twice(t, m, "swap", "changed srv-zram0.swap:masked", "changed srv-b.swap:masked", "changed srv-c.swap:masked", "changed /etc/fstab", ": 4 changed")
	for _, unit := range []string{"srv-zram0", "srv-b", "srv-c"} {
		says(t, fails(t, m, "systemctl start "+unit+".swap"), "masked")
	}
	// Nothing comes back with the next boot.
	on(t, m, "systemctl daemon-reload")
	says(t, on(t, m, only+"swap"), "nothing to change")
	says(t, on(t, m, "grep -v '^#' /etc/fstab | grep -c swap || true"), "0")
}

func testSELinux(t *testing.T, m *lab.Machine) {
	on(t, m, `mkdir -p /etc/selinux && printf '# SELINUX=enforcing is the default.\nSELINUX=enforcing\nSELINUXTYPE=targeted' > /etc/selinux/config`)
	twice(t, m, "selinux", "changed /etc/selinux/config")
	if got := on(t, m, "cat /etc/selinux/config"); got != "# SELINUX=enforcing is the default.\nSELINUX=permissive\nSELINUXTYPE=targeted\n" {
		t.Errorf("the configuration is\n%s", got)
	}
	for _, kept := range []string{"disabled", "permissive"} {
		on(t, m, "printf 'SELINUX="+kept+"\\n' > /etc/selinux/config")
		says(t, on(t, m, only+"selinux"), "nothing to change")
	}
}

// answers says whether a client outside can connect to a TCP port of the host.
func answers(t *testing.T, n *lab.Network, m *lab.Machine, port int) bool {
	t.Helper()
	_, said, _ := n.Exec(t.Context(), "curl", "-s", "-v", "--max-time", "2", fmt.Sprintf("http://%s:%d/", m.Address(), port))
	return strings.Contains(said, "Connected to")
}

// listenAt has something listen on ports of the host.
func listenAt(t *testing.T, m *lab.Machine, ports ...int) {
	t.Helper()
	config := "defaults\n mode http\n timeout client 5s\n timeout connect 5s\n timeout server 5s\nfrontend x\n http-request return status 200\n"
	for _, p := range ports {
		config += fmt.Sprintf(" bind :%d\n", p)
	}
	on(t, m, "cat > /root/listen.cfg <<'EOF'\n"+config+"EOF\nsystemctl reset-failed listen 2>/dev/null; systemctl stop listen 2>/dev/null; systemd-run --quiet --unit listen haproxy -W -f /root/listen.cfg")
}

// testOpenings holds that these ports are open, and one that the cluster has no use for is not.
func testOpenings(t *testing.T, n *lab.Network, m *lab.Machine, open []int) {
	t.Helper()
	eventually(t, 5*time.Second, "port 7777, which the cluster has no use for, is shut", func() bool { return !answers(t, n, m, 7777) })
	for _, p := range open {
		eventually(t, 5*time.Second, fmt.Sprintf("port %d is open", p), func() bool { return answers(t, n, m, p) })
	}
}

func testUFW(t *testing.T, n *lab.Network, m *lab.Machine) {
	ports := []int{6443, 2379, 10250, 30000, 32767}
	listenAt(t, m, append(ports, 7777)...)
	on(t, m, "ufw default deny incoming && ufw allow 2222/tcp && ufw --force enable")
	eventually(t, 5*time.Second, "ufw shuts ports", func() bool { return !answers(t, n, m, 6443) })
	twice(t, m, "firewall", "changed firewall:allow 6443/tcp", "changed firewall:allow 30000:32767/udp",
		"changed firewall:allow from 10.244.0.0/16", "changed firewall:route allow to 10.244.0.0/16", "changed firewall:allow 123/udp")
	testOpenings(t, n, m, ports)
	says(t, on(t, m, "ufw status"), "2222/tcp", "2379:2380/tcp", "8472/udp")

	// Rules that are set while the firewall is off take effect when it is switched on.
	on(t, m, "ufw --force reset >/dev/null")
	twice(t, m, "firewall", "changed firewall:allow 6443/tcp")
	on(t, m, "ufw --force enable")
	testOpenings(t, n, m, ports)

	// A run that is killed may have written a rule down that the kernel has not got.
	on(t, m, "echo '0|14-firewall|wrote|-|firewall|.' >>/var/lib/satchel/journal/log && iptables -D ufw-user-input -p tcp --dport 6443 -j ACCEPT")
	eventually(t, 5*time.Second, "the port is shut", func() bool { return !answers(t, n, m, 6443) })
	twice(t, m, "firewall", "changed firewall:reloaded")
	testOpenings(t, n, m, ports)
}

func testFirewalld(t *testing.T, n *lab.Network, m *lab.Machine) {
	ports := []int{10250, 30000, 32767}
	// Rules that are set while the firewall is off take effect when it is started.
	on(t, m, "systemctl start dbus")
	twice(t, m, "firewall", "firewall:")
	listenAt(t, m, append(ports, 7777)...)
	on(t, m, "systemctl start firewalld")
	testOpenings(t, n, m, ports)

	// A run that is killed before the reload leaves rules that are permanent only.
	on(t, m, "firewall-cmd --remove-port=10250/tcp")
	eventually(t, 5*time.Second, "the port is shut", func() bool { return !answers(t, n, m, 10250) })
	twice(t, m, "firewall", "changed firewall:reloaded")
	testOpenings(t, n, m, ports)

	on(t, m, "firewall-cmd --permanent --remove-port=10250/tcp && firewall-cmd --reload")
	eventually(t, 5*time.Second, "the port is shut", func() bool { return !answers(t, n, m, 10250) })
	twice(t, m, "firewall", "firewall:")
	testOpenings(t, n, m, ports)
	says(t, on(t, m, "firewall-cmd --list-ports; firewall-cmd --zone=trusted --list-sources"), "10250/tcp", "30000-32767/udp", "8472/udp", "10.244.0.0/16")
}
