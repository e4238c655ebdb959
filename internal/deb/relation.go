package deb

import (
	"fmt"
	"slices"
	"strings"
)

// Relation is one package that a relationship names, such as "python3:any (>= 3.9)".
type Relation struct {
	Name string
	// Qualifier is after a colon: "any" or an architecture.
	Qualifier string
	// Op is "<<", "<=", "=", ">=" or ">>", or empty if every version will do.
	Op      string
	Version string

	// itself is for what a person asks for by a name that a package has: what only
	// provides the name is something else then.
	itself bool
}

// Alternatives are relations of which one is enough: "a | b".
type Alternatives []Relation

func (r Relation) String() string {
	s := r.Name
	if r.Qualifier != "" {
		s += ":" + r.Qualifier
	}
	if r.Op != "" {
		s += " (" + r.Op + " " + r.Version + ")"
	}
	return s
}

func (a Alternatives) String() string {
	words := make([]string, len(a))
	for i, r := range a {
		words[i] = r.String()
	}
	return strings.Join(words, " | ")
}

// allows tells whether a version is one that the relation asks for.
func (r Relation) allows(version string) bool {
	if r.Op == "" {
		return true
	}
	c := Compare(version, r.Version)
	switch r.Op {
	case "<<":
		return c < 0
	case "<=":
		return c <= 0
	case "=":
		return c == 0
	case ">=":
		return c >= 0
	}
	return c > 0
}

// parseDepends reads the value of Depends and its like: "a (>= 1) | b, c:any".
func parseDepends(value string) ([]Alternatives, error) {
	var all []Alternatives
	for clause := range strings.SplitSeq(value, ",") {
		if strings.TrimSpace(clause) == "" {
			continue // dpkg and apt let an extra comma through
		}
		var alternatives Alternatives
		for one := range strings.SplitSeq(clause, "|") {
			r, err := parseRelation(one)
			if err != nil {
				return nil, err
			}
			alternatives = append(alternatives, r)
		}
		all = append(all, alternatives)
	}
	return all, nil
}

// parseRelations reads the value of Conflicts and its like, which knows no "|".
func parseRelations(value string) ([]Relation, error) {
	all, err := parseDepends(value)
	if err != nil {
		return nil, err
	}
	list := make([]Relation, 0, len(all))
	for _, a := range all {
		if len(a) != 1 {
			return nil, fmt.Errorf("%q has alternatives, which only dependencies may have", a)
		}
		list = append(list, a[0])
	}
	return list, nil
}

var operators = []string{"<<", "<=", "=", ">=", ">>"}

// parseRelation reads one relation. Restrictions to architectures and build profiles
// are an error: only source packages have them.
func parseRelation(text string) (Relation, error) {
	text = strings.TrimSpace(text)
	name, condition, conditional := strings.Cut(text, "(")
	name = strings.TrimSpace(name)
	var r Relation
	r.Name, r.Qualifier, _ = strings.Cut(name, ":")
	if !isName(r.Name) {
		return r, fmt.Errorf("%q does not begin with the name of a package", text)
	}
	if strings.HasSuffix(name, ":") || r.Qualifier != "" && !isName(r.Qualifier) {
		return r, fmt.Errorf("%q has no architecture after its colon", text)
	}
	if !conditional {
		return r, nil
	}
	condition, after, closed := strings.Cut(condition, ")")
	if !closed || strings.TrimSpace(after) != "" {
		return r, fmt.Errorf("%q should end with a version in parentheses, such as (>= 1.0)", text)
	}
	condition = strings.TrimSpace(condition)
	end := strings.IndexFunc(condition, func(c rune) bool { return !strings.ContainsRune("<=>", c) })
	if end < 0 {
		return r, fmt.Errorf("%q has no version in its parentheses", text)
	}
	r.Op, r.Version = condition[:end], strings.TrimSpace(condition[end:])
	switch r.Op {
	case "<", ">": // the forms of old, which mean this
		r.Op += "="
	case "":
		r.Op = "="
	}
	if !slices.Contains(operators, r.Op) {
		return r, fmt.Errorf("%q compares by %q; there are %s", text, r.Op, strings.Join(operators, " "))
	}
	if err := checkVersion(r.Version); err != nil {
		return r, fmt.Errorf("%q: %w", text, err)
	}
	return r, nil
}

// isName tells whether a text can be the name of a package. Names become those of
// files, so nothing that means something in a path may be in one.
func isName(s string) bool {
	if s == "" || !isAlnum(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '+' && s[i] != '-' && s[i] != '.' && s[i] != '_' {
			return false
		}
	}
	return true
}
