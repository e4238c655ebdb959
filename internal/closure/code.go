package closure

import (
	"bytes"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// trap looks into the code that runs on a signal; - and nothing take it away.
func (r *resolver) trap(args []*syntax.Word) {
	if len(args) < 2 || strings.HasPrefix(args[0].Lit(), "-") {
		return
	}
	if !r.code(args[0], false) {
		r.trouble(args[0].Pos(), "what the trap runs cannot be known before it runs; write the command out")
	}
}

// shell looks into sh -c CODE.
func (r *resolver) shell(args []*syntax.Word) {
	for i, w := range args {
		option := w.Lit()
		if !strings.HasPrefix(option, "-") {
			return // a script, which is looked at by itself
		}
		if !strings.HasPrefix(option, "--") && strings.Contains(option, "c") && i+1 < len(args) {
			if !r.code(args[i+1], true) {
				r.trouble(args[i+1].Pos(), "what this shell runs cannot be known before it runs; write the command out")
			}
			return
		}
	}
}

// code looks into a text that a shell will run. All of it counts as run, and places
// in it are that of the text. A child has none of the script's functions.
func (r *resolver) code(w *syntax.Word, child bool) bool {
	text, ok := source(w)
	if !ok {
		return false
	}
	file, err := parse([]byte(text), "", syntax.LangBash)
	if err != nil {
		return false
	}
	inner := newScript(r.script.path, r.script.variables)
	if !child {
		inner.around = r.script
	}
	inner.collect(file.Stmts)
	inner.finish()
	for _, b := range inner.inOrder() {
		for _, u := range b.uses {
			u.place = r.at(w.Pos())
			u.when = append(slices.Clip(u.when), r.choice...)
			if r.when != nil {
				u.under = append(slices.Clip(u.under), r.when)
			}
			r.body.uses = append(r.body.uses, u)
		}
		for _, c := range b.calls {
			r.body.calls = append(r.body.calls, call{c.name, r.when})
		}
	}
	return true
}

// source is the text of a word as the next shell reads it; what the first shell
// fills in stays a variable.
func source(w *syntax.Word) (string, bool) {
	var b bytes.Buffer
	for _, part := range w.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(unescaped(part.Value))
		case *syntax.SglQuoted:
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			for _, inner := range part.Parts {
				if lit, ok := inner.(*syntax.Lit); ok {
					b.WriteString(unescapedQuoted(lit.Value))
				} else if err := syntax.NewPrinter().Print(&b, inner); err != nil {
					return "", false
				}
			}
		default:
			return "", false
		}
	}
	return b.String(), true
}

// printed is a word as the script has it.
func printed(w *syntax.Word) string {
	var b bytes.Buffer
	if err := syntax.NewPrinter().Print(&b, w); err != nil {
		return "this"
	}
	return b.String()
}
