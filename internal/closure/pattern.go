package closure

import (
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"
)

// matching is `[[ WORD == PATTERN ]]`, or one branch of a case.
type matching struct {
	scope
	word     *syntax.Word
	patterns []*syntax.Word
}

func (c matching) on(m *moment) truth {
	text, whole := c.known(c.word, m)
	result := no
	for _, p := range c.patterns {
		switch c.holds(p, text, whole, m) {
		case yes:
			return yes
		case maybe:
			result = maybe
		}
	}
	return result
}

// known is how a word's text begins on a host, as far as that can be known, and
// whether that is all of it.
func (s scope) known(w *syntax.Word, m *moment) (string, bool) {
	var b strings.Builder
	parts := w.Parts
	if len(parts) == 1 {
		if quoted, ok := parts[0].(*syntax.DblQuoted); ok && len(quoted.Parts) > 1 {
			if text, ok := s.text(w, m); ok {
				return text, true
			}
			parts = quoted.Parts
		}
	}
	for _, part := range parts {
		text, ok := s.text(s.script.word(part), m)
		if !ok {
			return b.String(), false
		}
		b.WriteString(text)
	}
	return b.String(), true
}

// holds tells whether a text, or a text that begins so, fits a pattern. Quoted parts
// of a pattern stand for themselves.
func (s scope) holds(p *syntax.Word, text string, whole bool, m *moment) truth {
	var expr, fixed strings.Builder
	open := false // after fixed anything may follow
	for _, part := range p.Parts {
		var value string
		if lit, ok := part.(*syntax.Lit); ok {
			value = lit.Value
		} else if value, ok = s.text(s.script.word(part), m); ok {
			value = pattern.QuoteMeta(value, 0)
		} else {
			return different(fixed.String(), text)
		}
		expr.WriteString(value)
		if literal, meta := beforeMeta(value); !open {
			fixed.WriteString(literal)
			open = meta
		}
	}
	if !whole {
		return different(fixed.String(), text)
	}
	if re := m.check.pattern(expr.String()); re != nil {
		return decided(re.MatchString(text))
	}
	return maybe
}

// pattern is a shell's pattern as a regular expression; nil is one that is none.
func (c *check) pattern(p string) *regexp.Regexp {
	re, ok := c.reader.patterns[p]
	if !ok {
		if source, err := pattern.Regexp(p, pattern.EntireString); err == nil {
			re, _ = regexp.Compile(source)
		}
		c.reader.patterns[p] = re
	}
	return re
}

// word is one part of a word as a word, the same one each time.
func (s *script) word(part syntax.WordPart) *syntax.Word {
	w := s.parts[part]
	if w == nil {
		w = &syntax.Word{Parts: []syntax.WordPart{part}}
		s.parts[part] = w
	}
	return w
}

// different is no where two beginnings cannot be of one text.
func different(a, b string) truth {
	n := min(len(a), len(b))
	if a[:n] != b[:n] {
		return no
	}
	return maybe
}

// beforeMeta is a pattern up to the first character that stands for others.
func beforeMeta(p string) (literal string, found bool) {
	if i := strings.IndexAny(p, `*?[\`); i >= 0 {
		return p[:i], true
	}
	return p, false
}
