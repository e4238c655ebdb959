package rpm

import (
	"errors"
	"fmt"
	"slices"
)

// need is a clause that has to hold and does not.
type need struct {
	by *Package
	*clause
	// upgrade are installed packages whose versions may have to go. A package that has the
	// clause itself is one if it is installed: a newer version may need something else.
	upgrade []*Package
	// there are all packages that keep the clause from holding by being there.
	there []*Package
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
	for i := range p.rules {
		c := &p.rules[i]
		if !w.holds(p, c, false) && w.isChoice(c) == choices {
			return w.need(p, c)
		}
	}
	for _, name := range p.offers {
		for _, o := range w.against[name] {
			if n := w.broken(o, name, choices); n != nil {
				return n
			}
		}
	}
	if old := w.replaced(p.Name); old != nil && !choices {
		return w.leaning(old)
	}
	return nil
}

// broken is a need that comes of a name that arrived. Where a clause of an installed
// package did not hold before, it is not ours to mend.
func (w *world) broken(o *Package, name string, choices bool) *need {
	if w.gone(o) {
		return nil
	}
	for i := range o.rules {
		c := &o.rules[i]
		about := slices.ContainsFunc(c.none, func(t condition) bool { return slices.Contains(t.names(), name) })
		if !about || w.holds(o, c, false) || w.isChoice(c) != choices {
			continue
		}
		if w.levelOf(o) >= 0 || w.holds(o, c, true) {
			return w.need(o, c)
		}
	}
	return nil
}

// leaning is a clause of an installed package that stood on one that is gone.
func (w *world) leaning(gone *Package) *need {
	for _, name := range gone.offers {
		for _, p := range w.leans[name] {
			if w.gone(p) {
				continue
			}
			for i := range p.rules {
				if c := &p.rules[i]; !w.holds(p, c, false) && w.holds(p, c, true) {
					return w.need(p, c)
				}
			}
		}
	}
	return nil
}

// need is a clause with those who keep it from holding.
func (w *world) need(by *Package, c *clause) *need {
	n := &need{by: by, clause: c}
	var except *Package
	if c.others {
		except = by
	}
	for _, t := range c.none {
		n.there = append(n.there, w.meeters(t, false, except)...)
	}
	for _, p := range append([]*Package{by}, n.there...) {
		if w.levelOf(p) < 0 && w.replaced(p.Name) == p && !slices.Contains(n.upgrade, p) {
			n.upgrade = append(n.upgrade, p)
		}
	}
	return n
}

// isChoice tells whether packages of more than one name would do.
func (w *world) isChoice(c *clause) bool {
	list := w.meetingAny(c.any)
	for _, p := range list {
		if p.Name != list[0].Name {
			return true
		}
	}
	return false
}

// options are the packages that may meet a need, the best first.
func (w *world) options(n *need) []*Package {
	list := slices.Clone(w.meetingAny(n.any))
	for _, p := range n.upgrade {
		list = append(list, w.versions(p.Name)...)
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
	for _, old := range w.installed[p.Name] {
		switch c := Compare(p.EVR(), old.EVR()); {
		case c == 0:
			return &refusal{"it is the version that is installed", nil}
		case c < 0:
			return &refusal{fmt.Sprintf("%s is installed, and nothing is downgraded", old), nil}
		}
	}
	for _, f := range w.foreign[p.Name] {
		if f.EVR() != p.EVR() {
			return &refusal{fmt.Sprintf("%s is installed as well, and stays as it is", f), nil}
		}
	}
	return w.clash(p)
}

// clash is a conflict with a chosen package, in either's rules. Those that have a way
// out, or that are with an installed package, become needs.
func (w *world) clash(p *Package) *refusal {
	against := func(by *Package, c *clause, other *Package) *refusal {
		n := w.levelOf(other)
		if by != p {
			n = w.levelOf(by)
		}
		if n < 0 || len(c.any) > 0 || len(c.none) != 1 || !other.meets(c.none[0]) {
			return nil
		}
		return &refusal{fmt.Sprintf("%s %s, and %s is chosen already", by, c, w.chosen[n]), []int{n}}
	}
	for i := range p.rules {
		c := &p.rules[i]
		if !c.others {
			continue
		}
		for _, t := range c.none {
			for _, o := range w.meeters(t, false, p) {
				if r := against(p, c, o); r != nil {
					return r
				}
			}
		}
	}
	for _, name := range p.offers {
		for _, o := range w.against[name] {
			for i := range o.rules {
				if c := &o.rules[i]; c.others {
					if r := against(o, c, p); r != nil {
						return r
					}
				}
			}
		}
	}
	return nil
}

// errTooHard is the end of a search that does not come to one.
var errTooHard = errors.New("the search for packages was given up: there are too many ways; name versions (NAME-VERSION) or preferred packages to help it")

// errDeep is the end of a search that needs the lists of all files.
var errDeep = errors.New("the file lists are needed")

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
	if s.deep {
		return nil, errDeep
	}
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
