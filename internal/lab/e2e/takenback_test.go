//go:build lab && linux

package e2e

import (
	"slices"
	"sync"
	"testing"

	"github.com/satchel-kit/satchel/internal/lab"
)

// snapshots are those of all hosts of a cluster.
func (c *cluster) snapshots(t *testing.T) map[*lab.Machine]string {
	t.Helper()
	var mutex sync.Mutex
	var all sync.WaitGroup
	taken := map[*lab.Machine]string{}
	for _, m := range c.hosts {
		all.Go(func() {
			now := on(t, m, snapshot)
			mutex.Lock()
			defer mutex.Unlock()
			taken[m] = now
		})
	}
	all.Wait()
	return taken
}

// takenBack resets all hosts, those that others need last, and holds that each is as in
// its snapshot. Files that the tests themselves have made go first.
func (c *cluster) takenBack(t *testing.T, before map[*lab.Machine]string) {
	t.Helper()
	for _, h := range slices.Backward(c.plan.Hosts) {
		m := c.hosts[h.Name]
		on(t, m, "rm -f /root/etcd.db /root/short.db /root/other.db /root/smoke.yaml")
		on(t, m, resets)
		looksAs(t, m, before[m], "after a cluster and its reset")
		says(t, on(t, m, resets), "nothing to take back")
	}
}
