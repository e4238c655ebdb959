package rpm

import (
	"fmt"
	"slices"
)

// clause is what has to hold if its package is there: one of the packages of any is there,
// or one of the terms of none is met by no package. A simple requirement has one term in
// any; a simple conflict has one in none.
type clause struct {
	field, text string
	any, none   []condition
	// others tells that the package itself does not count: packages conflict with what they
	// provide, and replace it.
	others bool
	// deep clauses name files that only filelists.xml has.
	deep bool
}

// String is such as "Requires: b >= 2".
func (c *clause) String() string { return c.field + ": " + c.text }

// clauses multiplies a condition out, so that all of the clauses have to hold, for the
// condition to hold or, if it is not wanted, not to hold.
func (c condition) clauses(wanted bool) ([]clause, error) {
	if c.isTerm() {
		if err := c.checkTerm(); err != nil {
			return nil, err
		}
		if wanted {
			return []clause{{any: []condition{c}}}, nil
		}
		return []clause{{none: []condition{c}}}, nil
	}
	parts := make([][]clause, len(c.Args))
	negated := make([][]clause, len(c.Args))
	for i, a := range c.Args {
		var err error
		if parts[i], err = a.clauses(wanted); err == nil {
			negated[i], err = a.clauses(!wanted)
		}
		if err != nil {
			return nil, err
		}
	}
	var list []clause
	switch c.Op {
	case "and", "or":
		if (c.Op == "and") == wanted {
			list = slices.Concat(parts...)
			break
		}
		list = []clause{{}}
		for _, p := range parts {
			list = product(list, p)
		}
	default:
		list = c.conditional(parts, negated, wanted)
	}
	if len(list) > maxClauses {
		return nil, fmt.Errorf("it is too complex: it comes to more than %d clauses", maxClauses)
	}
	return list, nil
}

// conditional multiplies "if" and "unless" out:
//
//	a if b         a or not b              not: not a, and b
//	a if b else c  a or not b, and c or b  not: not a or not b, and not c or b
//	a unless b     a, and not b            not: not a or b
//	a unless b else c  is  c if b else a
func (c condition) conditional(parts, negated [][]clause, wanted bool) []clause {
	a, b, notB := parts[0], parts[1], negated[1]
	if !wanted {
		b, notB = notB, b // parts are negated already
	}
	switch {
	case len(c.Args) == 3 && c.Op == "if":
		return slices.Concat(product(a, notB), product(parts[2], b))
	case len(c.Args) == 3:
		return slices.Concat(product(parts[2], notB), product(a, b))
	case c.Op == "if" && wanted:
		return product(a, notB)
	case c.Op == "if":
		return slices.Concat(a, b)
	case wanted:
		return slices.Concat(a, notB)
	}
	return product(a, b)
}

// product is each clause of one list or each of another.
func product(a, b []clause) []clause {
	if len(a)*len(b) > maxClauses {
		return make([]clause, maxClauses+1) // too complex, whatever they are
	}
	var list []clause
	for _, x := range a {
		for _, y := range b {
			list = append(list, clause{any: slices.Concat(x.any, y.any), none: slices.Concat(x.none, y.none)})
		}
	}
	return list
}

// newClauses are the clauses of a relation of a field.
func newClauses(field string, r Relation) ([]clause, error) {
	c := condition{Relation: r}
	if r.isRich() {
		var err error
		if c, err = parseCondition(r.Name); err != nil {
			return nil, err
		}
	}
	against := field == "Conflicts" || field == "Obsoletes"
	list, err := c.clauses(!against)
	if err != nil {
		return nil, fmt.Errorf("the rich dependency %.200q: %w", r.Name, err)
	}
	deep := false
	c.relations(func(r Relation) { deep = deep || isPath(r.Name) && !inPrimary(r.Name) })
	for i := range list {
		list[i].field, list[i].text, list[i].others, list[i].deep = field, c.String(), against, deep
	}
	return list, nil
}
