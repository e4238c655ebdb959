//go:build lab && linux

package e2e

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

const (
	vip    = "10.0.0.200"
	live   = "http://10.0.0.200:9999/live"
	patron = 5 * time.Second // how long the address may take to move
)

// TestLoadBalancers installs the course's two load balancers from a bundle and lets
// them fail in turn.
func TestLoadBalancers(t *testing.T) {
	k := makeKit(t, "../../../bundles/course-ha")
	n, base := network(t, "10.0.0.0/24", systemPackages...)
	one := k.boot(t, n, base, "kubernetes-ha1")
	two := k.boot(t, n, base, "kubernetes-ha2")
	api := k.boot(t, n, base, "kubernetes-master1")
	b := &balancers{n: n, one: one, two: two}
	for _, m := range []*lab.Machine{one, two} {
		k.carry(t, m)
	}

	steps := []struct {
		promise string
		test    func(*testing.T)
	}{
		{"a dry run shows the changes and makes none", b.testDryRun},
		{"the wrong machine is told so and stays as it is", b.testWrongMachine},
		{"a damaged bundle changes nothing", b.testDamagedBundle},
		{"without secrets nothing is half configured", b.testNoSecrets},
		{"install brings up haproxy and keepalived", b.testInstall},
		{"a second run changes nothing", b.testSecondRun},
		{"no secret is in the log", func(t *testing.T) { b.testNoSecretInLog(t, k) }},
		{"only a ready API server is behind the address", func(t *testing.T) { b.testReadiness(t, api) }},
		{"the address moves when haproxy dies and comes back", b.testHaproxyDies},
		{"the address leaves a haproxy that hangs", b.testHaproxyHangs},
		{"keepalived killed outright never leaves the address on two hosts", b.testKeepalivedKilled},
		{"the address moves when the host dies and comes back", b.testHostDies},
		{"a changed file is put right", b.testDrift},
		{"a reboot brings everything back", b.testReboot},
		{"other passwords leave the address where it is", func(t *testing.T) { b.testOtherPasswords(t, k) }},
	}
	for _, s := range steps {
		if !t.Run(s.promise, s.test) {
			b.explain(t)
			return
		}
	}
}

type balancers struct {
	n        *lab.Network
	one, two *lab.Machine
}

func on(t *testing.T, m *lab.Machine, command string) string {
	t.Helper()
	out, said, err := m.Exec(t.Context(), nil, "bash", "-c", command)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, said)
	}
	return out + said
}

func fails(t *testing.T, m *lab.Machine, command string) string {
	t.Helper()
	out, said, err := m.Exec(t.Context(), nil, "bash", "-c", command)
	if err == nil {
		t.Fatalf("%q succeeded on %s:\n%s%s", command, m.Name(), out, said)
	}
	return out + said
}

func says(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in:\n%s", w, text)
		}
	}
}

// state is a checksum of all that an install could change.
const state = `find /etc /usr/local /var/lib/satchel /run/systemd/units -xdev \( -type f -o -type l \) ! -name .updated -print0 2>/dev/null |
	sort -z | xargs -0 ls -ld --time-style=+ 2>/dev/null | sha256sum
	find /etc /usr/local -xdev -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum
	systemctl list-units --all --no-legend --plain 'haproxy*' 'keepalived*' | sha256sum
	cat /proc/sys/net/ipv4/ip_nonlocal_bind`

func (b *balancers) testDryRun(t *testing.T) {
	before := on(t, b.one, state)
	out := on(t, b.one, "/opt/bundle/install.sh --secrets /root/secrets --dry-run")
	says(t, out, "+net.ipv4.ip_nonlocal_bind = 1", "+listen kubernetes-api", "would change /etc/keepalived/keepalived.conf",
		"would run: systemctl start haproxy.service", "@secret:vrrp-password@", "to change")
	if after := on(t, b.one, state); after != before {
		t.Errorf("the dry run changed the host:\n%s\n%s", before, after)
	}
}

func (b *balancers) testWrongMachine(t *testing.T) {
	before := on(t, b.one, state)
	on(t, b.one, "cp -r /opt/bundle /opt/other && mv /opt/other/hosts/kubernetes-ha1 /opt/other/hosts/kubernetes-ha3")
	says(t, fails(t, b.one, "/opt/other/install.sh"), "SHA256SUMS", "nothing was changed")
	says(t, fails(t, b.one, "/opt/bundle/install.sh --host kubernetes-ha9"), "no host kubernetes-ha9 in this bundle")
	says(t, fails(t, b.one, "/opt/bundle/install.sh --only dance"), "no step dance on kubernetes-ha1; it has: 05-preflight 10-names")
	says(t, fails(t, b.one, "/opt/bundle/install.sh --bogus"), "unknown argument: --bogus")
	if after := on(t, b.one, state); after != before {
		t.Error("the host was changed")
	}
}

func (b *balancers) testDamagedBundle(t *testing.T) {
	before := on(t, b.one, state)
	for _, file := range []string{"steps/60-haproxy.sh", "steps/lib.sh", "hosts/kubernetes-ha1/keepalived.conf", "install.sh", "bundle.json"} {
		on(t, b.one, "rm -rf /opt/other; cp -r /opt/bundle /opt/other; printf '\\n# more\\n' >> /opt/other/"+file)
		says(t, fails(t, b.one, "/opt/other/install.sh --secrets /root/secrets"), file+": FAILED", "nothing was changed")
		on(t, b.one, "rm -rf /opt/other; cp -r /opt/bundle /opt/other; rm /opt/other/"+file)
		if file != "install.sh" {
			says(t, fails(t, b.one, "/opt/other/install.sh --secrets /root/secrets"), file)
		}
	}
	on(t, b.one, "rm -rf /opt/other")
	if after := on(t, b.one, state); after != before {
		t.Error("the host was changed")
	}
}

func (b *balancers) testNoSecrets(t *testing.T) {
	says(t, fails(t, b.one, "/opt/bundle/install.sh --only haproxy"), "needs the secret stats-password; give --secrets FILE")
	on(t, b.one, "! test -e /etc/haproxy/.haproxy.cfg.satchel-new && ! grep -q kubernetes-api /etc/haproxy/haproxy.cfg")
	on(t, b.one, "cp /root/secrets /root/open && chmod 644 /root/open")
	says(t, fails(t, b.one, "/opt/bundle/install.sh --secrets /root/open"), "can be read by others; run: chmod 600")
	on(t, b.one, "printf 'hunter2\\n' > /root/open && chmod 600 /root/open")
	said := fails(t, b.one, "/opt/bundle/install.sh --secrets /root/open")
	says(t, said, "not NAME=VALUE")
	if strings.Contains(said, "hunter2") {
		t.Error("the error shows what is in the secrets file")
	}
	on(t, b.one, "printf -- '-----BEGIN AGE ENCRYPTED FILE-----\n' > /root/open")
	says(t, fails(t, b.one, "/opt/bundle/install.sh --secrets /root/open"), "is encrypted; give this host its part of it")
}

func (b *balancers) testInstall(t *testing.T) {
	for _, m := range []*lab.Machine{b.one, b.two} {
		says(t, on(t, m, "/opt/bundle/install.sh --secrets /root/secrets"), "changed /etc/haproxy/haproxy.cfg", "changed\n")
		on(t, m, "systemctl is-active haproxy keepalived && systemctl is-enabled haproxy keepalived")
		says(t, on(t, m, "cat /etc/hosts"), "10.0.0.12 kubernetes-master1.superopsmsb.com kubernetes-master1", "127.0.0.1")
		says(t, on(t, m, "stat -c '%a %U' /etc/keepalived/keepalived.conf /etc/haproxy/haproxy.cfg"), "600 root\n600 root")
		says(t, on(t, m, "cat /var/log/satchel/install.log"), "--- 70-keepalived")
	}
	b.wait(t, b.one)
}

func (b *balancers) testSecondRun(t *testing.T) {
	for _, m := range []*lab.Machine{b.one, b.two} {
		before := on(t, m, state)
		started := on(t, m, "systemctl show -p ActiveEnterTimestampMonotonic haproxy keepalived")
		says(t, on(t, m, "/opt/bundle/install.sh --secrets /root/secrets"), m.Name()+": nothing to change")
		if on(t, m, state) != before || on(t, m, "systemctl show -p ActiveEnterTimestampMonotonic haproxy keepalived") != started {
			t.Errorf("the second run changed %s", m.Name())
		}
	}
}

func (b *balancers) testNoSecretInLog(t *testing.T, k *kit) {
	for _, name := range []string{"vrrp-password", "stats-password"} {
		value := strings.TrimSpace(k.run(t, "secrets", "show", "--secrets", k.secrets, "--reveal", name))
		for _, m := range []*lab.Machine{b.one, b.two} {
			on(t, m, fmt.Sprintf("! grep -rq %s /var/log /opt/bundle && grep -rq %s /etc/haproxy /etc/keepalived", value, value))
		}
	}
}

// fakeAPI answers over TLS with a status of its own choice.
const fakeAPI = `mkdir -p /srv/api && cd /srv/api &&
openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out crt -subj /CN=api -days 1 2>/dev/null && cat crt key > pem &&
cat > cfg <<'EOF'
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
frontend api
    bind :6443 ssl crt /srv/api/pem
    http-request return status STATUS content-type text/plain string "ready"
EOF
sed s/STATUS/500/ cfg > starting && sed s/STATUS/200/ cfg > ready &&
systemd-run --quiet --unit api haproxy -W -f /srv/api/starting`

// testReadiness lets an API server accept connections without being ready.
func (b *balancers) testReadiness(t *testing.T, api *lab.Machine) {
	on(t, api, fakeAPI)
	const ask = "curl -sk --max-time 2 https://" + vip + ":6443/readyz"
	answered := func() bool {
		out, _, _ := b.n.Exec(t.Context(), "sh", "-c", ask)
		return strings.Contains(out, "ready")
	}
	time.Sleep(5 * time.Second)
	if answered() {
		t.Fatal("an API server that is not ready is behind the address")
	}
	on(t, api, "systemctl stop api; systemd-run --quiet --unit api2 haproxy -W -f /srv/api/ready")
	eventually(t, 15*time.Second, "the API server answers through "+vip, answered)
}

func (b *balancers) testHaproxyDies(t *testing.T) {
	probe := b.probe(t)
	// systemd restarts a haproxy that is only killed, so it is stopped here.
	on(t, b.one, "systemctl stop haproxy")
	b.moves(t, b.two)
	on(t, b.one, "systemctl is-active keepalived && systemctl start haproxy")
	b.wait(t, b.one)
	b.outages(t, probe)

	probe = b.probe(t)
	on(t, b.one, "systemctl kill --signal=KILL haproxy")
	eventually(t, 20*time.Second, "haproxy runs again", func() bool { return active(t, b.one, "haproxy") })
	b.wait(t, b.one)
	b.outages(t, probe)
}

// testHaproxyHangs stops haproxy's processes where they are: the kernel still accepts
// connections, nobody answers.
func (b *balancers) testHaproxyHangs(t *testing.T) {
	on(t, b.one, "systemctl kill --signal=STOP haproxy")
	b.wait(t, b.two)
	on(t, b.one, "systemctl kill --signal=CONT haproxy")
	b.wait(t, b.one)
}

func (b *balancers) testKeepalivedKilled(t *testing.T) {
	on(t, b.one, "systemctl kill --signal=KILL keepalived")
	eventually(t, patron, "keepalived runs again", func() bool { return active(t, b.one, "keepalived") })
	b.wait(t, b.one)
	time.Sleep(2 * time.Second)
	if holders := b.holders(t); len(holders) != 1 {
		t.Errorf("the address is on %v", holders)
	}
}

func active(t *testing.T, m *lab.Machine, unit string) bool {
	t.Helper()
	out, _, _ := m.Exec(t.Context(), nil, "systemctl", "is-active", unit)
	return strings.TrimSpace(out) == "active"
}

func (b *balancers) testHostDies(t *testing.T) {
	probe := b.probe(t)
	b.one.Kill()
	b.moves(t, b.two)
	if err := b.one.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.wait(t, b.one)
	b.outages(t, probe)
}

func (b *balancers) testDrift(t *testing.T) {
	on(t, b.two, "sed -i 's/:6443/:7443/' /etc/haproxy/haproxy.cfg && systemctl stop keepalived && systemctl disable --quiet keepalived")
	out := on(t, b.two, "/opt/bundle/install.sh --secrets /root/secrets")
	says(t, out, "changed /etc/haproxy/haproxy.cfg", "keepalived.service:started", "keepalived.service:enabled", ": 3 changed")
	on(t, b.two, "systemctl is-active haproxy keepalived")
	b.wait(t, b.one)
}

func (b *balancers) testReboot(t *testing.T) {
	for _, m := range []*lab.Machine{b.one, b.two} {
		if err := m.PowerOff(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.wait(t, b.one)
	for _, m := range []*lab.Machine{b.one, b.two} {
		says(t, on(t, m, "/opt/bundle/install.sh --secrets /root/secrets"), m.Name()+": nothing to change")
	}
}

// testOtherPasswords has both load balancers get new ones at once. Between their two changes
// they do not believe each other.
func (b *balancers) testOtherPasswords(t *testing.T, k *kit) {
	old := filepath.Dir(k.secrets)
	k.run(t, "secrets", "new", k.spec, "--from", k.secrets, "-o", filepath.Join(old, "rotated"), "--rotate", "vrrp-password", "--rotate", "stats-password")
	former := map[string]string{}
	for _, name := range []string{"vrrp-password", "stats-password"} {
		former[name] = strings.TrimSpace(k.run(t, "secrets", "show", "--secrets", k.secrets, "--reveal", name))
	}
	k.takeSecrets(t, filepath.Join(old, "rotated"))
	probe := b.probe(t)
	var wg sync.WaitGroup
	for _, m := range []*lab.Machine{b.one, b.two} {
		k.hand(t, m)
		wg.Go(func() {
			out, said, err := m.Exec(t.Context(), nil, "bash", "-c", "/opt/bundle/install.sh --secrets /root/secrets")
			if err != nil || !strings.Contains(out, "changed /etc/keepalived/keepalived.conf") || !strings.Contains(out, "changed /etc/haproxy/haproxy.cfg") || !strings.Contains(out, ": 2 changed") {
				t.Errorf("%s: %v\n%s%s", m.Name(), err, out, said)
			}
		})
	}
	wg.Wait()
	b.wait(t, b.one)
	b.outages(t, probe)
	b.testNoSecretInLog(t, k)
	for name, value := range former {
		for _, m := range []*lab.Machine{b.one, b.two} {
			if out := on(t, m, "grep -rlF -e '"+value+"' /etc/haproxy /etc/keepalived || true"); out != "" {
				t.Errorf("%s still has the former %s, in %s", m.Name(), name, out)
			}
		}
	}
	b.testSecondRun(t)
}

func (b *balancers) probe(t *testing.T) *lab.Probe {
	t.Helper()
	p, err := b.n.Probe(t.Context(), live, 50*time.Millisecond, lab.Impatient)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (b *balancers) outages(t *testing.T, p *lab.Probe) {
	t.Helper()
	r := p.Stop()
	for _, o := range r.Outages {
		t.Logf("a client of the address had no answer for %v", o.Length().Round(10*time.Millisecond))
		if o.Length() > patron {
			t.Errorf("an outage of %v", o.Length())
		}
	}
}

func (b *balancers) holders(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, m := range []*lab.Machine{b.one, b.two} {
		addresses, err := m.Addresses(t.Context())
		if err != nil {
			continue // off
		}
		for _, a := range addresses {
			if a.Addr() == netip.MustParseAddr(vip) {
				names = append(names, m.Name())
			}
		}
	}
	return names
}

// moves waits until the address is on m alone, for no longer than it may take.
func (b *balancers) moves(t *testing.T, m *lab.Machine) {
	t.Helper()
	begin := time.Now()
	eventually(t, patron, vip+" is on "+m.Name()+" alone", func() bool {
		h := b.holders(t)
		return len(h) == 1 && h[0] == m.Name()
	})
	t.Logf("%s is on %s after %v", vip, m.Name(), time.Since(begin).Round(10*time.Millisecond))
}

// wait is moves with time for hosts and services to start.
func (b *balancers) wait(t *testing.T, m *lab.Machine) {
	t.Helper()
	eventually(t, 20*time.Second, vip+" is on "+m.Name()+" alone and answers", func() bool {
		h := b.holders(t)
		_, _, err := b.n.Exec(t.Context(), "curl", "-sf", "--max-time", "1", live)
		return len(h) == 1 && h[0] == m.Name() && err == nil
	})
}

func (b *balancers) explain(t *testing.T) {
	for _, m := range []*lab.Machine{b.one, b.two} {
		out, _, _ := m.Exec(t.Context(), nil, "bash", "-c", "ip -br addr; journalctl -u haproxy -u keepalived -n 40 --no-pager")
		t.Logf("%s:\n%s", m.Name(), out)
	}
}

func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < within; time.Sleep(100 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within %v: %s", within, what)
}
