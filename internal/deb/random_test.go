package deb

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The checker below is written from dpkg's rules alone, over its own form of packages,
// and shares nothing with the resolver but the text of the index.

type simple struct {
	name     string
	version  int
	depends  [][]want // all of any of
	enemies  []want   // Conflicts and Breaks
	provides []want   // version 0 is none
}

type want struct {
	name    string
	op      string // "", ">=", "<<", "="
	version int
}

func (w want) String() string {
	if w.op == "" {
		return w.name
	}
	return fmt.Sprintf("%s (%s %d)", w.name, w.op, w.version)
}

func (w want) takes(version int) bool {
	switch w.op {
	case ">=":
		return version >= w.version
	case "<<":
		return version < w.version
	case "=":
		return version == w.version
	}
	return true
}

func (s simple) is(w want) bool {
	if s.name == w.name && w.takes(s.version) {
		return true
	}
	for _, p := range s.provides {
		if p.name == w.name && (w.op == "" || p.version > 0 && w.takes(p.version)) {
			return true
		}
	}
	return false
}

// faults are what dpkg would say of a set of packages.
func faults(set map[string]simple) []string {
	var found []string
	has := func(w want, except string) bool {
		for _, s := range set {
			if s.name != except && s.is(w) {
				return true
			}
		}
		return false
	}
	for _, s := range set {
		for _, clause := range s.depends {
			if !slices.ContainsFunc(clause, func(w want) bool { return has(w, "") }) {
				found = append(found, fmt.Sprintf("%s %d depends on %v", s.name, s.version, clause))
			}
		}
		for _, e := range s.enemies {
			if has(e, s.name) {
				found = append(found, fmt.Sprintf("%s %d is an enemy of %v", s.name, s.version, e))
			}
		}
	}
	slices.Sort(found)
	return found
}

// stanza is the package as an index or a status has it.
func (s simple) fields() []string {
	var fields []string
	list := func(name string, all []want) {
		var words []string
		for _, w := range all {
			words = append(words, w.String())
		}
		if len(words) > 0 {
			fields = append(fields, name+": "+strings.Join(words, ", "))
		}
	}
	var clauses []string
	for _, c := range s.depends {
		var words []string
		for _, w := range c {
			words = append(words, w.String())
		}
		clauses = append(clauses, strings.Join(words, " | "))
	}
	if n := len(clauses) / 2; n > 0 {
		fields = append(fields, "Pre-Depends: "+strings.Join(clauses[:n], ", "))
		clauses = clauses[n:]
	}
	if len(clauses) > 0 {
		fields = append(fields, "Depends: "+strings.Join(clauses, ", "))
	}
	half := len(s.enemies) / 2
	list("Conflicts", s.enemies[:half])
	list("Breaks", s.enemies[half:])
	list("Provides", s.provides)
	return fields
}

// generated is a repository that chance made, and a host with some of its packages.
type generated struct {
	packages  []simple
	installed map[string]simple
	held      map[string]bool
	asked     []want
}

func (r generated) index(t *testing.T) *Index {
	var stanzas []string
	for _, s := range r.packages {
		stanzas = append(stanzas, control(s.name, fmt.Sprint(s.version), s.fields()...))
	}
	return indexOf(t, stanzas...)
}

func (r generated) status(t *testing.T) *Installed {
	var stanzas []string
	for _, name := range slices.Sorted(maps.Keys(r.installed)) {
		s := status(name, fmt.Sprint(r.installed[name].version), r.installed[name].fields()...)
		if r.held[name] {
			s = strings.Replace(s, "install ok", "hold ok", 1)
		}
		stanzas = append(stanzas, s)
	}
	return installedOf(t, stanzas...)
}

// random makes a repository of some names in a few versions each. With few names it is
// as tangled as none in the world, and with many as wide.
func random(r *rand.Rand, size, versions int) generated {
	name := func() string {
		if r.IntN(5) == 0 {
			return fmt.Sprintf("virtual%d", r.IntN(1+size/4))
		}
		return fmt.Sprintf("p%d", r.IntN(size))
	}
	some := func() want {
		w := want{name: name()}
		if r.IntN(3) == 0 {
			w.op, w.version = []string{">=", "<<", "="}[r.IntN(3)], 1+r.IntN(versions)
		}
		return w
	}
	var all generated
	for i := range size {
		for v := range 1 + r.IntN(versions) {
			s := simple{name: fmt.Sprintf("p%d", i), version: v + 1}
			for range r.IntN(4) {
				clause := []want{some()}
				for r.IntN(3) == 0 {
					clause = append(clause, some())
				}
				s.depends = append(s.depends, clause)
			}
			for r.IntN(8) == 0 {
				s.enemies = append(s.enemies, some())
			}
			for r.IntN(3) == 0 {
				p := want{name: fmt.Sprintf("virtual%d", r.IntN(1+size/4))}
				if r.IntN(2) == 0 {
					p.op, p.version = "=", 1+r.IntN(versions)
				}
				s.provides = append(s.provides, p)
			}
			all.packages = append(all.packages, s)
		}
	}
	all.installed, all.held = map[string]simple{}, map[string]bool{}
	for range 3 * size {
		s := all.packages[r.IntN(len(all.packages))]
		with := maps.Clone(all.installed)
		with[s.name] = s
		if _, there := all.installed[s.name]; there || len(faults(with)) > 0 {
			continue // so the host is in order
		}
		all.installed = with
		all.held[s.name] = r.IntN(10) == 0
	}
	for range 1 + r.IntN(3) {
		w := want{name: fmt.Sprintf("p%d", r.IntN(size))}
		if r.IntN(4) == 0 {
			w.op, w.version = "=", 1+r.IntN(versions)
		}
		all.asked = append(all.asked, w)
	}
	return all
}

func (r generated) request() Request {
	var names []string
	for _, a := range r.asked {
		if a.op == "" {
			names = append(names, a.name)
		} else {
			names = append(names, fmt.Sprintf("%s=%d", a.name, a.version))
		}
	}
	return Request{Names: names}
}

// wrong are the faults of a result: what is there after it, and how it came to it.
func (r generated) wrong(added map[string]simple) []string {
	after := maps.Clone(r.installed)
	var found []string
	for name, s := range added {
		if old, ok := r.installed[name]; ok && (old.version >= s.version || r.held[name]) {
			found = append(found, fmt.Sprintf("%s %d is installed (held: %t), and %d replaces it", name, old.version, r.held[name], s.version))
		}
		after[name] = s
	}
	for _, a := range r.asked {
		if !slices.ContainsFunc(slices.Collect(maps.Values(after)), func(s simple) bool { return s.is(a) }) {
			found = append(found, fmt.Sprintf("%v is asked for", a))
		}
	}
	return append(found, faults(after)...)
}

// possible looks at every set of packages whatever.
func (r generated) possible() bool {
	byName := map[string][]simple{}
	for _, s := range r.packages {
		byName[s.name] = append(byName[s.name], s)
	}
	names := slices.Sorted(maps.Keys(byName))
	var try func(at int, added map[string]simple) bool
	try = func(at int, added map[string]simple) bool {
		if at == len(names) {
			return len(r.wrong(added)) == 0
		}
		if try(at+1, added) {
			return true
		}
		for _, s := range byName[names[at]] {
			added[names[at]] = s
			if try(at+1, added) {
				return true
			}
		}
		delete(added, names[at])
		return false
	}
	return try(0, map[string]simple{})
}

func (r generated) resolve(t *testing.T) (map[string]simple, error) {
	list, err := Resolve([]*Index{r.index(t)}, r.status(t), r.request())
	added := map[string]simple{}
	for _, p := range list {
		i := slices.IndexFunc(r.packages, func(s simple) bool { return s.name == p.Name && fmt.Sprint(s.version) == p.Version })
		if i < 0 {
			t.Fatalf("%s is not in the repository", p)
		}
		if _, twice := added[p.Name]; twice {
			t.Fatalf("%s is added twice", p.Name)
		}
		added[p.Name] = r.packages[i]
	}
	return added, err
}

func TestEveryResultIsClosedAndValid(t *testing.T) {
	solved := 0
	for seed := range uint64(300) {
		r := random(rand.New(rand.NewPCG(seed, 1)), 10+int(seed)/3, 1+int(seed)%4)
		added, err := r.resolve(t)
		if err != nil {
			if errors.Is(err, errTooHard) {
				t.Errorf("seed %d: %v", seed, err)
			}
			continue
		}
		if wrong := r.wrong(added); len(wrong) > 0 {
			t.Errorf("seed %d: %s", seed, strings.Join(wrong, "; "))
		}
		if again, _ := r.resolve(t); !maps.EqualFunc(again, added, func(a, b simple) bool { return a.version == b.version }) {
			t.Errorf("seed %d: the second time it is another result", seed)
		}
		if len(added) > 0 {
			solved++
		}
	}
	if solved < 50 {
		t.Errorf("only %d of 300 had a solution: the generator is too tangled to prove anything", solved)
	}
	t.Logf("%d of 300 had a solution with something to add", solved)
}

func TestWhatIsSaidToBeImpossibleIs(t *testing.T) {
	impossible := 0
	for seed := range uint64(400) {
		r := random(rand.New(rand.NewPCG(seed, 2)), 5, 3)
		added, err := r.resolve(t)
		if err == nil {
			if wrong := r.wrong(added); len(wrong) > 0 {
				t.Errorf("seed %d: %s", seed, strings.Join(wrong, "; "))
			}
			continue
		}
		impossible++
		if r.possible() {
			t.Errorf("seed %d has a solution, but: %v", seed, err)
		}
	}
	t.Logf("%d of 400 had no solution", impossible)
}
