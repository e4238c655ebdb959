//go:build lab && linux

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// highlyAvailable is three control planes behind two load balancers, two workers and
// the bundle's registry: as many hosts as a machine can boot.
const highlyAvailable = `
loadBalancer: {
	mode: "dedicated"
	vips: api: {address: "10.0.0.100", routerID: 51}
	forwards: web: {port: 80, nodePort: 30080}
}
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"]}
	cp2: {address: "10.0.0.12", roles: ["control-plane"]}
	cp3: {address: "10.0.0.13", roles: ["control-plane"]}
	w1: {address: "10.0.0.21", roles: ["worker"]}
	w2: {address: "10.0.0.22", roles: ["worker"]}
	lb1: {address: "10.0.0.2", roles: ["load-balancer"]}
	lb2: {address: "10.0.0.3", roles: ["load-balancer"]}
	reg: {address: "10.0.0.9", roles: ["registry"]}
}
`

// TestHighlyAvailable installs a whole cluster on hosts that reach nothing but each
// other, all at the same moment.
func TestHighlyAvailable(t *testing.T) {
	c := bootCluster(t, "1.34.4", "ha", highlyAvailable)
	defer c.explain(t)
	took := c.install(t)
	t.Logf("all nodes were ready %v after the start", took.Round(100*time.Millisecond))
	c.waitReady(t, time.Minute)
	t.Logf("memory of the machine in use: %d MiB", usedMemory(t))
	c.smoke(t)
	out, _, err := c.net.Exec(t.Context(), "curl", "-sf", "--max-time", "3", "http://10.0.0.100/")
	if err != nil || strings.TrimSpace(out) == "" {
		t.Errorf("the node port through the virtual address: %q, %v", out, err)
	}
	c.noAuthorityKeys(t)
	c.secondRun(t)
	c.statusIsWell(t)
	c.goesBack(t)
	c.comesAnew(t, "cp3")
	c.goesBack(t)
	c.quiet(t)
	c.deadAreRemoved(t, "cp3", "w2")
}

// deadAreRemoved takes the power from hosts for good, and holds that the cluster forgets them.
func (c *cluster) deadAreRemoved(t *testing.T, names ...string) {
	t.Helper()
	// A pod that its kubelet would have to end, and that a budget holds.
	on(t, c.first(), "kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f - <<'EOF'\n"+fmt.Sprintf(heldManifest, c.plan.Cluster.Pull(smokeImage), "w2")+"EOF\n")
	c.kubectl(t, "rollout status deployment/held --timeout=60s")
	for _, name := range names {
		c.hosts[name].Kill()
	}
	for _, name := range names {
		eventually(t, 3*time.Minute, name+" is not ready", func() bool {
			out, _, err := c.first().Exec(t.Context(), nil, "bash", "-c", "kubectl --kubeconfig /etc/kubernetes/admin.conf get node --no-headers "+name)
			return err == nil && strings.Contains(out, "NotReady")
		})
	}
	for _, name := range names {
		begin := time.Now()
		says(t, on(t, c.first(), "SATCHEL_DRAIN=60 /opt/bundle/cluster.sh remove "+name), name+" is not ready", "is no node any more")
		t.Logf("%s, which was dead, was removed in %v", name, time.Since(begin).Round(100*time.Millisecond))
		delete(c.hosts, name)
	}
	if got := strings.Fields(c.kubectl(t, "get nodes -o 'jsonpath={.items[*].metadata.name}'")); slices.ContainsFunc(names, func(n string) bool { return slices.Contains(got, n) }) {
		t.Errorf("the nodes are %v", got)
	}
	says(t, on(t, c.first(), "/opt/bundle/status.sh || true"), "2 healthy")
	// The cluster ends what it knows of the dead, and starts the pod's successor, which waits
	// for a node of that name.
	eventually(t, 3*time.Minute, "no pod is where nobody is", func() bool {
		out, _, err := c.first().Exec(t.Context(), nil, "bash", "-c", `kubectl --kubeconfig /etc/kubernetes/admin.conf get pods -A -o 'jsonpath={.items[*].spec.nodeName}'`)
		return err == nil && !slices.ContainsFunc(names, func(n string) bool { return slices.Contains(strings.Fields(out), n) })
	})
}

// comesAnew has a control plane leave the cluster and join it again.
func (c *cluster) comesAnew(t *testing.T, name string) {
	t.Helper()
	on(t, c.first(), "/opt/bundle/cluster.sh remove "+name)
	on(t, c.hosts[name], resets)
	on(t, c.hosts[name], "SATCHEL_WAIT=240 "+installs)
	c.waitReady(t, time.Minute)
}
