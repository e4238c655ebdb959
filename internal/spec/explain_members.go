package spec

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
)

// part is one declaration of a field: the one that always holds, or one that holds
// under a condition.
type part struct {
	value      cue.Value
	constraint cue.SelectorType
	when       string
	// choices are what a field that tells the forms of a struct apart is in each.
	choices []string
}

// member is a part with the name of its field.
type member struct {
	name string
	part part
}

// members lists the fields of a struct, and what its other keys hold if it takes any.
func (d *documenter) members(v cue.Value, when, path string) (fields []member, each []part) {
	if always, forms := formsOf(v); len(always)+len(forms) > 0 {
		for _, a := range always {
			f, e := d.members(a, when, path)
			fields, each = append(fields, f...), append(each, e...)
		}
		return append(fields, d.membersOfForms(forms, when, path)...), each
	}
	it, err := v.Fields(cue.Optional(true), cue.Hidden(true))
	for err == nil && it.Next() {
		sel := it.Selector()
		if sel.LabelType() != cue.StringLabel {
			name := strings.TrimRight(sel.String(), "?!")
			if condition, ok := d.conditions[name]; ok {
				f, e := d.members(it.Value(), both(when, condition.at(path)), path)
				fields, each = append(fields, f...), append(each, e...)
			} else if strings.HasPrefix(name, hiddenEach) {
				each = append(each, part{value: it.Value(), constraint: cue.OptionalConstraint, when: when})
			}
			continue
		}
		fields = append(fields, member{sel.Unquoted(), part{value: it.Value(), constraint: sel.ConstraintType(), when: when}})
	}
	if other := v.LookupPath(cue.MakePath(cue.AnyString)); len(each) == 0 && other.Exists() && other.IncompleteKind() != cue.TopKind {
		each = append(each, part{value: other, constraint: cue.OptionalConstraint, when: when})
	}
	return fields, each
}

// formsOf splits a struct that has one of several forms into what it always is and
// its forms. A struct beside something else, as in `null | {…}`, always is that. There
// is nothing to split in any other struct.
func formsOf(v cue.Value) (always, forms []cue.Value) {
	switch op, args := cue.Dereference(v).Expr(); op {
	case cue.OrOp:
		structs := slices.DeleteFunc(args, func(a cue.Value) bool { return a.IncompleteKind() != cue.StructKind })
		if len(structs) == 1 {
			return structs, nil
		}
		return nil, structs
	case cue.AndOp:
		for _, a := range args {
			whole, several := formsOf(a)
			if len(several) == 0 {
				whole = []cue.Value{a}
			}
			always, forms = append(always, whole...), append(forms, several...)
		}
		if len(forms) > 0 {
			return always, forms
		}
	}
	return nil, nil
}

// membersOfForms are the fields of all forms. Those that are the same in every form
// have no condition; the others are there where a field that tells the forms apart
// says so.
func (d *documenter) membersOfForms(forms []cue.Value, when, path string) []member {
	lists := make([][]member, len(forms))
	var names []string
	for i, form := range forms {
		lists[i], _ = d.members(form, "", path)
		for _, m := range lists[i] {
			if !slices.Contains(names, m.name) {
				names = append(names, m.name)
			}
		}
	}
	tag, choices := tagOf(names, lists)
	var all []member
	for _, name := range names {
		parts := partsOf(name, lists)
		if name == tag {
			parts[0].choices = choices
		}
		if name == tag || len(parts) == len(forms) && alike(parts) {
			all = append(all, member{name, part{parts[0].value, parts[0].constraint, when, parts[0].choices}})
			continue
		}
		for i, list := range lists {
			in := fmt.Sprintf("%s has form %d of %d", orWhole(path), i+1, len(forms))
			if tag != "" {
				in = condition(besideMark + tag + " is " + choices[i]).at(path)
			}
			for _, m := range list {
				if m.name == name {
					m.part.when = both(when, both(in, m.part.when))
					all = append(all, m)
				}
			}
		}
	}
	return all
}

// tagOf finds the field that is another concrete value in each form.
func tagOf(names []string, lists [][]member) (tag string, choices []string) {
	for _, name := range names {
		parts := partsOf(name, lists)
		choices = nil
		for _, p := range parts {
			text := defaultText(defaultOf(p.value))
			if p.constraint == 0 && p.value.IsConcrete() && isScalar(p.value) && !slices.Contains(choices, text) {
				choices = append(choices, text)
			}
		}
		if len(choices) == len(lists) && len(parts) == len(lists) {
			return name, choices
		}
	}
	return "", nil
}

func partsOf(name string, lists [][]member) []part {
	var parts []part
	for _, list := range lists {
		for _, m := range list {
			if m.name == name {
				parts = append(parts, m.part)
			}
		}
	}
	return parts
}

func alike(parts []part) bool {
	return !slices.ContainsFunc(parts, func(p part) bool {
		return p.constraint != parts[0].constraint || p.when != "" || fmt.Sprint(p.value) != fmt.Sprint(parts[0].value)
	})
}

func both(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " and " + b
}

func orWhole(path string) string {
	if path == "" {
		return "the spec"
	}
	return path
}
