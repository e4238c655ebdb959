package rpm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Request is what a host should get.
type Request struct {
	// Names are such as "keepalived", "kubelet-1.34.4" or "kubelet-1.34.4-150500.1.1" for
	// one version, or a file such as "/usr/bin/socat". A name that no package has itself,
	// or whose package another one replaces, may be one that packages provide.
	Names []string
	// Prefer are names of packages that go first wherever there is a choice between those
	// that provide a name. The earlier is the more preferred.
	Prefer []string
}

// Resolve chooses what has to be added to the installed packages, sorted by name, so
// that what is asked for is there and all that is added has what it requires.
// Recommended packages are not added.
//
// Nothing is removed, obsoleted or downgraded, and something installed is upgraded only if
// a requirement or a conflict asks for it. What an installed package lacked before, it may
// lack after. Where there is a choice, the order is: what is there anyway; the preferred
// packages; the terms of a rich dependency in their order; the package of the name
// itself, newest version first; packages that only provide the name, by name. One that
// another obsoletes is tried after it. Less preferred ones are taken only if the others
// cannot be had.
//
// If there is no way, the error shows for each name that cannot be had how it came to
// the need that nothing meets, and what was looked at.
func Resolve(indexes []*Index, installed *Installed, req Request) ([]*Package, error) {
	p, err := newPool(indexes, req.Prefer)
	if err != nil {
		return nil, fmt.Errorf("resolving packages: %w", err)
	}
	roots, err := p.roots(req)
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

// roots are the names as requirements.
func (p *pool) roots(r Request) ([]Relation, error) {
	var roots []Relation
	var problems []error
	for _, text := range r.Names {
		switch {
		case isPath(text):
			roots = append(roots, Relation{Name: text})
		case !isName(strings.Replace(text, ":", "", 1)) && strings.ContainsAny(text, " \t\n<>=/:") || text == "" || strings.HasPrefix(text, "("):
			problems = append(problems, fmt.Errorf("%q is neither the name of a package nor NAME-VERSION, NAME-VERSION-RELEASE or a path", text))
		default:
			roots = append(roots, p.root(text))
		}
	}
	return roots, errors.Join(problems...)
}

// root reads a name with or without a version. As names and versions have the same
// characters, what the repositories have decides.
func (p *pool) root(text string) Relation {
	r := Relation{Name: text}
	if list := p.meeting(condition{Relation: r}); len(list) > 0 {
		r.itself = list[0].Name == text
		return r
	}
	short := strings.TrimSuffix(strings.TrimSuffix(text, "."+p.arch), ".noarch")
	for at := len(short); ; {
		at = strings.LastIndexByte(short[:at], '-')
		if at <= 0 || strings.Count(short[at+1:], "-") > 1 {
			return r
		}
		if name, evr := short[:at], short[at+1:]; len(p.versions(name)) > 0 && checkEVR(evr) == nil {
			return Relation{Name: name, Op: "=", Version: evr, itself: true}
		}
	}
}

func (p *pool) resolve(installed *Installed, roots []Relation) ([]*Package, error) {
	fail, list, err := p.attempt(installed, roots)
	if err != nil || fail == nil {
		return list, err
	}
	// Each by itself, so that all that cannot be had are told at once.
	var alone []error
	if len(roots) > 1 {
		for _, root := range roots {
			f, _, err := p.attempt(installed, []Relation{root})
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

// attempt makes one search, and a second one if it turns out to need the lists of all
// files.
func (p *pool) attempt(installed *Installed, roots []Relation) (*failure, []*Package, error) {
	fail, list, err := p.search(installed, roots)
	if !errors.Is(err, errDeep) {
		return fail, list, err
	}
	var asked []string
	for _, r := range roots {
		asked = append(asked, r.Name)
	}
	if err := p.readLists(asked); err != nil {
		return nil, nil, err
	}
	return p.search(installed, roots)
}

func (p *pool) search(installed *Installed, roots []Relation) (*failure, []*Package, error) {
	request := &Package{Architecture: p.arch}
	for _, r := range roots {
		list, err := newClauses("Requires", r)
		if err != nil {
			return nil, nil, err
		}
		request.rules = append(request.rules, list...)
	}
	s := &search{world: newWorld(p, installed)}
	s.push(request, nil)
	fail, err := s.solve()
	if fail != nil || err != nil {
		return fail, nil, err
	}
	list := slices.Clone(s.chosen[1:])
	slices.SortFunc(list, byName)
	return nil, list, nil
}
