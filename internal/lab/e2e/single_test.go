//go:build lab && linux

package e2e

import (
	"testing"
	"time"
)

const oneOfEach = `
registry: mode: "preload"
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"]}
	w1: {address: "10.0.0.21", roles: ["worker"]}
}
`

// TestSingle installs one control plane and one worker whose images are loaded from
// the bundle.
func TestSingle(t *testing.T) { testSingle(t, "1.34.4") }

// TestOtherReleases does the same with the oldest release and the newest that can be
// compiled from modules: kubeadm's configuration v1beta3, and no v1beta3 any more.
func TestOtherReleases(t *testing.T) {
	for _, release := range []string{"1.30.4", "1.37.2"} {
		t.Run(release, func(t *testing.T) { testSingle(t, release) })
	}
}

func testSingle(t *testing.T, release string) {
	c := bootCluster(t, release, "single", oneOfEach+`guide: language: "en"`+"\n")
	defer c.explain(t)
	took := c.install(t)
	c.waitReady(t, time.Minute)
	t.Logf("all nodes were ready %v after the start", took.Round(100*time.Millisecond))
	c.imagesArePinned(t)
	c.smoke(t)
	c.secondRun(t)
	c.statusIsWell(t)
	c.quiet(t)
}

// imagesArePinned holds that no node's kubelet may delete what nothing could bring back.
func (c *cluster) imagesArePinned(t *testing.T) {
	t.Helper()
	for _, h := range c.plan.Hosts {
		if h.Node {
			on(t, c.hosts[h.Name], `cut -d' ' -f2 /opt/bundle/images/list | while read -r name; do
				ctr -n k8s.io images ls "name==$name" | grep -q io.cri-containerd.pinned=pinned || { echo "$name is not pinned"; exit 1; }
			done`)
		}
	}
}
