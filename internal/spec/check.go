package spec

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	cueerrors "cuelang.org/go/cue/errors"
)

// checker holds a user's value against the schema field by field. CUE decides
// about each leaf; walking the fields ourselves gives every problem its own place
// and wording, where one evaluation of the whole stops at the first kind of error
// and reports every branch of a disjunction.
type checker struct {
	problems Problems
}

// check returns what is valid of the user's value, with the schema's defaults,
// ready to be encoded. user does not exist where the user gave nothing.
func (c *checker) check(schema, user cue.Value, path []string) any {
	switch {
	case isGiven(user) && user.Err() != nil && !isStruct(user):
		c.conflict(user, path)
		return nil
	case schema.IncompleteKind() == cue.StructKind:
		return c.checkStruct(schema, user, path)
	case schema.IncompleteKind() == cue.ListKind:
		return c.checkList(schema, user, path)
	default:
		return c.checkLeaf(schema, user, path)
	}
}

func (c *checker) checkStruct(schema, user cue.Value, path []string) any {
	if isGiven(user) && !isStruct(user) {
		c.wrong(schema, user, path)
		return nil
	}
	valid := map[string]any{}
	known := fieldsOf(schema)
	pattern := schema.LookupPath(cue.MakePath(cue.AnyString))
	given := fieldsOf(user)
	for _, f := range given {
		at := append(slices.Clone(path), f.name)
		if i := slices.IndexFunc(known, func(k field) bool { return k.name == f.name }); i >= 0 {
			put(valid, f.name, c.check(known[i].value, f.value, at))
		} else if pattern.Exists() {
			put(valid, f.name, c.check(pattern, f.value, at))
		} else {
			c.unknown(f.value, at, known)
		}
	}
	for _, k := range known {
		if slices.ContainsFunc(given, func(f field) bool { return f.name == k.name }) {
			continue
		}
		at := append(slices.Clone(path), k.name)
		switch k.constraint {
		case cue.RequiredConstraint:
			c.add(Problem{Path: strings.Join(at, "."), Allowed: allowed(k.value)}.at(user.Pos()))
		case cue.OptionalConstraint:
		default:
			put(valid, k.name, c.check(k.value, cue.Value{}, at))
		}
	}
	return valid
}

func (c *checker) checkList(schema, user cue.Value, path []string) any {
	valid := []any{}
	if !isGiven(user) {
		return valid
	}
	items, err := user.List()
	if err != nil {
		c.wrong(schema, user, path)
		return nil
	}
	element := schema.LookupPath(cue.MakePath(cue.AnyIndex))
	for i := 0; items.Next(); i++ {
		at := append(slices.Clone(path), fmt.Sprint(i))
		before := len(c.problems)
		if v := c.check(element, items.Value(), at); v != nil {
			valid = append(valid, v)
		}
		for j := range c.problems[before:] {
			c.problems[before+j].Allowed = allowed(schema)
		}
	}
	return valid
}

func (c *checker) checkLeaf(schema, user cue.Value, path []string) any {
	leaf := schema
	if isGiven(user) {
		leaf = schema.Unify(user)
	}
	var value any
	if leaf.Validate(cue.Concrete(true)) != nil || leaf.Decode(&value) != nil {
		c.wrong(schema, user, path)
		return nil
	}
	return value
}

// wrong reports a value that the schema does not take.
func (c *checker) wrong(schema, user cue.Value, path []string) {
	given := short(user)
	if user.Err() == nil && !user.IsConcrete() {
		given += ", which never becomes a concrete value (does it refer to itself?)"
	}
	c.add(Problem{Path: strings.Join(path, "."), Given: given, Allowed: allowed(schema)}.at(user.Pos()))
}

// conflict reports what CUE found in the user's files alone: two values for one
// field, or a cycle.
func (c *checker) conflict(user cue.Value, path []string) {
	for _, e := range cueerrors.Errors(user.Err()) {
		format, args := e.Msg()
		message := fmt.Sprintf(format, args...)
		if len(path) == 3 && path[0] == "hosts" && strings.HasPrefix(message, "conflicting values") {
			message += fmt.Sprintf("; is %q the name of two hosts?", path[1])
		}
		p := Problem{Path: strings.Join(path, "."), Message: message}
		var also []string
		for _, pos := range e.InputPositions() {
			if place := (Problem{}).at(pos).Position(); place != "" && !slices.Contains(also, place) {
				also = append(also, place)
			}
		}
		if len(also) > 1 {
			p.Message += " (" + strings.Join(also, ", ") + ")"
		}
		c.add(p.at(user.Pos()).at(userPosition(e)))
	}
}

func (c *checker) unknown(user cue.Value, path []string, known []field) {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = k.name
	}
	slices.Sort(names)
	c.add(Problem{
		Path:    strings.Join(path, "."),
		Given:   "an unknown field",
		Allowed: "the fields " + strings.Join(names, ", "),
	}.at(user.Pos()))
}

func (c *checker) add(p Problem) { c.problems = append(c.problems, p) }

type field struct {
	name       string
	constraint cue.SelectorType
	value      cue.Value
}

// isGiven tells a value, even one with an error, from the absence of one.
func isGiven(v cue.Value) bool { return v != cue.Value{} }

// fieldsOf lists a struct's regular, optional and required fields.
func fieldsOf(v cue.Value) []field {
	var fields []field
	if !isGiven(v) {
		return nil
	}
	it, err := v.Fields(cue.Optional(true))
	for err == nil && it.Next() {
		sel := it.Selector()
		fields = append(fields, field{sel.Unquoted(), sel.ConstraintType(), it.Value()})
	}
	return fields
}

// isStruct also holds for a struct with an error in one of its fields, which CUE
// counts as no struct.
func isStruct(v cue.Value) bool {
	return v.IncompleteKind() == cue.StructKind || len(fieldsOf(v)) > 0
}

// allowed is the schema's own words for what a field takes; CUE's notation where
// it has none.
func allowed(schema cue.Value) string {
	attribute := schema.Attribute("allowed")
	if words, err := attribute.String(0); err == nil {
		return words
	}
	return fmt.Sprint(schema)
}

// short is a value in CUE's notation, cut where it is long.
func short(v cue.Value) string {
	text := strings.Join(strings.Fields(fmt.Sprint(v)), " ")
	if len(text) > 80 {
		text = text[:77] + "..."
	}
	return text
}

func put(m map[string]any, name string, v any) {
	if v != nil {
		m[name] = v
	}
}
