//go:build lab && linux

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/lab"
)

// balanced is a cluster whose load balancers and registry need no real Kubernetes.
const balanced = `package cluster

name: "balanced"
kubernetes: version: "1.34.4"
network: hosts: "10.0.0.0/24"
runtime: name: "containerd"
loadBalancer: {mode: "dedicated", vips: api: {address: "10.0.0.100", routerID: 51}}
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"]}
	lb1: {address: "10.0.0.2", roles: ["load-balancer"]}
	reg: {address: "10.0.0.9", roles: ["registry"]}
}
`

const (
	installs = "/opt/bundle/install.sh --secrets /root/secrets"
	resets   = "/opt/bundle/reset.sh --yes"
)

// TestReset takes installs back, whole and cut off ones, on hosts that somebody used
// before.
func TestReset(t *testing.T) {
	k := makeKit(t, specOf(t, map[string]string{"cluster.cue": balanced}))
	n, base := network(t, "10.0.0.0/24", systemPackages...)
	lb, reg := k.boot(t, n, base, "lb1"), k.boot(t, n, base, "reg")
	for _, m := range []*lab.Machine{lb, reg} {
		k.carry(t, m)
	}
	// Somebody has a haproxy of their own running, a setting, and a name for this host.
	on(t, lb, `sed -i 's/maxconn.*/maxconn 77/' /etc/haproxy/haproxy.cfg; printf 'listen own\n bind 127.0.0.1:7777\n' >> /etc/haproxy/haproxy.cfg
		systemctl enable --quiet haproxy; systemctl start haproxy; chmod 640 /etc/haproxy/haproxy.cfg
		printf '127.0.0.1 localhost\n10.0.0.77 printer\n' > /etc/hosts; echo balancer > /etc/hostname; hostname balancer
		mkdir -p /etc/sysctl.d; chmod 750 /etc/sysctl.d`)
	before := map[*lab.Machine]string{lb: on(t, lb, snapshot), reg: on(t, reg, snapshot)}
	looksAs(t, lb, before[lb], "twice looked at")
	if t.Failed() {
		return
	}

	steps := []struct {
		promise string
		test    func(*testing.T)
	}{
		{"a dry run of an install changes nothing anywhere", func(t *testing.T) {
			for m, was := range before {
				says(t, on(t, m, installs+" --dry-run"), "to change")
				looksAs(t, m, was, "after a dry run")
				on(t, m, "! test -e /var/lib/satchel && ! test -e /var/log/satchel")
			}
		}},
		{"reset brings back what was before, and a second reset finds nothing", func(t *testing.T) {
			for m, was := range before {
				on(t, m, installs)
				settled(t, m)
				testDryReset(t, m)
				on(t, m, resets)
				looksAs(t, m, was, "after install, install and reset")
				says(t, on(t, m, resets), "nothing to take back")
			}
			on(t, lb, "curl -s --max-time 2 http://127.0.0.1:7777/ >/dev/null; test $? -ne 7; systemctl is-active haproxy")
		}},
		{"reset asks first", func(t *testing.T) { testResetAsks(t, lb) }},
		{"what somebody edited since is kept and told", func(t *testing.T) { testEditedSince(t, lb) }},
		{"the journal is root's alone and has no secret", func(t *testing.T) { testJournalSecrets(t, k, lb) }},
		{"an install that is killed anywhere can be taken back", func(t *testing.T) {
			for m, was := range before {
				testKilledThenReset(t, m, was)
			}
		}},
		{"an install that is killed anywhere goes on", func(t *testing.T) {
			for m, was := range before {
				testKilledThenInstall(t, m, was)
			}
		}},
		{"a reset that is killed anywhere goes on", func(t *testing.T) {
			for m, was := range before {
				testResetKilled(t, m, was)
			}
		}},
	}
	for _, s := range steps {
		if !t.Run(s.promise, s.test) {
			return
		}
	}
}

func testDryReset(t *testing.T, m *lab.Machine) {
	is := on(t, m, snapshot)
	says(t, on(t, m, "/opt/bundle/reset.sh --dry-run"), "would bring back /etc/hosts", "to take back")
	looksAs(t, m, is, "after a dry reset")
}

// settled installs and waits until keepalived has its address.
func settled(t *testing.T, m *lab.Machine) {
	t.Helper()
	on(t, m, installs)
	if m.Name() == "lb1" {
		on(t, m, "for i in $(seq 100); do ip -o address | grep -q 10.0.0.100/ && exit; sleep 0.2; done; exit 1")
	}
}

func testResetAsks(t *testing.T, m *lab.Machine) {
	settled(t, m)
	is := on(t, m, snapshot)
	says(t, fails(t, m, "/opt/bundle/reset.sh </dev/null"), "say --yes where nobody can answer; nothing was changed")
	says(t, fails(t, m, "echo lb2 | script -qec /opt/bundle/reset.sh /dev/null"), "that is another name; nothing was changed")
	says(t, fails(t, m, "rm -rf /opt/old && cp -r /opt/bundle /opt/old && echo '# more' >> /opt/old/steps/undo.sh && /opt/old/reset.sh --yes"), "steps/undo.sh: FAILED", "nothing was changed")
	looksAs(t, m, is, "after resets that were refused")
	says(t, on(t, m, "rm -r /opt/old; echo lb1 | script -qec /opt/bundle/reset.sh /dev/null"), "lb1: as it was before the install")
}

func testEditedSince(t *testing.T, m *lab.Machine) {
	on(t, m, "cp -a /etc/hosts /run/hosts-before")
	on(t, m, installs)
	on(t, m, "echo '10.0.0.78 scanner' >> /etc/hosts; echo 'net.ipv4.ip_forward = 1' >> /etc/sysctl.d/99-satchel.conf; touch /etc/keepalived/own")
	out := on(t, m, resets)
	says(t, out, "/etc/hosts has been edited since; our lines are out of it", "/etc/sysctl.d/99-satchel.conf has been edited since; that text is in /var/lib/satchel-kept/etc/sysctl.d/99-satchel.conf")
	if got := on(t, m, "cat /etc/hosts"); got != "127.0.0.1 localhost\n10.0.0.77 printer\n10.0.0.78 scanner\n" {
		t.Errorf("/etc/hosts is\n%s", got)
	}
	says(t, on(t, m, "cat /var/lib/satchel-kept/etc/sysctl.d/99-satchel.conf; ls /etc/keepalived; ! test -e /etc/sysctl.d/99-satchel.conf"), "net.ipv4.ip_nonlocal_bind = 1\nnet.ipv4.ip_forward = 1", "own")
	on(t, m, "rm -rf /var/lib/satchel-kept /etc/keepalived/own; cp -a /run/hosts-before /etc/hosts; rm /run/hosts-before")
}

func testJournalSecrets(t *testing.T, k *kit, m *lab.Machine) {
	// All arguments of all processes are looked at meanwhile.
	on(t, m, "systemd-run --quiet --unit arguments sh -c 'while :; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; done 2>/dev/null >/run/arguments'")
	on(t, m, installs)
	on(t, m, "systemctl stop arguments; journalctl --no-pager -o cat > /run/journal; test -s /run/arguments")
	on(t, m, "sed -i s/balance/#balance/ /etc/haproxy/haproxy.cfg && "+installs)
	if got := on(t, m, "find /var/lib/satchel/journal -type f ! -perm 600 -o -type d ! -perm 700 -o ! -user root"); got != "" {
		t.Errorf("others could read\n%s", got)
	}
	all, err := os.ReadFile(k.secrets)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(all)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && len(value) >= 8 && name != "created" && name != "cluster" {
			on(t, m, fmt.Sprintf("! grep -arqF -e %q /var/lib/satchel /var/log /run /tmp /opt/bundle 2>/dev/null", value))
		}
	}
	on(t, m, "rm /run/arguments /run/journal")
	on(t, m, resets)
}

// moments are when an install is killed: at the beginning of each step, and in it.
var moments = []float64{0, 0.05, 0.2}

func stepsOf(t *testing.T, m *lab.Machine) []string {
	t.Helper()
	return strings.Fields(on(t, m, `. /opt/bundle/hosts/`+m.Name()+`/host.env; echo "${HOST_STEPS//.sh/}"`))
}

func testKilledThenReset(t *testing.T, m *lab.Machine, was string) {
	for _, step := range stepsOf(t, m) {
		for _, after := range moments {
			hit := killed(t, m, installs, step, after)
			on(t, m, resets)
			looksAs(t, m, was, fmt.Sprintf("killed %vs into %s (%v) and reset", after, step, hit))
			if t.Failed() {
				return
			}
			t.Logf("%s: %s, %.2f s: at work %v; reset: as before", m.Name(), step, after, hit)
		}
	}
}

func testKilledThenInstall(t *testing.T, m *lab.Machine, was string) {
	settled(t, m)
	whole := on(t, m, snapshot)
	on(t, m, resets)
	for _, step := range stepsOf(t, m) {
		for _, after := range moments {
			hit := killed(t, m, installs, step, after)
			settled(t, m)
			says(t, on(t, m, installs), "nothing to change")
			looksLike(t, m, whole, fmt.Sprintf("killed %vs into %s and installed again", after, step))
			on(t, m, resets)
			if t.Failed() {
				return
			}
			t.Logf("%s: %s, %.2f s: at work %v; install: as after one", m.Name(), step, after, hit)
		}
	}
	looksAs(t, m, was, "in the end")
}

// looksLike is looksAs without times, which differ from install to install, and without
// what the journal says of its own way.
func looksLike(t *testing.T, m *lab.Machine, whole, when string) {
	t.Helper()
	timeless := func(text string) string {
		var b strings.Builder
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if strings.Contains(line, "/var/lib/satchel/journal") {
				continue
			}
			if strings.HasPrefix(line, "file ") {
				line = line[:strings.LastIndexByte(line, ' ')]
			}
			b.WriteString(line + "\n")
		}
		return b.String()
	}
	if gone, new := difference(timeless(whole), timeless(on(t, m, snapshot))); len(gone)+len(new) > 0 {
		t.Errorf("%s, %s is not as after one install:\n- %s\n+ %s", when, m.Name(), strings.Join(gone, "\n- "), strings.Join(new, "\n+ "))
	}
}

func testResetKilled(t *testing.T, m *lab.Machine, was string) {
	for i := range 12 {
		on(t, m, installs)
		out := on(t, m, fmt.Sprintf(`setsid %s >/root/out 2>&1 & pid=$!; sleep %.2f; kill -KILL -- -$pid 2>/dev/null && echo killed; wait $pid; true`, resets, 0.1+float64(i)*0.15))
		if i%3 == 0 && strings.HasPrefix(out, "killed") {
			on(t, m, installs) // to go back to the install is a way too
		}
		on(t, m, resets)
		looksAs(t, m, was, fmt.Sprintf("reset killed after %.2f s and run again", 0.1+float64(i)*0.15))
		if t.Failed() {
			return
		}
		t.Logf("%s: reset, %.2f s: at work %v; reset: as before", m.Name(), 0.1+float64(i)*0.15, strings.HasPrefix(out, "killed"))
	}
}
