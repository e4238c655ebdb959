package spec

import (
	"fmt"
	"regexp"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"
)

// The hidden fields that exposure puts in place of what CUE would not list.
const (
	hiddenIf   = "_explainIf"
	hiddenEach = "_explainEach"
	// hiddenUse keeps what else the syntax spoke of, such as imports, in use.
	hiddenUse = "_explainUse"
	// defaultAttribute is where noteDefaults notes them.
	defaultAttribute = "explainDefault"
)

// exposure rewrites the syntax of a schema so that evaluation lists all of it. CUE
// drops the fields below an `if` whose condition is false, which it is as long as
// no spec is given, and keeps the attributes and comments of `[string]: T` to
// itself. Both become optional hidden fields of the struct that they are in: they
// see the same names around them, are not evaluated together with what is always
// there, and so cannot conflict with it.
type exposure struct {
	// conditions are those of the hidden fields in place of an `if`.
	conditions map[string]condition
	count      int
}

func (e *exposure) rewrite(file *ast.File) {
	ast.Walk(file, nil, func(n ast.Node) {
		if s, ok := n.(*ast.StructLit); ok {
			shareComments(s.Elts)
			noteDefaults(s.Elts)
			var exposed []ast.Decl
			for _, element := range s.Elts {
				exposed = append(exposed, e.expose(s, element)...)
			}
			s.Elts = exposed
		}
	})
	// What moved is in another scope now; AddSyntax resolves what is not resolved.
	ast.Walk(file, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok {
			name.Node, name.Scope = nil, nil
		}
		return true
	}, nil)
}

func (e *exposure) expose(around *ast.StructLit, element ast.Decl) []ast.Decl {
	switch x := element.(type) {
	case *ast.Comprehension:
		body, ok := x.Value.(*ast.StructLit)
		when, lets, plain := conditionOf(around, x.Clauses)
		if !ok || !plain || x.Fallback != nil {
			break // a `for`, which computes fields from others
		}
		for _, clause := range x.Clauses {
			if c, ok := clause.(*ast.IfClause); ok {
				body.Elts = append(body.Elts, e.hidden(hiddenUse, ast.NewList(c.Condition)))
			}
		}
		body.Elts = append(lets, body.Elts...)
		field := e.hidden(hiddenIf, body)
		e.conditions[field.Label.(*ast.Ident).Name] = when
		return []ast.Decl{field}
	case *ast.Field:
		label, ok := x.Label.(*ast.ListLit)
		if !ok || x.Alias != nil || len(label.Elts) != 1 {
			break
		}
		if _, named := label.Elts[0].(*ast.Alias); named {
			break // the value may speak of the key
		}
		named := e.hidden(hiddenEach, x.Value)
		x.Label, x.Constraint = named.Label, named.Constraint
		return []ast.Decl{x, e.hidden(hiddenUse, label)}
	}
	return []ast.Decl{element}
}

func (e *exposure) hidden(prefix string, value ast.Expr) *ast.Field {
	e.count++
	return &ast.Field{Label: ast.NewIdent(fmt.Sprint(prefix, e.count)), Constraint: token.OPTION, Value: value}
}

// noteDefaults keeps the text of a field's default in an attribute: where it depends
// on a field that has no value yet, CUE cannot tell it from the other alternatives.
func noteDefaults(elements []ast.Decl) {
	for _, element := range elements {
		f, ok := element.(*ast.Field)
		if !ok {
			continue
		}
		if marked := defaultIn(f.Value); marked != nil {
			if text, err := format.Node(marked); err == nil {
				f.Attrs = append(f.Attrs, &ast.Attribute{Text: "@" + defaultAttribute + "(" + literal.String.Quote(string(text)) + ")"})
			}
		}
	}
}

// defaultIn is the alternative with a star.
func defaultIn(e ast.Expr) ast.Expr {
	switch x := e.(type) {
	case *ast.ParenExpr:
		return defaultIn(x.X)
	case *ast.UnaryExpr:
		if x.Op == token.MUL {
			return x.X
		}
	case *ast.BinaryExpr:
		if x.Op == token.OR {
			if marked := defaultIn(x.X); marked != nil {
				return marked
			}
			return defaultIn(x.Y)
		}
	}
	return nil
}

// shareComments gives a comment that names several fields ("etcd, coredns and pause
// are …") to those of them that follow without a blank line.
func shareComments(elements []ast.Decl) {
	var shared *ast.CommentGroup
	for _, element := range elements {
		f, ok := element.(*ast.Field)
		if !ok {
			shared = nil
			continue
		}
		own := docOf(f)
		name, _, err := ast.LabelName(f.Label)
		switch {
		case own != nil:
			shared = own
		case err != nil || f.Pos().RelPos() == token.NewSection:
			shared = nil
		case shared != nil && mentions(shared.Text(), name):
			ast.AddComment(f, &ast.CommentGroup{Doc: true, List: shared.List})
		}
	}
}

func docOf(f *ast.Field) *ast.CommentGroup {
	for _, group := range ast.Comments(f) {
		if group.Doc {
			return group
		}
	}
	return nil
}

// mentions tells whether a name is in the list of names that a comment begins with.
func mentions(comment, name string) bool {
	subject, _, _ := strings.Cut(comment, " are ")
	return regexp.MustCompile(`(^|[ ,])` + regexp.QuoteMeta(name) + `([ ,]|$)`).MatchString(subject)
}
