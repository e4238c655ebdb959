//go:build lab && linux

package e2e

import (
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
}

// comesAnew has a control plane leave the cluster and join it again.
func (c *cluster) comesAnew(t *testing.T, name string) {
	t.Helper()
	on(t, c.first(), "/opt/bundle/cluster.sh remove "+name)
	on(t, c.hosts[name], resets)
	on(t, c.hosts[name], "SATCHEL_WAIT=240 "+installs)
	c.waitReady(t, time.Minute)
}
