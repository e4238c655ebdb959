package rpm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// condition is a rich dependency (rpm's manual, "Boolean Dependencies"), or a part of
// one.
type condition struct {
	// Op is "and", "or", "if", "unless", "with" or "without", or empty for a relation.
	Op string
	Relation
	// Args are what the operator joins. Those of "if" and "unless" are what is wanted,
	// when, and, if there are three, what is wanted otherwise.
	Args []condition
}

const (
	maxNesting = 20 // parentheses in each other
	maxClauses = 64 // after a condition was multiplied out
)

// String is the condition as rpm writes it.
func (c condition) String() string {
	if c.Op == "" {
		return c.Relation.String()
	}
	var words []string
	for i, a := range c.Args {
		switch {
		case i == 2 && (c.Op == "if" || c.Op == "unless"):
			words = append(words, "else")
		case i > 0:
			words = append(words, c.Op)
		}
		words = append(words, a.String())
	}
	return "(" + strings.Join(words, " ") + ")"
}

// parseCondition reads a rich dependency, such as "(a >= 1 or b)" or "(a if b else c)".
func parseCondition(text string) (condition, error) {
	p := &richParser{text: text}
	c, err := p.group(0)
	if err == nil && p.rest() != "" {
		err = fmt.Errorf("there is %.40q after its end", p.rest())
	}
	if err == nil {
		_, err = c.clauses(true)
	}
	if err != nil {
		return condition{}, fmt.Errorf("the rich dependency %.200q: %w", text, err)
	}
	return c, nil
}

type richParser struct {
	text string
	at   int
}

func (p *richParser) rest() string { return strings.TrimLeft(p.text[p.at:], " \t") }

// word takes what is up to a space or to a parenthesis that the word does not open
// itself: names are such as "libc.so.6(GLIBC_2.34)(64bit)".
func (p *richParser) word() string {
	p.at = len(p.text) - len(p.rest())
	depth, i := 0, p.at
	for ; i < len(p.text); i++ {
		c := p.text[i]
		if c == ' ' || c == '\t' || c == ')' && depth == 0 {
			break
		}
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
	}
	w := p.text[p.at:i]
	p.at = i
	return w
}

// take passes over a character, if it is what comes next.
func (p *richParser) take(c byte) bool {
	rest := p.rest()
	if rest == "" || rest[0] != c {
		return false
	}
	p.at = len(p.text) - len(rest) + 1
	return true
}

// group reads what is in parentheses.
func (p *richParser) group(depth int) (condition, error) {
	if depth > maxNesting {
		return condition{}, fmt.Errorf("it has more than %d parentheses in each other", maxNesting)
	}
	if !p.take('(') {
		return condition{}, errors.New("it does not begin with \"(\"")
	}
	first, err := p.operand(depth)
	if err != nil {
		return first, err
	}
	c := condition{Args: []condition{first}}
	for !p.take(')') {
		if err := p.operator(&c); err != nil {
			return c, err
		}
		next, err := p.operand(depth)
		if err != nil {
			return c, err
		}
		c.Args = append(c.Args, next)
	}
	if c.Op == "" {
		return first, nil // "(a)"
	}
	return c, nil
}

// operator reads what joins the next operand to those before.
func (p *richParser) operator(c *condition) error {
	word := p.word()
	switch {
	case word == "":
		return errors.New("it has no \")\" at its end")
	case word == "else":
		if (c.Op != "if" && c.Op != "unless") || len(c.Args) != 2 {
			return errors.New("it has an \"else\" without an \"if\" or \"unless\"")
		}
	case !slices.Contains([]string{"and", "or", "if", "unless", "with", "without"}, word):
		return fmt.Errorf("%.40q is no operator", word)
	case c.Op == "":
		c.Op = word
	case c.Op != word || word == "if" || word == "unless" || word == "without":
		return fmt.Errorf("%q after %q needs parentheses", word, c.Op)
	}
	return nil
}

// operand reads a relation or a group.
func (p *richParser) operand(depth int) (condition, error) {
	if strings.HasPrefix(p.rest(), "(") {
		return p.group(depth + 1)
	}
	r := Relation{Name: p.word()}
	if r.Name == "" {
		return condition{}, errors.New("a name is missing in it")
	}
	before := p.at
	if op, ok := operator(p.word()); ok {
		r.Op, r.Version = op, p.word()
	} else {
		p.at = before
	}
	return condition{Relation: r}, r.check()
}

// isTerm tells whether one package by itself meets the condition or not.
func (c condition) isTerm() bool { return c.Op == "" || c.Op == "with" || c.Op == "without" }

// checkTerm refuses what one package by itself cannot meet.
func (c condition) checkTerm() error {
	if c.Op == "if" || c.Op == "unless" {
		return fmt.Errorf("%q within \"with\" or \"without\" has no meaning", c.Op)
	}
	for _, a := range c.Args {
		if err := a.checkTerm(); err != nil {
			return err
		}
	}
	return nil
}

// names are the capabilities of which a package must have one to meet a term.
func (c condition) names() []string {
	switch c.Op {
	case "":
		return []string{c.Name}
	case "or":
		var all []string
		for _, a := range c.Args {
			all = append(all, a.names()...)
		}
		return all
	}
	return c.Args[0].names()
}

// relations are all that are in the condition.
func (c condition) relations(do func(Relation)) {
	if c.Op == "" {
		do(c.Relation)
	}
	for _, a := range c.Args {
		a.relations(do)
	}
}

// meets tells whether a package meets a term.
func (p *Package) meets(c condition) bool {
	switch c.Op {
	case "":
		return p.matches(c.Relation)
	case "or":
		return slices.ContainsFunc(c.Args, p.meets)
	case "without":
		return p.meets(c.Args[0]) && !p.meets(c.Args[1])
	}
	return !slices.ContainsFunc(c.Args, func(a condition) bool { return !p.meets(a) })
}
