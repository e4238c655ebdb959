package deb

import (
	"slices"
)

// world is a host as it would be: what is installed and what was chosen so far.
type world struct {
	*pool
	// chosen are in the order of choosing, and why are the needs that each is for. The
	// first stands for the request itself: it depends on what is asked for.
	chosen []*Package
	why    []*need
	level  map[string]int // the place of a name in chosen
	// checked and settled are how many of the chosen have no open need of a kind.
	checked, settled int

	installed map[string]*Package
	foreign   map[string][]*Package // installed, of another architecture
	// offers are the packages that have or provide a name, whether gone or not.
	offers map[string][]*Package
	// against are those that conflict with a name, or break it.
	against map[string][]*Package
	// leans are the installed ones that depend on a name.
	leans map[string][]*Package
}

func newWorld(p *pool, installed *Installed) *world {
	w := &world{pool: p, level: map[string]int{}, installed: map[string]*Package{}, foreign: map[string][]*Package{},
		offers: map[string][]*Package{}, against: map[string][]*Package{}, leans: map[string][]*Package{}}
	for _, one := range installed.packages {
		one = p.complete(one)
		if one.native(p.arch) {
			w.installed[one.Name] = one
		} else {
			w.foreign[one.Name] = append(w.foreign[one.Name], one)
		}
		w.add(one)
		for d := range one.dependencies() {
			for _, r := range d.alternatives {
				if list := w.leans[r.Name]; len(list) == 0 || list[len(list)-1] != one {
					w.leans[r.Name] = append(list, one)
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
	if one.Stanza != "" || !one.native(p.arch) {
		return one
	}
	known := p.versions(one.Name)
	if len(known) == 0 {
		return one
	}
	nearest := known[0]
	for _, k := range known {
		if c := Compare(k.Version, one.Version); c == 0 {
			return k
		} else if c > 0 {
			nearest = k
		}
	}
	full := *one
	full.MultiArch = nearest.MultiArch
	for _, v := range nearest.Provides {
		full.Provides = append(full.Provides, Relation{Name: v.Name})
	}
	return &full
}

// offered are a package's own name and those that it provides, each once.
func (p *Package) offered() []string {
	names := []string{p.Name}
	for _, v := range p.Provides {
		if !slices.Contains(names, v.Name) {
			names = append(names, v.Name)
		}
	}
	return names
}

// opposed are the names that a package conflicts with or breaks, each once.
func (p *Package) opposed() []string {
	var names []string
	for c := range p.conflicts() {
		if !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

func (w *world) add(p *Package) {
	for _, name := range p.offered() {
		w.offers[name] = append(w.offers[name], p)
	}
	for _, name := range p.opposed() {
		w.against[name] = append(w.against[name], p)
	}
}

// push chooses a package, and pop takes the last choice back.
func (w *world) push(p *Package, why *need) {
	w.level[p.Name] = len(w.chosen)
	w.chosen, w.why = append(w.chosen, p), append(w.why, why)
	w.add(p)
	if w.installed[p.Name] != nil {
		w.checked, w.settled = 0, 0 // what leaned on the old version may stand no more
	}
}

func (w *world) pop() {
	last := len(w.chosen) - 1
	p := w.chosen[last]
	w.chosen, w.why = w.chosen[:last], w.why[:last]
	delete(w.level, p.Name)
	for _, name := range p.offered() {
		w.offers[name] = w.offers[name][:len(w.offers[name])-1]
	}
	for _, name := range p.opposed() {
		w.against[name] = w.against[name][:len(w.against[name])-1]
	}
}

// gone tells whether an installed package was replaced by a version that was chosen.
func (w *world) gone(p *Package) bool {
	n, ok := w.level[p.Name]
	return ok && p.native(w.arch) && w.chosen[n] != p
}

// levelOf is the place of a package in chosen, and -1 if it is not there.
func (w *world) levelOf(p *Package) int {
	if n, ok := w.level[p.Name]; ok && w.chosen[n] == p {
		return n
	}
	return -1
}

// holds tells whether the alternatives are met, by all that is there or only by what
// was installed before.
func (w *world) holds(a Alternatives, before bool) bool {
	for _, r := range a {
		for _, p := range w.offers[r.Name] {
			there := !w.gone(p)
			if before {
				there = w.levelOf(p) < 0
			}
			if there && p.meets(r, w.arch) {
				return true
			}
		}
	}
	return false
}

// clashes calls a function for every package that is there and that conflicts with p,
// or that p conflicts with: by is the one whose field says so.
func (w *world) clashes(p *Package, do func(by *Package, c conflict, other *Package) bool) {
	for c := range p.conflicts() {
		for _, o := range w.offers[c.Name] {
			if o.Name != p.Name && !w.gone(o) && o.matches(c.Relation) && !do(p, c, o) {
				return
			}
		}
	}
	for _, name := range p.offered() {
		for _, o := range w.against[name] {
			if o.Name == p.Name || w.gone(o) {
				continue
			}
			for c := range o.conflicts() {
				if c.Name == name && p.matches(c.Relation) && !do(o, c, p) {
					return
				}
			}
		}
	}
}
