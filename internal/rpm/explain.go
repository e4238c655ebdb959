package rpm

import (
	"fmt"
	"slices"
	"strings"
)

// failure is a need that cannot be met, with all that was tried. It is a proof: every
// way to meet the need is in it.
type failure struct {
	// chain is how it came to the need, from what is asked for on.
	chain []string
	need  string
	tried []attempt
	// blame are the places in chosen without which the need could be met.
	blame map[int]bool
}

type attempt struct {
	what, why string
	sub       *failure
}

// fail begins a failure with those to blame for the need itself.
func (w *world) fail(n *need) *failure {
	f := &failure{chain: w.chain(n), need: n.String(), blame: map[int]bool{}}
	for _, p := range append([]*Package{n.by}, n.there...) {
		if level := w.levelOf(p); level >= 0 {
			f.blame[level] = true
		}
	}
	for _, t := range n.any {
		for _, name := range t.names() {
			for _, p := range w.offers[name] {
				if w.gone(p) && p.meets(t) {
					f.blame[w.level[p.Name]] = true
					f.tried = append(f.tried, attempt{what: p.String(), why: fmt.Sprintf("is installed, but %s is to replace it", w.chosen[w.level[p.Name]])})
				}
			}
		}
		f.tried = append(f.tried, w.unfit(t)...)
	}
	return f
}

func (f *failure) refused(p *Package, r *refusal) {
	f.tried = append(f.tried, attempt{what: p.String(), why: r.why})
	for _, n := range r.blame {
		f.blame[n] = true
	}
}

// failed adds an attempt that was at a place in chosen.
func (f *failure) failed(p *Package, sub *failure, place int) {
	f.tried = append(f.tried, attempt{what: p.String(), sub: sub})
	for n := range sub.blame {
		if n != place {
			f.blame[n] = true
		}
	}
}

// unfit are the packages that were looked at for a term and do not meet it.
func (w *world) unfit(t condition) []attempt {
	var list []attempt
	add := func(what, format string, args ...any) {
		list = append(list, attempt{what: what, why: fmt.Sprintf(format, args...)})
	}
	for _, name := range t.names() {
		if err := w.faulty[name]; err != nil {
			add(name, "cannot be read: %v", err)
		}
		for _, p := range w.installed[name] {
			if !p.meets(t) {
				add(p.String(), "is installed, but is not %s", t)
			}
		}
		for _, p := range w.foreign[name] {
			add(p.String(), "is installed, but for %s", p.Architecture)
		}
		for _, p := range w.versions(name) {
			if !p.meets(t) {
				add(p.String(), "is what %s has, but is not %s", p.Repository, t)
			}
		}
		for _, p := range w.providers(name) {
			if p.Name != name && !p.meets(t) {
				add(p.String(), "of %s provides %s, but not %s", p.Repository, name, t)
			}
		}
		if where := w.concealed(name); where != "" {
			add(name, "is hidden in %s by a module: enable the stream that has it, or let no module hide packages of this repository", where)
		}
	}
	if len(list) == 0 && len(w.meeting(t)) == 0 {
		var looked []string
		for _, x := range w.indexes {
			looked = append(looked, x.String())
		}
		add(t.String(), "is in none of the repositories for %s, by name or as provided: %s", w.arch, strings.Join(looked, ", "))
	}
	return list
}

// concealed is a repository in which modules hide a package of a name.
func (w *world) concealed(name string) string {
	for i, x := range w.indexes {
		for _, n := range x.byName[name] {
			if w.hidden[i][x.packages[n]] {
				return x.Repository
			}
		}
	}
	return ""
}

// String is such as "a-1.0-1.x86_64 Requires: b >= 2".
func (n *need) String() string {
	var there []string
	for _, p := range n.there {
		there = append(there, p.String())
	}
	with := strings.Join(there, ", ")
	switch {
	case n.by.Name == "" && len(n.none) == 0:
		return n.text + " is asked for"
	case n.others && len(n.upgrade) > 0:
		return fmt.Sprintf("%s %s, and %s is there; what is installed is not removed", n.by, n.clause, with)
	case len(n.there) > 0:
		return fmt.Sprintf("%s %s, and %s is there", n.by, n.clause, with)
	case len(n.upgrade) > 0:
		return fmt.Sprintf("%s, which is installed, %s", n.by, n.clause)
	}
	return fmt.Sprintf("%s %s", n.by, n.clause)
}

// chain is how it came to a need.
func (w *world) chain(n *need) []string {
	var lines []string
	for n != nil {
		lines = append(lines, n.String())
		at := w.levelOf(n.by)
		for i := 0; at < 0 && i < len(n.there); i++ {
			at = w.levelOf(n.there[i])
		}
		if at <= 0 {
			break
		}
		n = w.why[at]
	}
	slices.Reverse(lines)
	return lines
}

const (
	maxTried = 6 // attempts that are shown for one need
	maxDepth = 6 // needs that are shown within each other
)

// String is a failure for a person, in lines that are indented under each other.
func (f *failure) String() string {
	var b strings.Builder
	f.write(&b, "  ", nil, maxDepth)
	return strings.TrimRight(b.String(), "\n")
}

func (f *failure) write(b *strings.Builder, indent string, above []string, depth int) {
	chain := f.chain
	if len(chain) > len(above) && slices.Equal(chain[:len(above)], above) {
		chain = chain[len(above):]
	}
	for _, line := range chain {
		fmt.Fprintf(b, "%s%s\n", indent, line)
	}
	for i, a := range f.tried {
		switch {
		case i == maxTried:
			fmt.Fprintf(b, "%s- and %d more that cannot be\n", indent, len(f.tried)-i)
			return
		case a.sub == nil:
			fmt.Fprintf(b, "%s- %s: %s\n", indent, a.what, a.why)
		case depth == 0:
			fmt.Fprintf(b, "%s- %s: what it needs cannot be had either\n", indent, a.what)
		default:
			fmt.Fprintf(b, "%s- %s: cannot be, because\n", indent, a.what)
			a.sub.write(b, indent+"    ", f.chain, depth-1)
		}
	}
	if len(f.tried) == 0 {
		fmt.Fprintf(b, "%s- no other version is to be had\n", indent)
	}
}
