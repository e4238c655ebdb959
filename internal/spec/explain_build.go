package spec

import (
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

func join(path, name string) string {
	if strings.Contains(name, ".") {
		name = `"` + name + `"`
	}
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}
