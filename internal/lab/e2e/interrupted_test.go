//go:build lab && linux

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

// TestInterruptedNodes kills the installs of a control plane and of a worker in each of
// their steps: an install goes on from there, and a reset takes back what there is.
func TestInterruptedNodes(t *testing.T) {
	c := bootCluster(t, "1.34.4", "single", oneOfEach)
	defer c.explain(t)
	cp, w := c.hosts["cp1"], c.hosts["w1"]
	before := map[*lab.Machine]string{cp: on(t, cp, snapshot), w: on(t, w, snapshot)}

	takenBack := func(t *testing.T, m *lab.Machine, step string, after float64) {
		hit := killed(t, m, installs, step, after)
		on(t, m, resets)
		looksAs(t, m, before[m], fmt.Sprintf("killed %v s into %s (%v) and reset", after, step, hit))
		t.Logf("%s: %s, %.1f s: at work %v; reset: as before %v", m.Name(), step, after, hit, !t.Failed())
	}
	goesOn := func(t *testing.T, m *lab.Machine) {
		for _, step := range stepsOf(t, m) {
			t.Logf("%s: %s: at work %v", m.Name(), step, killed(t, m, installs, step, 0.2))
		}
		on(t, m, "SATCHEL_WAIT=240 "+installs)
	}
	for _, s := range []struct {
		promise string
		test    func(*testing.T)
	}{
		{"a control plane killed in any step is taken back", func(t *testing.T) {
			for _, step := range stepsOf(t, cp) {
				takenBack(t, cp, step, 0.3)
				if step == "80-kubeadm" { // the longest
					takenBack(t, cp, step, 4)
					takenBack(t, cp, step, 12)
				}
				if t.Failed() {
					return
				}
			}
		}},
		{"a control plane killed in every step goes on", func(t *testing.T) { goesOn(t, cp) }},
		{"a worker killed in any step is taken back", func(t *testing.T) {
			for _, step := range stepsOf(t, w) {
				takenBack(t, w, step, 0.3)
				if step == "80-kubeadm" {
					takenBack(t, w, step, 2)
				}
				if t.Failed() {
					return
				}
				c.kubectl(t, "delete node w1 --ignore-not-found")
			}
		}},
		{"a worker killed in every step goes on", func(t *testing.T) { goesOn(t, w) }},
		{"the cluster is as any other", func(t *testing.T) {
			c.waitReady(t, time.Minute)
			c.smoke(t)
			c.secondRun(t)
			on(t, cp, "rm /root/smoke.yaml")
		}},
		{"and is taken back", func(t *testing.T) {
			for _, m := range []*lab.Machine{w, cp} {
				on(t, m, resets)
				looksAs(t, m, before[m], "killed in every step, installed and reset")
			}
		}},
	} {
		if !t.Run(s.promise, s.test) {
			return
		}
	}
}
