package deb

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
	for _, p := range []*Package{n.by, n.other} {
		if p != nil && w.levelOf(p) >= 0 {
			f.blame[w.levelOf(p)] = true
		}
	}
	if n.other != nil {
		return f
	}
	for _, r := range n.alternatives {
		for _, p := range w.offers[r.Name] {
			if w.gone(p) && p.meets(r, w.arch) {
				f.blame[w.level[p.Name]] = true
				f.tried = append(f.tried, attempt{what: p.String(), why: fmt.Sprintf("is installed, but %s is to replace it", w.chosen[w.level[p.Name]])})
			}
		}
		f.tried = append(f.tried, w.unfit(r)...)
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

// unfit are the packages that were looked at for a relation and do not meet it.
func (w *world) unfit(r Relation) []attempt {
	var list []attempt
	add := func(what, format string, args ...any) {
		list = append(list, attempt{what: what, why: fmt.Sprintf(format, args...)})
	}
	if err := w.broken[r.Name]; err != nil {
		add(r.Name, "cannot be read: %v", err)
	}
	if p := w.installed[r.Name]; p != nil && !p.meets(r, w.arch) {
		add(p.String(), "is installed, but is not %s", r)
	}
	for _, p := range w.foreign[r.Name] {
		if !p.meets(r, w.arch) {
			add(p.String(), "is installed, but for %s", p.Architecture)
		}
	}
	for _, p := range w.versions(r.Name) {
		if !p.matches(r) {
			add(p.String(), "is what %s has, but is not %s", p.Repository, r)
		}
	}
	for _, p := range w.list(func(x *Index) []int32 { return x.provided[r.Name] }) {
		switch {
		case p.Name == r.Name || p.matches(r):
		case r.itself:
			add(p.String(), "of %s only provides %s", p.Repository, r.Name)
		default:
			add(p.String(), "of %s provides %s, but not %s", p.Repository, r.Name, r)
		}
	}
	if len(list) == 0 && len(w.meeting(r)) == 0 {
		var looked []string
		for _, x := range w.indexes {
			looked = append(looked, x.String())
		}
		add(r.Name, "is in none of the repositories for %s, by name or as provided: %s", w.arch, strings.Join(looked, ", "))
	}
	return list
}

// String is such as "a 1.0 Depends: b (>= 2)".
func (n *need) String() string {
	switch {
	case n.by.Name == "":
		return n.alternatives.String() + " is asked for"
	case n.other == nil && n.upgrade != nil:
		return fmt.Sprintf("%s, which is installed, %s: %s", n.by, n.field, n.alternatives)
	case n.other != nil:
		return fmt.Sprintf("%s %s: %s, and %s is installed, which is not removed", n.by, n.field, n.alternatives, n.upgrade)
	}
	return fmt.Sprintf("%s %s: %s", n.by, n.field, n.alternatives)
}

// chain is how it came to a need.
func (w *world) chain(n *need) []string {
	var lines []string
	for n != nil {
		lines = append(lines, n.String())
		at := w.levelOf(n.by)
		if at < 0 && n.other != nil {
			at = w.levelOf(n.other)
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
