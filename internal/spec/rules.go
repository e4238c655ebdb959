package spec

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/token"
)

// checkRules evaluates #Rules, or a part of them, over a spec. An error means that a rule
// itself could not be evaluated.
func checkRules(schema cue.Value, part string, user, in cue.Value) (Problems, error) {
	rules := schema.LookupPath(cue.ParsePath(part)).FillPath(cue.ParsePath("in"), in)
	it, err := rules.Fields()
	if err != nil {
		return nil, fmt.Errorf("evaluating the rules: %w", err)
	}
	var problems Problems
	var failed error
	for it.Next() {
		if it.Selector().String() == "in" {
			continue
		}
		broken, err := readRule(it.Value())
		if err != nil {
			failed = fmt.Errorf("evaluating the rule %s: %w", it.Selector(), err)
			continue
		}
		for _, b := range broken {
			problems = append(problems, Problem{
				Path: strings.Join(b.Path, "."), Given: string(b.Given), Allowed: b.Allowed,
			}.at(place(user, b.Path)))
		}
	}
	problems.sort()
	return slices.CompactFunc(problems, func(a, b Problem) bool { return a == b }), failed
}

type broken struct {
	Path    []string        `json:"path"`
	Given   json.RawMessage `json:"given"`
	Allowed string          `json:"allowed"`
}

func readRule(v cue.Value) ([]broken, error) {
	text, err := v.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var list []broken
	return list, json.Unmarshal(text, &list)
}

// place is where the user wrote a field, or the nearest field around it.
func place(user cue.Value, path []string) token.Pos {
	pos := user.Pos()
	for i, name := range path {
		v := lookup(user, path[:i+1]...)
		if !v.Exists() {
			v = lookup(user, path[:i]...).LookupPath(indexPath(name))
		}
		if !v.Exists() {
			break
		}
		pos = v.Pos()
	}
	return pos
}

func indexPath(name string) cue.Path {
	var i int
	if _, err := fmt.Sscanf(name, "%d", &i); err != nil || i < 0 {
		return cue.MakePath(cue.Str(name))
	}
	return cue.MakePath(cue.Index(i))
}
