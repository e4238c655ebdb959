//go:build lab && linux

package e2e

import (
	"fmt"
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
	says(t, on(t, cp, "/opt/bundle/status.sh"), "cp1: all is well", "etcd", "1 healthy", "ready, v1.34.4")
	says(t, on(t, w, "/opt/bundle/status.sh --format json | tr -d '\\n'"), `"bad":0`)
	says(t, on(t, cp, "/opt/bundle/cluster.sh snapshot && ls -l /var/lib/satchel/snapshots"), "etcd was saved", "-rw-------")
	says(t, on(t, cp, "/opt/bundle/cluster.sh certificates"), "renewed")
	c.waitReady(t, time.Minute)
	says(t, fails(t, cp, "/opt/bundle/cluster.sh remove w9"), "the cluster has no node w9; it has: cp1 w1")
	says(t, on(t, cp, "/opt/bundle/cluster.sh remove w1"), "w1 (10.0.0.21) is no node any more")
	for _, m := range []*lab.Machine{w, cp} {
		begin := time.Now()
		on(t, m, resets)
		t.Logf("reset of %s took %v", m.Name(), time.Since(begin).Round(100*time.Millisecond))
		looksAs(t, m, before[m], "after a cluster and its reset")
	}
	if t.Failed() {
		return
	}
	// What was a cluster can be one again.
	c.install(t)
	c.waitReady(t, time.Minute)
	c.smoke(t)
}

// TestUpgrade goes from one patch to another on a cluster of one control plane and two
// workers, with a web server that answers at their node ports throughout.
func TestUpgrade(t *testing.T) {
	testUpgrade(t, "1.34.2", "1.34.4")
}

const oneAndTwo = `
registry: mode: "preload"
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"]}
	w1: {address: "10.0.0.21", roles: ["worker"]}
	w2: {address: "10.0.0.22", roles: ["worker"]}
}
`

func testUpgrade(t *testing.T, from, to string) {
	c := bootCluster(t, from, "up", oneAndTwo)
	defer c.explain(t)
	before := map[string]string{}
	for name, m := range c.hosts {
		before[name] = on(t, m, snapshot)
	}
	c.install(t)
	c.waitReady(t, time.Minute)
	c.smoke(t)
	probe, err := c.net.Probe(t.Context(), "http://10.0.0.11:30080/", 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}

	next := site{release: to, name: "up", spec: containerd + oneAndTwo}.bundle(t, c.base)
	for _, m := range c.hosts {
		next.replace(t, m)
	}
	for _, m := range c.hosts {
		says(t, fails(t, m, installs), fmt.Sprintf("this node runs Kubernetes %s, and the bundle has %s; ./upgrade.sh goes from one to the other", from, to))
	}
	begin := time.Now()
	c.everywhere(t, "SATCHEL_WAIT=400 /opt/bundle/upgrade.sh --secrets /root/secrets")
	took := time.Since(begin)
	report := probe.Stop()
	t.Logf("%s to %s took %v; of %d requests %d failed, outages %v", from, to, took.Round(time.Second), report.Tries, report.Failures, report.Outages)
	c.waitReady(t, time.Minute)
	says(t, c.kubectl(t, "get nodes -o 'jsonpath={.items[*].status.nodeInfo.kubeletVersion} {.items[*].spec.unschedulable}'"), fmt.Sprintf("v%s v%s v%s", to, to, to))
	for _, m := range c.hosts {
		says(t, on(t, m, "/opt/bundle/status.sh --secrets /root/secrets"), "all is well")
		says(t, on(t, m, installs), "nothing to change")
	}
	on(t, c.hosts["cp1"], "test -s /var/lib/satchel/snapshots/before-"+to+".db")
	if outage := report.Failures; outage > report.Tries/50 {
		t.Errorf("%d of %d requests failed", outage, report.Tries)
	}
	c.smoke(t)
	for _, name := range []string{"w2", "w1", "cp1"} {
		on(t, c.hosts[name], resets)
		looksAs(t, c.hosts[name], before[name], "after an upgrade and a reset")
	}
}
