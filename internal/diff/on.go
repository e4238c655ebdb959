package diff

import (
	"fmt"
	"slices"
	"strings"
)

// few is how many names are listed in full.
const few = 3

// plurals are the roles for people.
var plurals = []struct{ role, name string }{
	{"worker", "workers"}, {"control-plane", "control planes"}, {"load-balancer", "load balancers"}, {"registry", "registry hosts"},
}

// on says which hosts these are: "all 12 workers", "worker1 and 11 more workers". The
// names are sorted.
func (c *comparison) on(names []string) string {
	switch n := len(names); {
	case n == 0:
		return ""
	case n == 1:
		return names[0]
	}
	// Hosts that are new have no difference, so all are those of both sides.
	kept, before := c.both(), ""
	if len(kept) < len(c.b.names) && !slices.ContainsFunc(names, func(n string) bool { return c.a.hosts[n] == nil }) {
		before = " that were there"
	} else if len(kept) < len(c.b.names) {
		kept = c.b.names
	}
	if len(names) == len(kept) {
		return all(len(names)) + " hosts" + before
	}
	more := ""
	for _, p := range plurals {
		if !c.all(names, p.role) {
			continue
		}
		if len(names) == c.count(kept, p.role) {
			return all(len(names)) + " " + p.name + before
		}
		more = " " + p.name
	}
	if more == "" && c.nodes(kept) == len(names) && c.nodes(names) == len(names) {
		return all(len(names)) + " nodes" + before
	}
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more%s", names[0], len(names)-1, more)
}

func all(n int) string {
	if n == 2 {
		return "both"
	}
	return fmt.Sprintf("all %d", n)
}

func (c *comparison) host(name string) *host {
	if h := c.b.hosts[name]; h != nil {
		return h
	}
	return c.a.hosts[name]
}

func (c *comparison) all(names []string, role string) bool {
	return c.count(names, role) == len(names)
}

func (c *comparison) count(names []string, role string) int {
	n := 0
	for _, name := range names {
		if h := c.host(name); h != nil && h.has(role) {
			n++
		}
	}
	return n
}

func (c *comparison) nodes(names []string) int {
	n := 0
	for _, name := range names {
		if h := c.host(name); h != nil && h.node() {
			n++
		}
	}
	return n
}
