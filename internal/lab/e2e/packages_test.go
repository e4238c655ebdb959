//go:build lab && linux

package e2e

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/lab"
)

// packaged is a cluster whose load balancer has nothing installed yet.
const packaged = `package cluster

name: "packaged"
kubernetes: version: "1.34.4"
network: hosts: "10.0.0.0/24"
os: {family: "debian", release: "12"}
runtime: name: "containerd"
loadBalancer: {mode: "dedicated", vips: api: {address: "10.0.0.100", routerID: 51}}
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"], os: release: "13"}
	lb1: {address: "10.0.0.2", roles: ["load-balancer"]}
	reg: {address: "10.0.0.9", roles: ["registry"]}
}
packages: systems: "debian-12": {
	baseline: "baseline"
	repositories: debian: {url: "file://%s", suites: ["/"], keys: ["keys/own.asc"]}
}
packages: from: "%s"
`

// TestPackages installs packages on hosts that lack them and have no network but their
// own, and removes them again.
func TestPackages(t *testing.T) {
	repository, key := debianMirror(t, "haproxy", "keepalived")
	n, base := network(t, "10.0.0.0/24")
	machine := func(name, address string) *lab.Machine {
		m, err := n.Boot(t.Context(), lab.Host{Name: name, Address: netip.MustParseAddr(address), Base: base})
		if err != nil {
			t.Fatal(err)
		}
		on(t, m, "apt-get -qq -y purge haproxy keepalived libnl-3-200 liblua5.3-0 libopentracing1 libsnmp40 libsnmp-base && ! ls /usr/sbin/haproxy /usr/sbin/keepalived && ! ip route | grep default")
		return m
	}
	lb, reg := machine("lb1", "10.0.0.2"), machine("reg", "10.0.0.9")
	script, err := os.ReadFile("../../../templates/baseline.sh")
	if err != nil {
		t.Fatal(err)
	}
	baseline, said, err := lb.Exec(t.Context(), bytes.NewReader(script), "bash")
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	kitFrom := func(from string) *kit {
		return makeKit(t, specOf(t, map[string]string{
			"cluster.cue": fmt.Sprintf(packaged, repository, from), "baseline": baseline, "keys/own.asc": key,
		}))
	}
	k := kitFrom("bundle")
	k.carry(t, lb)
	p := &packagesTest{lb: lb, before: on(t, lb, "dpkg -l"), apt: on(t, lb, aptState)}
	steps := []struct {
		promise string
		test    func(*testing.T)
	}{
		{"a dry run says what would be installed, and changes nothing", p.testDryRun},
		{"a damaged package changes nothing", p.testDamaged},
		{"install brings the packages, and their services with our configuration", p.testInstall},
		{"a second run changes nothing", func(t *testing.T) { says(t, on(t, lb, installs), "lb1: nothing to change") }},
		{"reset leaves what was installed before, exactly", p.testReset},
		{"an install that is killed goes on when run again", p.testKilled},
		{"an install that is killed can be taken back", p.testKilledThenReset},
		{"the registry host serves them", func(t *testing.T) { p.testServed(t, kitFrom("registry"), reg) }},
	}
	for _, s := range steps {
		if !t.Run(s.promise, s.test) {
			return
		}
	}
}

type packagesTest struct {
	lb          *lab.Machine
	before, apt string
}

// aptState is what the host's own use of apt depends on.
const aptState = `find /etc/apt /var/lib/apt /usr/sbin/policy-rc.d /var/cache/satchel -type f ! -name lock ! -name extended_states 2>/dev/null | sort | xargs -r sha256sum; apt-mark showmanual`

func (p *packagesTest) asBefore(t *testing.T) {
	t.Helper()
	if now := on(t, p.lb, "dpkg -l"); now != p.before {
		t.Errorf("dpkg -l is\n%s\nand was\n%s", now, p.before)
	}
	if now := on(t, p.lb, aptState); now != p.apt {
		t.Errorf("apt has\n%s\nand had\n%s", now, p.apt)
	}
}

func (p *packagesTest) testDryRun(t *testing.T) {
	says(t, on(t, p.lb, installs+" --dry-run"), "would install haproxy 2.", "would install keepalived 1:2.", "would install libnl-3-200 ", "would change packages", "to change")
	p.asBefore(t)
}

func (p *packagesTest) testDamaged(t *testing.T) {
	on(t, p.lb, "cp -a /opt/bundle /opt/other && printf x >>/opt/other/packages/debian-12-amd64/pool/haproxy_*.deb")
	says(t, fails(t, p.lb, "/opt/other/install.sh --secrets /root/secrets"), "haproxy_", "FAILED", "nothing was changed")
	on(t, p.lb, "rm -rf /opt/other")
	p.asBefore(t)
}

func (p *packagesTest) testInstall(t *testing.T) {
	says(t, on(t, p.lb, installs), "install keepalived 1:2.", "changed packages", "changed /etc/haproxy/haproxy.cfg")
	on(t, p.lb, "systemctl is-active haproxy keepalived && systemctl is-enabled haproxy keepalived && ! dpkg --audit | grep . && ! test -e /usr/sbin/policy-rc.d")
	// The package's own configuration never ran: it would have been told to reload, not to start.
	says(t, on(t, p.lb, "systemctl show -p NRestarts haproxy; journalctl -u haproxy -o cat | grep -c '^Started' "), "NRestarts=0", "1\n")
	now := on(t, p.lb, aptState)
	if files, was := now[:strings.LastIndex(now, "  ")], p.apt[:strings.LastIndex(p.apt, "  ")]; files != was {
		t.Errorf("apt's own files were changed:\n%s\n%s", files, was)
	}
}

func (p *packagesTest) testReset(t *testing.T) {
	says(t, on(t, p.lb, "/opt/bundle/reset.sh --dry-run"), "packages")
	on(t, p.lb, resets)
	p.asBefore(t)
	says(t, on(t, p.lb, resets), "nothing to take back")
}

// kill starts an install and ends all of it while dpkg is at work.
func (p *packagesTest) kill(t *testing.T) {
	t.Helper()
	on(t, p.lb, `rm -f /run/unpacked; systemd-run --quiet --unit cut --property=KillMode=control-group --setenv=HOME=/root `+installs+`
		for i in $(seq 6000); do dpkg-query -W -f='${db:Status-Abbrev}' libnl-3-200 2>/dev/null | grep -q '^i[UFH]' && break; sleep 0.005; done
		systemctl kill --signal=KILL cut; systemctl reset-failed cut 2>/dev/null; sleep 0.2; dpkg -l | grep -v '^ii' | tail -n +6`)
}

func (p *packagesTest) testKilled(t *testing.T) {
	p.kill(t)
	on(t, p.lb, installs)
	on(t, p.lb, "systemctl is-active haproxy keepalived && ! dpkg --audit | grep . && ! test -e /usr/sbin/policy-rc.d")
	says(t, on(t, p.lb, installs), "lb1: nothing to change")
	on(t, p.lb, resets)
	p.asBefore(t)
}

func (p *packagesTest) testKilledThenReset(t *testing.T) {
	p.kill(t)
	on(t, p.lb, resets)
	p.asBefore(t)
}

func (p *packagesTest) testServed(t *testing.T, k *kit, reg *lab.Machine) {
	on(t, p.lb, "rm -rf /opt/bundle")
	k.carry(t, p.lb)
	k.carry(t, reg)
	on(t, p.lb, "rm -rf /opt/bundle/packages")
	on(t, reg, installs)
	on(t, p.lb, installs)
	on(t, p.lb, "systemctl is-active haproxy keepalived")
	// Another registry host's packages are not taken.
	on(t, p.lb, resets)
	on(t, reg, "f=/var/lib/satchel/bundle/packages/debian-12-amd64/Release; sed 's/satchel/Satchel/' $f > $f.new && mv $f.new $f; systemctl restart satchel-registry")
	says(t, fails(t, p.lb, installs), "has other packages than this bundle; nothing was changed")
	on(t, p.lb, resets)
	p.asBefore(t)
}
