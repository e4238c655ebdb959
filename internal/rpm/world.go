package rpm

import (
	"slices"
)

// world is a host as it would be: what is installed and what was chosen so far.
type world struct {
	*pool
	// chosen are in the order of choosing, and why are the needs that each is for. The
	// first stands for the request itself: it requires what is asked for.
	chosen []*Package
	why    []*need
	level  map[string]int // the place of a name in chosen
	// checked and settled are how many of the chosen have no open need of a kind.
	checked, settled int
	// deep is set when a need names a file that only filelists.xml has, and that is not read.
	deep bool

	// installed are all versions of a name; where there is more than one, a new one comes
	// beside them.
	installed map[string][]*Package
	foreign   map[string][]*Package // installed, of another architecture
	// offers are the packages that have or provide a name, whether gone or not.
	offers map[string][]*Package
	// against are those that have a rule which the arrival of a name may break.
	against map[string][]*Package
	// leans are the installed ones that require a name.
	leans map[string][]*Package
}

func newWorld(p *pool, installed *Installed) *world {
	w := &world{pool: p, level: map[string]int{}, installed: map[string][]*Package{}, foreign: map[string][]*Package{},
		offers: map[string][]*Package{}, against: map[string][]*Package{}, leans: map[string][]*Package{}}
	for _, one := range installed.packages {
		if !one.native(p.arch) {
			w.foreign[one.Name] = append(w.foreign[one.Name], one)
			continue
		}
		one = p.complete(one)
		w.installed[one.Name] = append(w.installed[one.Name], one)
		w.add(one)
		for _, c := range one.rules {
			for _, t := range c.any {
				for _, name := range t.names() {
					if list := w.leans[name]; len(list) == 0 || list[len(list)-1] != one {
						w.leans[name] = append(list, one)
					}
				}
			}
		}
	}
	return w
}

// complete finds out in the repositories what an installed package is like, if only its
// version is known. If they no longer have this version, it is believed to provide
// what the nearest provides, but in no known version.
func (p *pool) complete(one *Package) *Package {
	if one.known {
		return one
	}
	known := slices.Clone(p.versions(one.Name))
	if len(known) == 0 {
		return one
	}
	slices.SortStableFunc(known, func(a, b *Package) int { return Compare(b.EVR(), a.EVR()) })
	nearest := known[0]
	for _, k := range known {
		if c := Compare(k.EVR(), one.EVR()); c == 0 {
			return k
		} else if c > 0 {
			nearest = k
		}
	}
	full := *one
	full.Files = nearest.Files
	for _, v := range nearest.Provides {
		if v.Name != one.Name {
			full.Provides = append(full.Provides, Relation{Name: v.Name})
		}
	}
	full.offers = nearest.offers
	return &full
}

func (w *world) add(p *Package) {
	for _, name := range p.offers {
		w.offers[name] = append(w.offers[name], p)
	}
	for _, name := range p.against {
		w.against[name] = append(w.against[name], p)
	}
}

// push chooses a package, and pop takes the last choice back.
func (w *world) push(p *Package, why *need) {
	w.level[p.Name] = len(w.chosen)
	w.chosen, w.why = append(w.chosen, p), append(w.why, why)
	w.add(p)
	if w.replaced(p.Name) != nil {
		w.checked, w.settled = 0, 0 // what leaned on the old version may stand no more
	}
}

func (w *world) pop() {
	last := len(w.chosen) - 1
	p := w.chosen[last]
	w.chosen, w.why = w.chosen[:last], w.why[:last]
	delete(w.level, p.Name)
	for _, name := range p.offers {
		w.offers[name] = w.offers[name][:len(w.offers[name])-1]
	}
	for _, name := range p.against {
		w.against[name] = w.against[name][:len(w.against[name])-1]
	}
}

// replaced is the installed package that a new one of the name takes the place of.
func (w *world) replaced(name string) *Package {
	if list := w.installed[name]; len(list) == 1 {
		return list[0]
	}
	return nil
}

// gone tells whether an installed package was replaced by a version that was chosen.
func (w *world) gone(p *Package) bool {
	n, ok := w.level[p.Name]
	return ok && w.chosen[n] != p && w.replaced(p.Name) == p
}

// levelOf is the place of a package in chosen, and -1 if it is not there.
func (w *world) levelOf(p *Package) int {
	if n, ok := w.level[p.Name]; ok && w.chosen[n] == p {
		return n
	}
	return -1
}

// meeters are the packages that meet a term and are there or, if before, were installed
// before.
func (w *world) meeters(t condition, before bool, except *Package) []*Package {
	var list []*Package
	for _, name := range t.names() {
		for _, p := range w.offers[name] {
			there := !w.gone(p)
			if before {
				there = w.levelOf(p) < 0
			}
			if there && p != except && p.meets(t) && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

// holds tells whether a clause of a package holds, with all that is there or only with
// what was installed before.
func (w *world) holds(p *Package, c *clause, before bool) bool {
	var except *Package
	if c.others {
		except = p
	}
	for _, t := range c.any {
		if len(w.meeters(t, before, except)) > 0 {
			return true
		}
	}
	if c.deep && w.owners == nil {
		w.deep = true
	}
	for _, t := range c.none {
		if len(w.meeters(t, before, except)) == 0 {
			return true
		}
	}
	return false
}
