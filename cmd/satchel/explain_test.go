package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/satchel-kit/satchel/internal/spec"
)

// Whatever the schema documents fits a terminal of 80 columns, except for single words
// that are longer than their column.
func TestEveryExplanationFitsATerminal(t *testing.T) {
	whole, err := spec.Explain("")
	if err != nil {
		t.Fatal(err)
	}
	fits := func(what string, text string) {
		t.Helper()
		for line := range strings.Lines(text) {
			words := strings.Fields(line)
			long := len(words) > 0 && utf8.RuneCountInString(words[len(words)-1]) >= narrowest
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > plainWidth && !long {
				t.Errorf("%s: too long: %s", what, line)
			}
		}
	}
	check := func(f *spec.FieldDoc) {
		var out bytes.Buffer
		printField(&out, f, plainWidth)
		fits(f.Path, out.String())
	}
	check(whole)
	whole.Walk(check)
	var tree bytes.Buffer
	printTree(&tree, whole, plainWidth)
	fits("the tree", tree.String())
}

func TestConditionsAreSaid(t *testing.T) {
	f := &spec.FieldDoc{Path: "a.b", Type: "struct", Doc: "b is this.\nAnd more.", Default: json.RawMessage("5"), Conditions: []spec.Condition{
		{When: "a.c is x", Required: true, Default: json.RawMessage(`"y"`), Allowed: "z"},
		{When: "a.c is given", Forbidden: true},
		{When: "a.d is true"},
	}}
	var out bytes.Buffer
	printField(&out, f, 0)
	want := `FIELD     a.b
TYPE      struct
REQUIRED  no
DEFAULT   5
IF        a.c is x: required, default y, allowed: z
IF        a.c is given: must not be given
IF        a.d is true

b is this.

And more.
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	f.Conditional = true
	out.Reset()
	printField(&out, f, 0)
	if !strings.Contains(out.String(), "ONLY IF   a.d is true\n") {
		t.Errorf("got\n%s", out.String())
	}
}
