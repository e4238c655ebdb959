package spec

import (
	"slices"
	"strings"
	"unicode"
)

// mostNames is far more than the deepest path with the longest keys has.
const mostNames = 50

// find is the field at a path.
func (f *FieldDoc) find(path string) (*FieldDoc, error) {
	names := splitPath(path)
	names = names[:min(len(names), mostNames)] // more are no better
	if found := f.match(names); found != nil {
		return found, nil
	}
	n := len(names) - 1
	parent := f.match(names[:n])
	for parent == nil {
		n--
		parent = f.match(names[:n])
	}
	unknown := &UnknownField{Path: path, Parent: parent.Path}
	if len(parent.named()) > 0 {
		unknown.Near = f.near(parent, names[n])
	}
	for _, child := range parent.named() {
		unknown.Beside = append(unknown.Beside, child.name)
	}
	return nil, unknown
}

// match follows names from f. The keys of a map and the places of a list may be left
// out, so a name is tried as a field first.
func (f *FieldDoc) match(names []string) *FieldDoc {
	if len(names) == 0 {
		return f
	}
	element := f.Element()
	switch {
	case element == nil:
		if i := slices.IndexFunc(f.Fields, func(child *FieldDoc) bool { return child.name == names[0] }); i >= 0 {
			return f.Fields[i].match(names[1:])
		}
		if strings.Contains(f.Type, "list") && isIndex(names[0]) {
			return f.match(names[1:])
		}
		return nil
	case slices.ContainsFunc(element.named(), func(child *FieldDoc) bool { return child.name == names[0] }):
		if found := element.match(names); found != nil {
			return found
		}
	}
	if element.name == anyIndex && !isIndex(names[0]) {
		return nil
	}
	// vet names a key as it is, and many have dots: releases.1.38.0.etcd.
	for n := 1; n <= len(names); n++ {
		if n > 1 && (element.name == anyIndex || n == len(names) && element.Fields != nil && !isNoName(names[n-1])) {
			continue // more likely the key is m1, and the field misspelt, in hosts.m1.rolse
		}
		if found := element.match(names[n:]); found != nil {
			return found
		}
	}
	return nil
}

// isNoName tells a part of a key from what may be meant as a field.
func isNoName(part string) bool {
	return isIndex(part) || strings.ContainsFunc(part, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// named are the fields that f has, or that are in it where it is a map or list.
func (f *FieldDoc) named() []*FieldDoc {
	for f.Element() != nil {
		f = f.Element()
	}
	return f.Fields
}

func isIndex(name string) bool {
	return name == anyIndex || name == "*" || name != "" && strings.Trim(name, "0123456789") == ""
}

// splitPath takes a path apart: hosts.m1.roles, hosts["m1"].roles[0],
// releases."1.38.0".etcd.
func splitPath(path string) []string {
	var names []string
	var name strings.Builder
	quoted := false
	end := func() {
		if name.Len() > 0 {
			names = append(names, name.String())
			name.Reset()
		}
	}
	for _, r := range path {
		switch {
		case r == '"':
			quoted = !quoted
		case !quoted && (r == '.' || r == '[' || r == ']'):
			end()
		default:
			name.WriteRune(r)
		}
	}
	end()
	return names
}

// Walk calls visit for every field below f, in the schema's order.
func (f *FieldDoc) Walk(visit func(*FieldDoc)) {
	for _, child := range f.Fields {
		visit(child)
		child.Walk(visit)
	}
}

// Completion is one way to go on with a path.
type Completion struct {
	Path    string
	Summary string
	// Further says that there are fields below it.
	Further bool
}

// CompleteField lists the fields that a path may go on to. Keys of maps stay as they
// were typed, or are left out.
func CompleteField(typed string) ([]Completion, error) {
	whole, err := documentation()
	if err != nil {
		return nil, err
	}
	stem := typed[:strings.LastIndex(typed, ".")+1]
	parent := whole.match(splitPath(stem))
	if parent == nil {
		return nil, nil
	}
	var all []Completion
	for _, child := range parent.named() {
		if path := stem + child.name; strings.HasPrefix(path, typed) {
			all = append(all, Completion{path, child.Summary(), len(child.named()) > 0})
		}
	}
	return all, nil
}
