package closure

import (
	"iter"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// moment is a host at one of its steps.
type moment struct {
	check *check
	host  *host
	// step is the index in the host's steps.
	step int
}

// on fills the marks of a text for one host. Where a mark stands for a list there
// is one text for each field.
func (m *moment) on(text string) iter.Seq[string] {
	return func(yield func(string) bool) { m.fill("", text, yield) }
}

func (m *moment) fill(done, text string, yield func(string) bool) bool {
	before, rest, ok := strings.Cut(text, mark)
	if !ok {
		return yield(done + text)
	}
	name, after, _ := strings.Cut(rest, mark)
	list, isList := strings.CutPrefix(name, each)
	if !isList {
		return m.fill(done+before+m.host.value(name), after, yield)
	}
	for field := range strings.FieldsSeq(m.host.value(list)) {
		if !m.fill(done+before+field, after, yield) {
			return false
		}
	}
	return true
}

// text is the one text that a word stands for on a host.
func (s scope) text(w *syntax.Word, m *moment) (string, bool) {
	list, ok := s.values(w)
	if !ok {
		return "", false
	}
	found, result := 0, ""
	for _, v := range list {
		if !m.possible(v.when) {
			continue
		}
		for text := range m.on(v.text) {
			found, result = found+1, text
		}
	}
	return result, found == 1
}

// possible is false where one of the conditions is certainly not met.
func (m *moment) possible(when []*guards) bool {
	return !slices.ContainsFunc(when, func(g *guards) bool { return g.on(m) == no })
}

// reaches is false where a use certainly does not take place.
func (m *moment) reaches(u *use) bool { return m.possible(u.under) && m.possible(u.when) }

// chooses tells whether the host itself decides if a use takes place, by choosing
// among the values of a variable.
func (m *moment) chooses(u *use) bool {
	return slices.ContainsFunc(u.when, func(g *guards) bool { return g.on(m) == maybe })
}
