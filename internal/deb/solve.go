package deb

import (
	"errors"
	"fmt"
)

// need is something that has to be so and is not: a dependency that nothing meets, or a
// clash with an installed package.
type need struct {
	by    *Package
	field string
	// met by any of these.
	alternatives Alternatives
	// upgrade is an installed package whose version must go. For a dependency it is by
	// itself if that is installed: a newer version may need something else.
	upgrade *Package
	// other is who a clash is with.
	other *Package
}

// next is a need that is open, or nil. Those without a choice come first, so that a
// choice is made when everything is known that will be there anyway.
func (w *world) next() *need {
	for ; w.checked < len(w.chosen); w.checked++ {
		if n := w.open(w.chosen[w.checked], false); n != nil {
			return n
		}
	}
	for ; w.settled < len(w.chosen); w.settled++ {
		if n := w.open(w.chosen[w.settled], true); n != nil {
			return n
		}
	}
	return nil
}

// open is an open need of a chosen package, or that comes of it.
func (w *world) open(p *Package, choices bool) *need {
	for d := range p.dependencies() {
		if !w.holds(d.alternatives, false) && w.isChoice(d.alternatives) == choices {
			return &need{by: p, field: d.field, alternatives: d.alternatives}
		}
	}
	if choices {
		return nil
	}
	var found *need
	w.clashes(p, func(by *Package, c conflict, other *Package) bool {
		there := by
		if there == p {
			there = other
		}
		found = &need{by: by, field: c.field, alternatives: Alternatives{c.Relation}, upgrade: there, other: other}
		return false
	})
	if found != nil || w.installed[p.Name] == nil {
		return found
	}
	return w.leaning(w.installed[p.Name])
}

// leaning is a dependency of an installed package that stood on one that is gone. What
// did not hold before is not ours to mend.
func (w *world) leaning(gone *Package) *need {
	for _, name := range gone.offered() {
		for _, p := range w.leans[name] {
			if w.gone(p) {
				continue
			}
			for d := range p.dependencies() {
				if !w.holds(d.alternatives, false) && w.holds(d.alternatives, true) {
					return &need{by: p, field: d.field, alternatives: d.alternatives, upgrade: p}
				}
			}
		}
	}
	return nil
}

// isChoice tells whether packages of more than one name would do.
func (w *world) isChoice(a Alternatives) bool {
	list := w.meetingAny(a)
	for _, p := range list {
		if p.Name != list[0].Name {
			return true
		}
	}
	return false
}

// options are the packages that may meet a need, the best first.
func (w *world) options(n *need) []*Package {
	var list []*Package
	if n.other == nil {
		list = append(list, w.meetingAny(n.alternatives)...)
	}
	if n.upgrade != nil && n.upgrade.native(w.arch) {
		list = append(list, w.versions(n.upgrade.Name)...)
	}
	return list
}

// refusal is why a package cannot be chosen, and the places in chosen of those that are
// to blame.
type refusal struct {
	why   string
	blame []int
}

// refuses tells why a package cannot be chosen as things stand, or nil.
func (w *world) refuses(p *Package) *refusal {
	if n, ok := w.level[p.Name]; ok {
		return &refusal{fmt.Sprintf("%s is chosen already", w.chosen[n]), []int{n}}
	}
	if old := w.installed[p.Name]; old != nil {
		switch c := Compare(p.Version, old.Version); {
		case c == 0:
			return &refusal{"it is the version that is installed", nil}
		case c < 0:
			return &refusal{fmt.Sprintf("%s is installed, and nothing is downgraded", old), nil}
		case old.held:
			return &refusal{fmt.Sprintf("%s is installed and held", old), nil}
		}
	}
	for _, f := range w.foreign[p.Name] {
		if p.MultiArch != "same" || f.Version != p.Version {
			return &refusal{fmt.Sprintf("%s of %s is installed as well, and stays as it is", f, f.Architecture), nil}
		}
	}
	var found *refusal
	w.clashes(p, func(by *Package, c conflict, other *Package) bool {
		against := by
		if against == p {
			against = other
		}
		if n := w.levelOf(against); n >= 0 {
			found = &refusal{fmt.Sprintf("%s, and %s is chosen already", c.of(by), against), []int{n}}
		}
		return found == nil
	})
	return found
}

// errTooHard is the end of a search that does not come to one.
var errTooHard = errors.New("the search for packages was given up: there are too many ways; name versions (NAME=VERSION) or preferred packages to help it")

// maxChoices bounds a search. Real ones choose as many times as they add packages, and
// a few times more.
const maxChoices = 20_000

// search tries all ways, in the order of preference. When it has to go back, it goes
// back to the last choice that has to do with the failure, and so does not try again
// what cannot help (conflict-directed backjumping, Prosser 1993).
type search struct {
	*world
	choices int
}

// solve meets all needs that are open. The failure is nil if it can.
func (s *search) solve() (*failure, error) {
	n := s.next()
	if n == nil {
		return nil, nil
	}
	checked, settled := s.checked, s.settled
	fail := s.fail(n)
	for _, p := range s.options(n) {
		if r := s.refuses(p); r != nil {
			fail.refused(p, r)
			continue
		}
		if s.choices++; s.choices > maxChoices {
			return nil, errTooHard
		}
		s.push(p, n)
		sub, err := s.solve()
		if sub == nil || err != nil {
			return nil, err
		}
		s.pop()
		s.checked, s.settled = checked, settled
		if own := len(s.chosen); !sub.blame[own] {
			return sub, nil
		}
		fail.failed(p, sub, len(s.chosen))
	}
	return fail, nil
}
