//go:build lab && linux

package e2e

import (
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

// TestNodesAreTakenBack makes a cluster, kills installs of its nodes on the way, and takes
// the whole back: the hosts are as before.
func TestNodesAreTakenBack(t *testing.T) {
	c := bootCluster(t, "1.34.4", "single", oneOfEach)
	defer c.explain(t)
	cp, w := c.hosts["cp1"], c.hosts["w1"]
	before := map[*lab.Machine]string{cp: on(t, cp, snapshot), w: on(t, w, snapshot)}
	on(t, w, installs+" --dry-run")
	looksAs(t, w, before[w], "after a dry run")

	for _, step := range []string{"20-swap", "40-containerd", "45-images", "50-kubernetes"} {
		killed(t, w, installs, step, 0.3)
		on(t, w, resets)
		looksAs(t, w, before[w], "killed in "+step+" and reset")
	}
	if t.Failed() {
		return
	}
	// The control plane loses its install in the middle of kubeadm init, and goes on.
	t.Log("killed in kubeadm init:", killed(t, cp, installs, "80-kubeadm", 6))
	took := c.install(t)
	c.waitReady(t, time.Minute)
	t.Logf("all nodes were ready %v after the start", took.Round(100*time.Millisecond))
	c.smoke(t)
	c.secondRun(t)
	for _, m := range []*lab.Machine{cp, w} {
		tellsNoSecrets(t, m)
	}
	says(t, on(t, cp, "/opt/bundle/status.sh"), "cp1: all is well", "etcd", "1 healthy", "ready, v1.34.4")
	says(t, on(t, w, "/opt/bundle/status.sh --format json | tr -d '\\n'"), `"bad":0`)
	says(t, on(t, cp, "/opt/bundle/cluster.sh snapshot && ls -l /var/lib/satchel/snapshots"), "etcd was saved", "-rw-------")
	c.goesBack(t)
	c.killedRestore(t)
	on(t, cp, "rm /root/etcd.db")
	says(t, on(t, cp, "/opt/bundle/cluster.sh certificates"), "renewed")
	c.waitReady(t, time.Minute)
	says(t, fails(t, cp, "/opt/bundle/cluster.sh remove w9"), "the cluster has no node w9; it has: cp1 w1")
	says(t, on(t, cp, "/opt/bundle/cluster.sh remove w1"), "w1 (10.0.0.21) is no node any more")
	on(t, cp, "rm /root/smoke.yaml")
	for _, m := range []*lab.Machine{w, cp} {
		begin := time.Now()
		on(t, m, resets+" >/root/out 2>&1")
		t.Logf("reset of %s took %v", m.Name(), time.Since(begin).Round(100*time.Millisecond))
		looksAs(t, m, before[m], "after a cluster and its reset")
		hasNoSecrets(t, m, "after the reset")
	}
	if t.Failed() {
		return
	}
	// What was a cluster can be one again.
	c.install(t)
	c.waitReady(t, time.Minute)
	c.smoke(t)
}
