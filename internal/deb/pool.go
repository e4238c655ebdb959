package deb

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// pool is all that could be added to a host: the packages of several indexes.
type pool struct {
	arch    string
	indexes []*Index
	prefer  map[string]int
	// oldest turns the order of versions round, for a baseline.
	oldest bool

	opened     []map[int32]*Package
	named      map[string][]*Package
	candidates map[Relation][]*Package
	// broken are the packages that were looked at and cannot be read.
	broken map[string]error
}

func newPool(indexes []*Index, prefer []string) (*pool, error) {
	if len(indexes) == 0 {
		return nil, errors.New("there are no repositories to resolve from")
	}
	p := &pool{arch: indexes[0].Arch, indexes: indexes, prefer: map[string]int{},
		named: map[string][]*Package{}, candidates: map[Relation][]*Package{}, broken: map[string]error{}}
	for _, x := range indexes {
		if x.Arch != p.arch {
			return nil, fmt.Errorf("the index of %s is for %s, that of %s for %s: one host has one architecture",
				x.Repository, x.Arch, indexes[0].Repository, p.arch)
		}
		p.opened = append(p.opened, map[int32]*Package{})
	}
	for i, name := range prefer {
		if !isName(name) {
			return nil, fmt.Errorf("%q among the preferred packages is no name of a package", name)
		}
		if _, twice := p.prefer[name]; !twice {
			p.prefer[name] = i
		}
	}
	return p, nil
}

// list opens packages of every index. Of two that are the same version, the one of the
// first index counts. What cannot be read does not exist, but is remembered: a fault in
// a package that nobody needs should stop nobody.
func (p *pool) list(numbers func(*Index) []int32) []*Package {
	var list []*Package
	for i, x := range p.indexes {
		for _, n := range numbers(x) {
			one, ok := p.opened[i][n]
			if !ok {
				var err error
				if one, err = x.open(n); err != nil {
					p.broken[x.entries[n].name] = err
				}
				p.opened[i][n] = one
			}
			same := func(o *Package) bool { return o.Name == one.Name && o.Version == one.Version }
			if one != nil && !slices.ContainsFunc(list, same) {
				list = append(list, one)
			}
		}
	}
	return list
}

// versions are all of a package, the best first.
func (p *pool) versions(name string) []*Package {
	list, ok := p.named[name]
	if !ok {
		list = p.list(func(x *Index) []int32 { return x.byName[name] })
		slices.SortStableFunc(list, p.byVersion)
		p.named[name] = list
	}
	return list
}

func (p *pool) byVersion(a, b *Package) int {
	if p.oldest {
		a, b = b, a
	}
	return Compare(b.Version, a.Version)
}

// meeting are the packages that meet a relation, in the order in which they are tried.
//
// This is the rule: first the preferred packages, in the order of the preferences. Then
// packages of the name itself, the newest version first. Then those that only provide
// it, by their Priority, then by name, then the newest version first.
func (p *pool) meeting(r Relation) []*Package {
	if list, ok := p.candidates[r]; ok {
		return list
	}
	var list []*Package
	for _, one := range p.versions(r.Name) {
		if one.matches(r) {
			list = append(list, one)
		}
	}
	providers := p.list(func(x *Index) []int32 { return x.provided[r.Name] })
	slices.SortStableFunc(providers, func(a, b *Package) int {
		if c := rank(a.Priority) - rank(b.Priority); c != 0 {
			return c
		}
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return p.byVersion(a, b)
	})
	for _, one := range providers {
		if one.Name != r.Name && one.matches(r) {
			list = append(list, one)
		}
	}
	p.candidates[r] = p.preferred(list)
	return p.candidates[r]
}

// preferred moves the preferred packages to the front.
func (p *pool) preferred(list []*Package) []*Package {
	if len(p.prefer) == 0 {
		return list
	}
	place := func(one *Package) int {
		if n, ok := p.prefer[one.Name]; ok {
			return n
		}
		return len(p.prefer)
	}
	slices.SortStableFunc(list, func(a, b *Package) int { return place(a) - place(b) })
	return list
}

// meetingAny is meeting for alternatives, which are tried in their order, after the
// preferred ones.
func (p *pool) meetingAny(a Alternatives) []*Package {
	if len(a) == 1 {
		return p.meeting(a[0])
	}
	var list []*Package
	for _, r := range a {
		for _, one := range p.meeting(r) {
			if !slices.Contains(list, one) {
				list = append(list, one)
			}
		}
	}
	return p.preferred(list)
}

var priorities = []string{"required", "important", "standard", "optional", "extra"}

func rank(priority string) int {
	if n := slices.Index(priorities, priority); n >= 0 {
		return n
	}
	return len(priorities)
}
