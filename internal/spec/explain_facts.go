package spec

import (
	"encoding/json"
	"slices"
	"strings"

	"cuelang.org/go/cue"
)

// presence tells whether a declaration makes its field required, and what the field
// is without a value.
func (f *FieldDoc) presence(p part) (required bool, value json.RawMessage, computed string) {
	switch {
	case p.constraint == cue.RequiredConstraint:
		return true, nil, ""
	case p.constraint == cue.OptionalConstraint:
		return false, nil, ""
	case len(p.choices) > 0:
		return true, nil, ""
	case p.value.IncompleteKind() == cue.StructKind:
		return slices.ContainsFunc(f.Fields, func(inner *FieldDoc) bool { return inner.Required && !inner.StandsForAny() }), nil, ""
	}
	value, computed = defaultOf(p.value)
	return value == nil && computed == "", value, computed
}

func (f *FieldDoc) conditionIn(p part) Condition {
	c := Condition{When: p.when}
	if p.value.Err() != nil && p.value.IncompleteKind() == cue.BottomKind {
		c.Forbidden = true
		return c
	}
	c.Required, c.Default, c.Computed = f.presence(p)
	if words := allowedOf([]part{p}); words != f.Allowed {
		c.Allowed = words
	}
	return c
}

func (c Condition) differs() bool {
	return c.Required || c.Default != nil || c.Computed != "" || c.Allowed != "" || c.Forbidden
}

// defaultOf is what a field is without a value, as JSON, or in CUE's notation where
// that depends on other fields.
func defaultOf(v cue.Value) (value json.RawMessage, computed string) {
	d, ok := v.Default()
	if ok || isScalar(v) && v.IsConcrete() {
		if text, err := d.MarshalJSON(); err == nil {
			return text, ""
		}
	}
	noted := v.Attribute(defaultAttribute)
	computed, _ = noted.String(0)
	return nil, computed
}

func isScalar(v cue.Value) bool {
	return v.IncompleteKind()&(cue.StructKind|cue.ListKind) == 0
}

// allowedOf is the schema's words, at the field or at the definition that it uses.
func allowedOf(parts []part) string {
	for _, p := range parts {
		for _, v := range []cue.Value{p.value, cue.Dereference(p.value)} {
			attribute := v.Attribute("allowed")
			if words, err := attribute.String(0); err == nil && words != "" {
				return words
			}
		}
		if len(p.choices) > 0 {
			return strings.Join(p.choices, " or ")
		}
	}
	return ""
}

// docOfParts is the comments at the field, or else at the definition that it uses.
func docOfParts(parts []part) string {
	for _, from := range []func(cue.Value) cue.Value{func(v cue.Value) cue.Value { return v }, definitionOf} {
		var all []string
		for _, p := range parts {
			for _, group := range from(p.value).Doc() {
				if text := paragraphs(group.Text()); text != "" && !slices.Contains(all, text) {
					all = append(all, text)
				}
			}
		}
		if len(all) > 0 {
			return strings.Join(all, "\n")
		}
	}
	return ""
}

// definitionOf is the definition that a value is, such as #Host. Names with an
// underscore are the schema's own business.
func definitionOf(v cue.Value) cue.Value {
	if _, path := v.ReferencePath(); strings.HasPrefix(path.String(), "#") {
		return cue.Dereference(v)
	}
	return cue.Value{}
}

// paragraphs has one line for each paragraph of a comment; indented lines stay.
func paragraphs(comment string) string {
	var lines []string
	open := false
	for line := range strings.Lines(strings.TrimPrefix(comment, "#")) {
		line = strings.TrimRight(line, " \n")
		indented := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		switch {
		case line == "":
			open = false
			continue
		case open && !indented:
			lines[len(lines)-1] += " " + line
		default:
			lines = append(lines, line)
		}
		open = !indented
	}
	return strings.Join(lines, "\n")
}
