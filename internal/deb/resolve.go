package deb

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Request is what a host should get.
type Request struct {
	// Names are such as "keepalived", or "kubelet=1.34.4-1.1" for one version. A name
	// that no package has itself may be one that packages provide.
	Names []string
	// Prefer are names of packages that go first wherever there is a choice: between
	// the alternatives of a dependency, and between those that provide a name. The
	// earlier is the more preferred.
	Prefer []string
}

// Resolve chooses what has to be added to the installed packages, sorted by name, so
// that what is asked for is there and all that is added has what it depends on.
// Recommended packages are not added.
//
// Nothing is removed or downgraded, and something installed is upgraded only if a
// dependency or a conflict asks for it. What an installed package lacked before, it may
// lack after. Where there is a choice, the order is: what is there anyway; the preferred
// packages; the alternatives of a dependency in their order; the package of the name
// itself, newest version first; packages that only provide the name, by Priority, then by
// name. Less preferred ones are taken only if the others cannot be had.
//
// If there is no way, the error shows for each name that cannot be had how it came to
// the need that nothing meets, and what was looked at.
func Resolve(indexes []*Index, installed *Installed, req Request) ([]*Package, error) {
	p, err := newPool(indexes, req.Prefer)
	if err != nil {
		return nil, fmt.Errorf("resolving packages: %w", err)
	}
	roots, err := req.roots()
	if err != nil {
		return nil, fmt.Errorf("resolving packages: %w", err)
	}
	if installed == nil {
		installed = &Installed{}
	}
	list, err := p.resolve(installed, roots)
	if err != nil {
		return nil, fmt.Errorf("resolving packages for %s: %w", p.arch, err)
	}
	return list, nil
}

// roots are the names as dependencies.
func (r Request) roots() ([]Alternatives, error) {
	var roots []Alternatives
	var problems []error
	for _, text := range r.Names {
		name, version, pinned := strings.Cut(text, "=")
		one := Relation{Name: name}
		if pinned {
			one.Op, one.Version = "=", version
		}
		err := checkVersion(version)
		switch {
		case !isName(name):
			problems = append(problems, fmt.Errorf("%q is neither the name of a package nor NAME=VERSION", text))
		case pinned && err != nil:
			problems = append(problems, fmt.Errorf("%q: %w", text, err))
		default:
			roots = append(roots, Alternatives{one})
		}
	}
	return roots, errors.Join(problems...)
}

func (p *pool) resolve(installed *Installed, roots []Alternatives) ([]*Package, error) {
	for _, root := range roots {
		name := root[0].Name
		root[0].itself = len(p.versions(name)) > 0 || slices.ContainsFunc(installed.packages, func(i *Package) bool { return i.Name == name })
	}
	fail, list, err := p.attempt(installed, roots)
	if err != nil || fail == nil {
		return list, err
	}
	// Each by itself, so that all that cannot be had are told at once.
	var alone []error
	if len(roots) > 1 {
		for _, root := range roots {
			f, _, err := p.attempt(installed, []Alternatives{root})
			if err == nil && f != nil {
				alone = append(alone, fmt.Errorf("%s cannot be installed:\n%s", root, f))
			}
		}
	}
	switch {
	case len(alone) > 0:
		return nil, errors.Join(alone...)
	case len(roots) == 1:
		return nil, fmt.Errorf("%s cannot be installed:\n%s", roots[0], fail)
	}
	return nil, fmt.Errorf("each of the packages can be installed, but not all together:\n%s", fail)
}

// attempt makes one search.
func (p *pool) attempt(installed *Installed, roots []Alternatives) (*failure, []*Package, error) {
	s := &search{world: newWorld(p, installed)}
	s.push(&Package{Depends: roots, Architecture: p.arch}, nil)
	fail, err := s.solve()
	if fail != nil || err != nil {
		return fail, nil, err
	}
	list := slices.Clone(s.chosen[1:])
	slices.SortFunc(list, byName)
	return nil, list, nil
}

// Minimal is the baseline of a minimal system: what is Essential, what has the Priority
// required or important, and all that these depend on. Only the indexes of a
// distribution count, which are those with Essential packages: what a vendor calls
// important is on no host before somebody installs it.
//
// Of each package it is the oldest version that the indexes have: a host may have been
// installed before updates came out. So an update that something depends on is added,
// though a host may have it already; one package too many is harmless, one too few is
// not.
func Minimal(indexes []*Index) (*Installed, error) {
	p, err := newPool(indexes, nil)
	if err != nil {
		return nil, fmt.Errorf("finding the minimal system: %w", err)
	}
	p.oldest = true
	var roots []Alternatives
	for _, x := range indexes {
		for _, name := range x.minimal() {
			roots = append(roots, Alternatives{{Name: name}})
		}
	}
	if len(roots) == 0 {
		return nil, errors.New("finding the minimal system: no repository has a package with \"Essential: yes\", so none is that of a distribution")
	}
	list, err := p.resolve(&Installed{}, roots)
	if err != nil {
		return nil, fmt.Errorf("finding the minimal system for %s: %w", p.arch, err)
	}
	return newInstalled(list)
}
