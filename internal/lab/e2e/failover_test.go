//go:build lab && linux

package e2e

import (
	"net/netip"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

// fault is something that breaks and how it is mended.
type fault struct {
	name string
	// most is the longest outage that a client may see, as the median of all times.
	most      time.Duration
	harm, fix func()
	settled   func() bool
}

// TestFailover breaks a cluster again and again, and measures how long a client that
// asks the API every 50 ms has no answer. LAB_TIMES is how often; default: 10.
func TestFailover(t *testing.T) {
	times := 10
	if n, err := strconv.Atoi(os.Getenv("LAB_TIMES")); err == nil {
		times = n
	}
	c := bootCluster(t, "1.34.4", "ha", highlyAvailable)
	defer c.explain(t)
	c.install(t)
	c.waitReady(t, time.Minute)
	lb1, cp2 := c.hosts["lb1"], c.hosts["cp2"]
	home := func() bool { return slices.Equal(c.holders(t, "10.0.0.100"), []string{"lb1"}) }

	for _, f := range []fault{
		{"keepalived stopped", time.Second,
			func() { on(t, lb1, "systemctl stop keepalived") }, func() { on(t, lb1, "systemctl start keepalived") }, home},
		{"haproxy dead", 3 * time.Second,
			func() { on(t, lb1, "systemctl stop haproxy") }, func() { on(t, lb1, "systemctl start haproxy") }, home},
		// keepalived gives the address up when it starts again, before it claims it.
		{"keepalived killed", 4 * time.Second,
			func() { on(t, lb1, "systemctl kill --signal=KILL keepalived") }, func() {}, home},
		{"holder cut off", 4 * time.Second,
			func() { cut(t, lb1) }, func() { reconnect(t, lb1) }, home},
		{"control plane cut off", 2 * time.Second,
			func() { cut(t, cp2) }, func() { reconnect(t, cp2) }, func() bool { return home() && c.notReady(t) == "" }},
	} {
		t.Run(f.name, func(t *testing.T) { c.suffer(t, f, times) })
	}
	c.quiet(t, "lb1", "lb2")
}

// suffer breaks and mends, and judges the median of the longest outages.
func (c *cluster) suffer(t *testing.T, f fault, times int) {
	var longest []time.Duration
	for range times {
		probe, err := c.net.Probe(t.Context(), "https://10.0.0.100:6443/readyz", 50*time.Millisecond, lab.Impatient)
		if err != nil {
			t.Fatal(err)
		}
		f.harm()
		time.Sleep(6 * time.Second)
		if holders := c.holders(t, "10.0.0.100"); len(holders) > 1 && f.name != "holder cut off" {
			t.Errorf("the address is on %v", holders)
		}
		f.fix()
		eventually(t, 2*time.Minute, "all is as before", f.settled)
		time.Sleep(time.Second)
		worst := time.Duration(0)
		for _, o := range probe.Stop().Outages {
			worst = max(worst, o.Length())
		}
		longest = append(longest, worst)
	}
	slices.Sort(longest)
	median := longest[len(longest)/2]
	t.Logf("%s: outage of %v (median of %d), %v at least, %v at most", f.name, ms(median), times, ms(longest[0]), ms(longest[len(longest)-1]))
	if median > f.most {
		t.Errorf("an outage of %v, more than %v", median, f.most)
	}
}

func ms(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

func cut(t *testing.T, m *lab.Machine) {
	t.Helper()
	if err := m.CutOff(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func reconnect(t *testing.T, m *lab.Machine) {
	t.Helper()
	if err := m.Reconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// holders are the hosts that have an address, sorted by name.
func (c *cluster) holders(t *testing.T, address string) []string {
	t.Helper()
	var names []string
	for name, m := range c.hosts {
		addresses, err := m.Addresses(t.Context())
		if err == nil && slices.ContainsFunc(addresses, func(p netip.Prefix) bool { return p.Addr().String() == address }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
