package closure

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// value is one text that a word can stand for. A variable that each host has its
// own value of is a mark in it, as are fields of such a variable in a list.
type value struct {
	text string
	// when holds the conditions under which the word stands for it.
	when []*guards
}

const (
	mark = "\x00"
	// each is in a mark that stands for every field of the variable.
	each = "*"
)

// maxValues bounds how many texts a word may stand for.
const maxValues = 64

// values are all texts that a word can stand for; it is false where that cannot be
// known.
func (s scope) values(w *syntax.Word) ([]value, bool) {
	known, ok := s.script.words[w]
	if !ok {
		s.script.words[w] = known // a word that stands for itself is unknown
		known.list, known.ok = s.parts(w.Parts, w.Pos())
		s.script.words[w] = known
	}
	return known.list, known.ok
}

// resolved is what values gave: conditions ask for the same word on every host.
type resolved struct {
	list []value
	ok   bool
}

func (s scope) parts(parts []syntax.WordPart, at syntax.Pos) ([]value, bool) {
	all := []value{{}}
	for _, part := range parts {
		list, ok := s.part(part, at)
		if !ok || len(list)*len(all) > maxValues {
			return nil, false
		}
		if len(list) == 1 && list[0].when == nil {
			for i := range all {
				all[i].text += list[0].text
			}
			continue
		}
		var product []value
		for _, a := range all {
			for _, b := range list {
				product = append(product, value{a.text + b.text, append(slices.Clip(a.when), b.when...)})
			}
		}
		all = product
	}
	return all, true
}

func (s scope) part(part syntax.WordPart, at syntax.Pos) ([]value, bool) {
	switch part := part.(type) {
	case *syntax.Lit:
		return []value{{text: unescaped(part.Value)}}, true
	case *syntax.SglQuoted:
		return []value{{text: part.Value}}, !part.Dollar || !strings.Contains(part.Value, `\`)
	case *syntax.DblQuoted:
		var list []syntax.WordPart
		for _, inner := range part.Parts {
			if lit, ok := inner.(*syntax.Lit); ok {
				inner = &syntax.SglQuoted{Value: unescapedQuoted(lit.Value)}
			}
			list = append(list, inner)
		}
		return s.parts(list, at)
	case *syntax.ParamExp:
		if name, ok := plainParameter(part); ok {
			return s.variable(name, at)
		}
	}
	return nil, false
}

// unescaped takes backslashes out of a bare text.
func unescaped(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
			if text[i] == '\n' {
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

var quotedEscapes = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\$`, "$", "\\`", "`", "\\\n", "")

// unescapedQuoted does so for a text in double quotes, where few escapes count.
func unescapedQuoted(text string) string { return quotedEscapes.Replace(text) }
