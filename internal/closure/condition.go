package closure

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// truth is what is known of a condition before a script runs.
type truth int

const (
	maybe truth = iota
	yes
	no
)

func decided(b bool) truth {
	if b {
		return yes
	}
	return no
}

// condition is something that a script asks before it does something. What depends
// on more than host.env and the bundle is maybe.
type condition interface {
	on(m *moment) truth
}

// guards are conditions that must all be met, the last one first.
type guards struct {
	condition
	before *guards
}

func (g *guards) and(c condition) *guards { return &guards{c, g} }

// on is no where one condition is not met, yes where all are.
func (g *guards) on(m *moment) truth {
	all := yes
	for ; g != nil; g = g.before {
		switch g.condition.on(m) {
		case no:
			return no
		case maybe:
			all = maybe
		}
	}
	return all
}

// both is whether two things are so, one whether one of them is.
func both(a, b truth) truth {
	switch {
	case a == no || b == no:
		return no
	case a == yes && b == yes:
		return yes
	}
	return maybe
}

func one(a, b truth) truth {
	switch {
	case a == yes || b == yes:
		return yes
	case a == no && b == no:
		return no
	}
	return maybe
}

type unknown struct{}

func (unknown) on(*moment) truth { return maybe }

type not struct{ condition }

func (n not) on(m *moment) truth {
	switch n.condition.on(m) {
	case yes:
		return no
	case no:
		return yes
	}
	return maybe
}

type either struct{ a, b condition }

func (e either) on(m *moment) truth { return one(e.a.on(m), e.b.on(m)) }

// filled is `[[ -n WORD ]]`.
type filled struct {
	scope
	word *syntax.Word
}

func (f filled) on(m *moment) truth {
	text, ok := f.text(f.word, m)
	if !ok {
		return maybe
	}
	return decided(text != "")
}

// exists is `[[ -e WORD ]]` and its kind, where the word names something of the bundle.
type exists struct {
	scope
	word *syntax.Word
}

func (e exists) on(m *moment) truth {
	text, ok := e.text(e.word, m)
	path, inBundle := strings.CutPrefix(text, bundleRoot)
	if !ok || !inBundle || !m.check.rendered(path) {
		return maybe
	}
	return decided(m.check.has(path))
}

// present is `command -v PROGRAM` or `systemctl cat UNIT`. A host may have more than
// can be proved, so it is never no.
type present struct {
	kind kind
	name string
}

func (p present) on(m *moment) truth {
	if p.kind == program && m.check.runs(m, p.name) || p.kind == unit && m.check.hasUnit(m.host, p.name, m.step) {
		return yes
	}
	return maybe
}
