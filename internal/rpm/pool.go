package rpm

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
	hidden  []map[*Package]bool
	prefer  map[string]int
	// oldest turns the order of versions round, for a baseline.
	oldest bool

	// owners are, for each index, the packages that have the files which only filelists.xml
	// lists. It is nil before that is read.
	owners []map[string][]int32
	extra  []map[int32][]string // the same, by package

	opened     []map[int32]*Package
	named      map[string][]*Package
	candidates map[string][]*Package
	// faulty are the packages that were looked at and cannot be read.
	faulty map[string]error
}

func newPool(indexes []*Index, prefer []string) (*pool, error) {
	if len(indexes) == 0 {
		return nil, errors.New("there are no repositories to resolve from")
	}
	p := &pool{arch: indexes[0].Arch, indexes: indexes, prefer: map[string]int{}}
	for _, x := range indexes {
		if x.Arch != p.arch {
			return nil, fmt.Errorf("the index of %s is for %s, that of %s for %s: one host has one architecture",
				x.Repository, x.Arch, indexes[0].Repository, p.arch)
		}
	}
	for i, name := range prefer {
		if !isName(name) {
			return nil, fmt.Errorf("%q among the preferred packages is no name of a package", name)
		}
		if _, twice := p.prefer[name]; !twice {
			p.prefer[name] = i
		}
	}
	p.hidden = hidden(indexes)
	p.forget()
	return p, nil
}

// forget drops what was worked out, because packages have more files than was known.
func (p *pool) forget() {
	p.opened = make([]map[int32]*Package, len(p.indexes))
	for i := range p.opened {
		p.opened[i] = map[int32]*Package{}
	}
	p.named, p.candidates, p.faulty = map[string][]*Package{}, map[string][]*Package{}, map[string]error{}
}

// readLists looks all files up that are needed by something in the indexes or asked for,
// and that only filelists.xml has.
func (p *pool) readLists(asked []string) error {
	wanted := map[string]bool{}
	for _, x := range p.indexes {
		for path := range x.paths {
			wanted[path] = true
		}
	}
	for _, a := range asked {
		if isPath(a) {
			wanted[a] = true
		}
	}
	for _, x := range p.indexes {
		owners, err := x.owners(wanted)
		if err != nil {
			return err
		}
		extra := map[int32][]string{}
		for path, list := range owners {
			for _, n := range list {
				extra[n] = append(extra[n], path)
			}
		}
		p.owners, p.extra = append(p.owners, owners), append(p.extra, extra)
	}
	p.forget()
	return nil
}

// open makes a package of an index ready, or gives nil if there is none for this host.
func (p *pool) open(index int, n int32) *Package {
	one, ok := p.opened[index][n]
	if ok {
		return one
	}
	entry := p.indexes[index].packages[n]
	if !p.hidden[index][entry] {
		full := *entry
		if p.owners != nil {
			full.Files = slices.Concat(entry.Files, p.extra[index][n])
			slices.Sort(full.Files)
		}
		if err := full.prepare(); err != nil {
			p.faulty[entry.Name] = fmt.Errorf("the index of %s: package %s: %w", entry.Repository, entry, err)
		} else {
			one = &full
		}
	}
	p.opened[index][n] = one
	return one
}

// list opens packages of every index. Of two that are the same version, the one of the
// first index counts. What cannot be read does not exist, but is remembered: a fault in
// a package that nobody needs should stop nobody.
func (p *pool) list(numbers func(index int, x *Index) []int32) []*Package {
	var list []*Package
	for i, x := range p.indexes {
		for _, n := range numbers(i, x) {
			one := p.open(i, n)
			same := func(o *Package) bool {
				return o.Name == one.Name && o.EVR() == one.EVR() && o.Architecture == one.Architecture
			}
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
		list = p.list(func(_ int, x *Index) []int32 { return x.byName[name] })
		slices.SortStableFunc(list, p.byVersion)
		p.named[name] = list
	}
	return list
}

func (p *pool) byVersion(a, b *Package) int {
	if p.oldest {
		a, b = b, a
	}
	return Compare(b.EVR(), a.EVR())
}

// providers are the packages that provide a capability or have a file.
func (p *pool) providers(name string) []*Package {
	return p.list(func(i int, x *Index) []int32 {
		numbers := slices.Clone(x.provided[name])
		if isPath(name) {
			numbers = append(numbers, x.files[name]...)
			if p.owners != nil {
				numbers = append(numbers, p.owners[i][name]...)
			}
		}
		return numbers
	})
}

// meeting are the packages that meet a term, in the order in which they are tried.
//
// This is the rule: first the preferred packages, in the order of the preferences. Then
// packages of the name itself, the newest version first. Then those that only provide it
// or have the file, by name, then the newest version first. A package that another one of
// them obsoletes is after all those that none does.
func (p *pool) meeting(c condition) []*Package {
	key := c.String()
	if c.itself {
		key = "=" + key
	}
	if list, ok := p.candidates[key]; ok {
		return list
	}
	var list []*Package
	for _, name := range c.names() {
		for _, one := range slices.Concat(p.versions(name), p.provide(name)) {
			if one.meets(c) && !slices.Contains(list, one) {
				list = append(list, one)
			}
		}
	}
	p.candidates[key] = p.preferred(replacedLast(list))
	return p.candidates[key]
}

// provide are the providers in the order in which they are tried.
func (p *pool) provide(name string) []*Package {
	list := p.providers(name)
	slices.SortStableFunc(list, func(a, b *Package) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return p.byVersion(a, b)
	})
	return list
}

// replacedLast moves the packages that others of a list obsolete to the end.
func replacedLast(list []*Package) []*Package {
	replaced := func(one *Package) bool {
		return slices.ContainsFunc(list, func(o *Package) bool { return o.obsoletes(one) && !one.obsoletes(o) })
	}
	var good, last []*Package
	for _, one := range list {
		if replaced(one) {
			last = append(last, one)
		} else {
			good = append(good, one)
		}
	}
	return append(good, last...)
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

// meetingAny is meeting for several terms, which are tried in their order, after the
// preferred ones.
func (p *pool) meetingAny(terms []condition) []*Package {
	if len(terms) == 1 {
		return p.meeting(terms[0])
	}
	var list []*Package
	for _, t := range terms {
		for _, one := range p.meeting(t) {
			if !slices.Contains(list, one) {
				list = append(list, one)
			}
		}
	}
	return p.preferred(list)
}
