package rpm

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The checker below is written from rpm's rules alone, over its own form of packages, and
// shares nothing with the resolver but the text of the index.

type simple struct {
	name      string
	version   int
	requires  []formula
	conflicts []formula
	obsoletes []want
	provides  []want // version 0 is none
}

type want struct {
	name    string
	op      string // "", ">=", "<", "="
	version int
}

// formula is a want or a rich dependency.
type formula struct {
	op   string
	want want
	args []formula
}

func (w want) String() string {
	if w.op == "" {
		return w.name
	}
	return fmt.Sprintf("%s %s %d", w.name, w.op, w.version)
}

func (f formula) String() string {
	switch {
	case f.op == "":
		return f.want.String()
	case len(f.args) == 3:
		return fmt.Sprintf("(%s %s %s else %s)", f.args[0], f.op, f.args[1], f.args[2])
	}
	return fmt.Sprintf("(%s %s %s)", f.args[0], f.op, f.args[1])
}

func (w want) takes(version int) bool {
	switch w.op {
	case ">=":
		return version >= w.version
	case "<":
		return version < w.version
	case "=":
		return version == w.version
	}
	return true
}

// is tells whether a package by itself is what is wanted.
func (s simple) is(f formula) bool {
	switch f.op {
	case "with":
		return s.is(f.args[0]) && s.is(f.args[1])
	case "without":
		return s.is(f.args[0]) && !s.is(f.args[1])
	}
	if s.name == f.want.name && f.want.takes(s.version) {
		return true
	}
	for _, p := range s.provides {
		if p.name == f.want.name && (p.version == 0 || f.want.takes(p.version)) {
			return true
		}
	}
	return false
}

// holds is what rpm's manual says of a set of packages, but for one.
func holds(set map[string]simple, f formula, except string) bool {
	part := func(i int) bool { return holds(set, f.args[i], except) }
	switch f.op {
	case "and":
		return part(0) && part(1)
	case "or":
		return part(0) || part(1)
	case "if":
		if part(1) {
			return part(0)
		}
		return len(f.args) < 3 || part(2)
	case "unless":
		if !part(1) {
			return part(0)
		}
		return len(f.args) == 3 && part(2)
	}
	for _, s := range set {
		if s.name != except && s.is(f) {
			return true
		}
	}
	return false
}

// faults are what rpm would say of a set of packages.
func faults(set map[string]simple) []string {
	var found []string
	for _, s := range set {
		for _, r := range s.requires {
			if !holds(set, r, "") {
				found = append(found, fmt.Sprintf("%s %d requires %s", s.name, s.version, r))
			}
		}
		for _, c := range s.conflicts {
			if holds(set, c, s.name) {
				found = append(found, fmt.Sprintf("%s %d conflicts with %s", s.name, s.version, c))
			}
		}
		for _, o := range s.obsoletes {
			if other, ok := set[o.name]; ok && o.name != s.name && o.takes(other.version) {
				found = append(found, fmt.Sprintf("%s %d obsoletes %s", s.name, s.version, o))
			}
		}
	}
	slices.Sort(found)
	return found
}

// spec is the package as the index has it.
func (s simple) spec() []string {
	lines := []string{fmt.Sprintf("%s-%d-1.x86_64", s.name, s.version), fmt.Sprintf("Provides: %s = %d-1", s.name, s.version)}
	for _, r := range s.requires {
		lines = append(lines, "Requires: "+r.String())
	}
	for _, c := range s.conflicts {
		lines = append(lines, "Conflicts: "+c.String())
	}
	for _, o := range s.obsoletes {
		lines = append(lines, "Obsoletes: "+o.String())
	}
	for _, p := range s.provides {
		lines = append(lines, "Provides: "+p.String())
	}
	return lines
}

// generated is a repository that chance made, and a host with some of its packages.
type generated struct {
	packages  []simple
	installed map[string]simple
	asked     []want
}

// chance makes names and formulas.
type chance struct {
	*rand.Rand
	size, versions int
}

func (r chance) want() want {
	w := want{name: fmt.Sprintf("p%d", r.IntN(r.size))}
	if r.IntN(5) == 0 {
		w.name = fmt.Sprintf("virtual%d", r.IntN(1+r.size/4))
	}
	if r.IntN(3) == 0 {
		w.op, w.version = []string{">=", "<", "="}[r.IntN(3)], 1+r.IntN(r.versions)
	}
	return w
}

func (r chance) formula(ops []string, depth int) formula {
	if depth == 0 || r.IntN(3) > 0 {
		return formula{want: r.want()}
	}
	f := formula{op: ops[r.IntN(len(ops))]}
	inner := ops
	if f.op == "with" || f.op == "without" {
		inner, depth = []string{"with", "without"}, 1
	}
	f.args = []formula{r.formula(inner, depth-1), r.formula(inner, depth-1)}
	if (f.op == "if" || f.op == "unless") && r.IntN(3) == 0 {
		f.args = append(f.args, r.formula(inner, depth-1))
	}
	return f
}

// random makes a repository of some names in a few versions each. With few names it is
// as tangled as none in the world, and with many as wide.
func random(source *rand.Rand, size, versions int) generated {
	r := chance{source, size, versions}
	var all generated
	for i := range size {
		for v := range 1 + r.IntN(versions) {
			all.packages = append(all.packages, r.pack(fmt.Sprintf("p%d", i), v+1))
		}
	}
	all.installed = map[string]simple{}
	for range 3 * size {
		s := all.packages[r.IntN(len(all.packages))]
		with := maps.Clone(all.installed)
		with[s.name] = s
		if _, there := all.installed[s.name]; !there && len(faults(with)) == 0 {
			all.installed = with // so the host is in order
		}
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

func (r chance) pack(name string, version int) simple {
	s := simple{name: name, version: version}
	for range r.IntN(3) {
		s.requires = append(s.requires, r.formula([]string{"and", "or", "or", "or", "if", "if", "with", "without", "unless"}, 2))
	}
	for r.IntN(16) == 0 {
		s.conflicts = append(s.conflicts, r.formula([]string{"and", "or", "unless", "with", "if"}, 2))
	}
	for r.IntN(20) == 0 {
		w := r.want()
		w.name = fmt.Sprintf("p%d", r.IntN(r.size))
		s.obsoletes = append(s.obsoletes, w)
	}
	for r.IntN(3) == 0 {
		p := want{name: fmt.Sprintf("virtual%d", r.IntN(1+r.size/4))}
		if r.IntN(2) == 0 {
			p.op, p.version = "=", 1+r.IntN(r.versions)
		}
		s.provides = append(s.provides, p)
	}
	return s
}

func (r generated) index(t *testing.T) *Index {
	var specs [][]string
	for _, s := range r.packages {
		specs = append(specs, s.spec())
	}
	return indexOf(t, specs...)
}

func (r generated) host(t *testing.T) *Installed {
	var specs [][]string
	for _, name := range slices.Sorted(maps.Keys(r.installed)) {
		specs = append(specs, r.installed[name].spec())
	}
	return installedOf(t, specs...)
}

func (r generated) request() Request {
	var names []string
	for _, a := range r.asked {
		if a.op == "" {
			names = append(names, a.name)
		} else {
			names = append(names, fmt.Sprintf("%s-%d", a.name, a.version))
		}
	}
	return Request{Names: names}
}

// wrong are the faults of a result: what is there after it, and how it came to it.
func (r generated) wrong(added map[string]simple) []string {
	after := maps.Clone(r.installed)
	var found []string
	for name, s := range added {
		if old, ok := r.installed[name]; ok && old.version >= s.version {
			found = append(found, fmt.Sprintf("%s %d is installed, and %d replaces it", name, old.version, s.version))
		}
		after[name] = s
	}
	for _, a := range r.asked {
		met := holds(after, formula{want: a}, "")
		if a.op != "" { // a version is asked of the package itself
			s, ok := after[a.name]
			met = ok && a.takes(s.version)
		}
		if !met {
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
	list, err := Resolve([]*Index{r.index(t)}, r.host(t), r.request())
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
	for seed := range uint64(2500) {
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
	t.Logf("%d of 2500 had no solution", impossible)
}
