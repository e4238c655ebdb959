package spec

import (
	"encoding/json"
	"slices"
	"strings"

	"cuelang.org/go/cue"
)

// documenter turns an exposed schema into documentation.
type documenter struct {
	root       cue.Value
	conditions map[string]condition
	// within are the definitions that the field at hand lies in; one that holds
	// itself is not followed again.
	within []string
}

// field documents a field from all its declarations. around is the comment that
// holds for it where it has none of its own.
func (d *documenter) field(path, name string, parts []part, around string) *FieldDoc {
	f := &FieldDoc{Path: join(path, name), name: name}
	var always, sometimes []part
	definition := ""
	for i, p := range parts {
		if _, reference := p.value.ReferencePath(); len(reference.Selectors()) > 0 {
			definition = reference.String()
			if target := d.root.LookupPath(reference); p.value.Err() != nil && target.Err() == nil {
				parts[i].value = target // it holds itself
			}
		}
		if p.when == "" {
			always = append(always, parts[i])
		} else {
			sometimes = append(sometimes, parts[i])
		}
	}
	f.Conditional = len(always) == 0
	known := always
	if f.Conditional {
		known = sometimes
	}
	f.Doc = docOfParts(append(slices.Clone(always), sometimes...))
	if f.Doc == "" {
		f.Doc, f.inherited = around, true
	}
	f.Allowed = allowedOf(known)
	if definition == "" || !slices.Contains(d.within, definition) {
		d.within = append(d.within, definition)
		f.Fields, f.Type = d.inside(f, known, sometimes, definition != "")
		d.within = d.within[:len(d.within)-1]
	} else {
		f.Type = typeOf(known, "")
	}
	for _, p := range always {
		required, value, computed := f.presence(p)
		f.Required = f.Required || required
		f.Default, f.Computed = value, computed
	}
	for _, p := range sometimes {
		if c := f.conditionIn(p); f.Conditional || c.differs() {
			f.Conditions = append(f.Conditions, c)
		}
	}
	return f
}

// inside documents the fields of a struct, and what a map or list holds.
func (d *documenter) inside(f *FieldDoc, known, sometimes []part, isDefinition bool) ([]*FieldDoc, string) {
	all := known
	if !f.Conditional {
		all = append(slices.Clone(known), sometimes...)
	}
	var fields []member
	var each, items []part
	for _, p := range all {
		when := p.when
		if f.Conditional {
			when = "" // said of f already
		}
		if p.value.IncompleteKind()&cue.StructKind != 0 && p.value.IncompleteKind() != cue.TopKind {
			m, e := d.members(p.value, when, f.Path)
			fields, each = append(fields, m...), append(each, e...)
		}
		items = append(items, elements(p.value)...)
	}
	if len(fields) == 0 && len(each) > 0 {
		element := d.field(f.Path, anyName, each, f.Doc)
		return []*FieldDoc{element}, typeOf(known, "map of "+plural(element.Type))
	}
	if len(items) > 0 {
		item := d.field(f.Path, anyIndex, items, f.Doc)
		kind := typeOf(known, "list of "+plural(item.Type))
		if item.Fields == nil {
			return nil, kind // nothing more to say than of the list
		}
		return []*FieldDoc{item}, kind
	}
	// What a definition is for is not what each of its fields is for; of the small
	// structs that stand in a field it is.
	around := f.Doc
	if isDefinition || f.Path == "" {
		around = ""
	}
	var docs []*FieldDoc
	for i, m := range fields {
		if slices.ContainsFunc(fields[:i], func(o member) bool { return o.name == m.name }) {
			continue
		}
		var same []part
		for _, o := range fields[i:] {
			if o.name == m.name {
				same = append(same, o.part)
			}
		}
		docs = append(docs, d.field(f.Path, m.name, same, around))
	}
	return docs, typeOf(known, "struct")
}

// elements are what a list holds.
func elements(v cue.Value) []part {
	v = cue.Dereference(v)
	if op, args := v.Expr(); op == cue.OrOp || op == cue.AndOp {
		var all []part
		for _, a := range args {
			if a.IncompleteKind()&cue.ListKind != 0 && a.IncompleteKind() != cue.TopKind && len(all) == 0 {
				all = elements(a)
			}
		}
		return all
	}
	if v.IncompleteKind() != cue.ListKind {
		return nil
	}
	if item := v.LookupPath(cue.MakePath(cue.AnyIndex)); item.Exists() {
		return []part{{value: item, constraint: cue.OptionalConstraint}}
	}
	var all []part // of a list with a fixed length, or of the default
	for items, err := v.List(); err == nil && items.Next(); {
		all = append(all, part{value: items.Value(), constraint: cue.OptionalConstraint})
	}
	return all
}

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

func join(path, name string) string {
	if strings.Contains(name, ".") {
		name = `"` + name + `"`
	}
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}
