package report

import (
	"maps"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/plan"
)

// Package is what the hosts' operating systems have to bring.
type Package struct {
	Name, Programs, On string
}

// Brought is a package of the operating system that the bundle brings. Version, digest and
// size are empty where the lock does not know them.
type Brought struct {
	Name, Version, SHA256 string
	// System is such as "debian-12-amd64".
	System string
	// For is who asks for it, and On the hosts that may get it.
	For, On string
	Size    int64
}

// addPackages lists what the hosts need of their operating systems: turned round, by
// package, where they have to have it, and where the bundle brings it what the lock knows.
func (c *Cluster) addPackages(l *lock.Lock) {
	programs, hosts := map[string]map[string]bool{}, map[string][]string{}
	for i := range c.plan.Hosts {
		h := &c.plan.Hosts[i]
		seen := map[string]bool{}
		for _, need := range h.Needs {
			program, name, _ := strings.Cut(need, ":")
			if h.Packages.Place != "" {
				continue // the bundle brings it
			}
			if programs[name] == nil {
				programs[name] = map[string]bool{}
			}
			programs[name][program] = true
			if !seen[name] {
				hosts[name] = append(hosts[name], h.Name)
			}
			seen[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		c.Packages = append(c.Packages, Package{name, strings.Join(slices.Sorted(maps.Keys(programs[name])), ", "), c.describe(hosts[name])})
	}
	for i := range c.plan.Packages {
		c.addBrought(&c.plan.Packages[i], l)
	}
}

// addBrought lists the packages of a set: those of the lock, or without one the names that
// are asked for.
func (c *Cluster) addBrought(want *plan.PackageSet, l *lock.Lock) {
	all, by := []string{}, map[string][]string{}
	for i := range c.plan.Hosts {
		h := &c.plan.Hosts[i]
		if h.Packages.Place != want.Place {
			continue
		}
		all = append(all, h.Name)
		for _, name := range h.Packages.Names {
			by[name] = append(by[name], h.Name)
		}
	}
	at := slices.IndexFunc(l.Packages, func(s lock.PackageSet) bool { return s.Place == want.Place })
	if at < 0 {
		for _, name := range want.Names {
			c.Brought = append(c.Brought, Brought{Name: name, Version: want.Pinned(name), System: want.Place, For: "the hosts' roles or the spec", On: c.describe(by[name])})
		}
		return
	}
	for _, p := range l.Packages[at].Packages {
		b := Brought{Name: p.Name, Version: p.Version, SHA256: p.SHA256, Size: p.Size, System: want.Place, For: "other packages", On: c.describe(all)}
		if users := by[p.Name]; len(users) > 0 {
			b.For, b.On = "the hosts' roles or the spec", c.describe(users)
		}
		c.PackageBytes += p.Size
		c.LargestPackage = max(c.LargestPackage, p.Size)
		c.Brought = append(c.Brought, b)
	}
}
