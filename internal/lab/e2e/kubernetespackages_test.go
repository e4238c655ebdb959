//go:build lab && linux

package e2e

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
	"github.com/satchel-kit/satchel/internal/lab/world"
)

// fromPackages is one control plane whose host gets Kubernetes and containerd as packages
// from two repositories.
const fromPackages = `
os: {family: "debian", release: "12"}
kubernetes: from: "packages"
runtime: {name: "containerd", from: "packages", version: "1.6.20", restrictOOMScoreAdj: true}
registry: mode: "preload"
hosts: cp1: {address: "10.0.0.11", roles: ["control-plane"]}
addons: completion: true
packages: systems: "debian-12": {
	baseline: "baseline"
	repositories: debian: {url: "file://%s", suites: ["/"], keys: ["keys/debian.asc"]}
	repositories: kubernetes: {url: "file://%s", suites: ["/"], keys: ["keys/kubernetes.asc"]}
}
`

// TestPackagedKubernetes makes a cluster on a host that has neither Kubernetes nor a
// runtime, from the packages of both, goes to another release of them, and leaves the host
// as it was.
func TestPackagedKubernetes(t *testing.T) {
	testPackagedKubernetes(t, "1.34.2", "1.34.4")
}

func testPackagedKubernetes(t *testing.T, from, to string) {
	n, base := network(t, "10.0.0.0/24")
	m, err := n.Boot(t.Context(), lab.Host{Name: "cp1", Address: netip.MustParseAddr("10.0.0.11"), Base: base})
	if err != nil {
		t.Fatal(err)
	}
	on(t, m, "for program in kubelet kubeadm kubectl crictl containerd runc ctr conntrack iptables; do ! command -v $program || exit 1; done")
	// An empty directory that a package has as well goes with it, unless somebody sees to it.
	on(t, m, "mkdir -m 750 /usr/share/doc/containerd")
	script, err := os.ReadFile("../../../templates/baseline.sh")
	if err != nil {
		t.Fatal(err)
	}
	baseline, said, err := m.Exec(t.Context(), bytes.NewReader(script), "bash")
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	debian, debianKey := debianMirror(t, "containerd")
	packages, packagesKey := kubernetesRepository(t, from, to)
	bundle := func(release string) *kit {
		return site{
			release: release, name: "packaged", spec: fmt.Sprintf(fromPackages, debian, packages),
			beside: map[string]string{"baseline": baseline, "keys/debian.asc": debianKey, "keys/kubernetes.asc": packagesKey},
		}.bundle(t, base)
	}
	p := &packagedKubernetes{
		cluster: &cluster{net: n, base: base, kit: bundle(from), hosts: map[string]*lab.Machine{"cp1": m}},
		m:       m, from: from, to: to, before: on(t, m, asPackaged), packages: on(t, m, "dpkg -l; apt-mark showhold showmanual"),
	}
	defer p.explain(t)
	p.carry(t, m)
	steps := []struct {
		promise string
		test    func(*testing.T)
	}{
		{"a dry run says what would be installed, and changes nothing", p.testDryRun},
		{"the cluster works", p.testInstall},
		{"a second run changes nothing", p.secondRun},
		{"install.sh does not go to another release", func(t *testing.T) {
			bundle(to).replace(t, m)
			says(t, fails(t, m, installs), "./upgrade.sh goes from one to the other")
		}},
		{"upgrade.sh does", p.testUpgrade},
		{"a second run still changes nothing", p.secondRun},
		{"reset leaves the host as it was", p.testReset},
	}
	for _, s := range steps {
		if !t.Run(s.promise, s.test) {
			return
		}
	}
}

type packagedKubernetes struct {
	*cluster
	m                *lab.Machine
	from, to         string
	before, packages string
}

// kubernetesRepository is a repository like that of pkgs.k8s.io: with several releases.
func kubernetesRepository(t *testing.T, releases ...string) (dir, key string) {
	t.Helper()
	dir = t.TempDir()
	for _, release := range releases {
		in, err := world.Build(t.Context(), "", release, testLog{t})
		if err != nil {
			t.Fatal(err)
		}
		debs, err := in.Debs(t.Context(), testLog{t})
		if err != nil {
			t.Fatal(err)
		}
		for _, deb := range debs {
			if err := os.Symlink(deb, filepath.Join(dir, filepath.Base(deb))); err != nil && !os.IsExist(err) {
				t.Fatal(err)
			}
		}
	}
	return dir, signRepository(t, dir)
}

// asPackaged is the snapshot of a host without what dpkg and the linker note for themselves.
const asPackaged = "(" + snapshot + ") | grep -v -e ' /var/lib/dpkg/' -e ' /var/lib/apt/' -e ' /etc/ld.so.cache' -e ' /var/lib/dpkg '"

const held = "containerd\nkubeadm\nkubectl\nkubelet\n"

// asBefore holds that nothing of the host was changed.
func (p *packagedKubernetes) asBefore(t *testing.T, when string) {
	t.Helper()
	if now := on(t, p.m, "dpkg -l; apt-mark showhold showmanual"); now != p.packages {
		t.Errorf("%s, the packages are\n%s\nand were\n%s", when, now, p.packages)
	}
	if gone, new := difference(p.before, on(t, p.m, asPackaged)); len(gone)+len(new) > 0 {
		t.Errorf("%s, the host is not as before:\n- %s\n+ %s", when, strings.Join(gone, "\n- "), strings.Join(new, "\n+ "))
	}
}

func (p *packagedKubernetes) testDryRun(t *testing.T) {
	says(t, on(t, p.m, installs+" --dry-run"), "would install kubelet "+p.from+"-1.1", "would install containerd 1.6.20", "would install runc ",
		"would install kubernetes-cni ", "would change kubelet:held", "would run: kubeadm init", "to change")
	p.asBefore(t, "after a dry run")
}

func (p *packagedKubernetes) testInstall(t *testing.T) {
	took := p.install(t)
	p.waitReady(t, time.Minute)
	t.Logf("the node was ready %v after the start", took.Round(100*time.Millisecond))
	p.smoke(t)
	p.runs(t, p.from)
	on(t, p.m, "! ls /usr/local/bin/kube* /usr/local/bin/containerd /etc/systemd/system/kubelet.service /etc/systemd/system/containerd.service 2>/dev/null && . /etc/bash_completion.d/kubectl && complete -p kubectl")
	says(t, on(t, p.m, "/opt/bundle/status.sh"), "cp1: all is well")
	p.quiet(t)
}

// runs holds that this release of the packages is installed, held and at work.
func (p *packagedKubernetes) runs(t *testing.T, release string) {
	t.Helper()
	if got := on(t, p.m, "apt-mark showhold"); got != held {
		t.Errorf("held are\n%s", got)
	}
	says(t, on(t, p.m, "dpkg-query -W -f='${Package} ${Version} ${db:Status-Status}\n' kubeadm kubectl kubelet"),
		"kubeadm "+release+"-1.1 installed", "kubectl "+release+"-1.1 installed", "kubelet "+release+"-1.1 installed")
	on(t, p.m, "! dpkg --audit | grep . && ! test -e /usr/sbin/policy-rc.d && test $(readlink /proc/$(pgrep -x kubelet)/exe) = /usr/bin/kubelet && test $(readlink /proc/$(pgrep -x containerd)/exe) = /usr/bin/containerd")
	if got := p.kubectl(t, "get nodes -o 'jsonpath={.items[0].status.nodeInfo.kubeletVersion}'"); got != "v"+release {
		t.Errorf("the node runs %s", got)
	}
	says(t, p.kubectl(t, "version"), "Client Version: v"+release, "Server Version: v"+release)
}

func (p *packagedKubernetes) testUpgrade(t *testing.T) {
	says(t, on(t, p.m, "/opt/bundle/upgrade.sh --secrets /root/secrets --dry-run"), "would upgrade kubelet from "+p.from+"-1.1 to "+p.to+"-1.1")
	p.runs(t, p.from)
	begin := time.Now()
	says(t, on(t, p.m, "/opt/bundle/upgrade.sh --secrets /root/secrets"), "upgrade kubeadm from "+p.from+"-1.1 to "+p.to+"-1.1", "upgrade kubelet from ", "cp1: Kubernetes "+p.to)
	t.Logf("%s to %s took %v", p.from, p.to, time.Since(begin).Round(time.Second))
	p.waitReady(t, time.Minute)
	p.runs(t, p.to)
	p.smoke(t)
	says(t, on(t, p.m, "/opt/bundle/status.sh"), "cp1: all is well")
}

func (p *packagedKubernetes) testReset(t *testing.T) {
	on(t, p.m, "rm /root/smoke.yaml")
	on(t, p.m, resets)
	p.asBefore(t, "after a reset")
	says(t, on(t, p.m, resets), "nothing to take back")
}
