//go:build lab && linux

package e2e

import (
	"testing"
	"time"
)

// TestSingle installs one control plane and one worker whose images are loaded from
// the bundle.
func TestSingle(t *testing.T) {
	c := bootCluster(t, "1.34.4", "single", `
registry: mode: "preload"
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"]}
	w1: {address: "10.0.0.21", roles: ["worker"]}
}
`)
	defer c.explain(t)
	took := c.install(t)
	c.waitReady(t, time.Minute)
	t.Logf("all nodes were ready %v after the start", took.Round(100*time.Millisecond))
	c.smoke(t)
	c.secondRun(t)
	c.quiet(t)
}
