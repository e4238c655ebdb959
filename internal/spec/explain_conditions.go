package spec

import (
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/token"
)

// condition is an `if` of the schema in plain words. Fields of the struct that it is
// in are marked, for their paths are known only where the struct is used.
type condition string

const besideMark = "\x00"

// at is the condition in the struct at a path.
func (c condition) at(path string) string {
	if path != "" {
		path += "."
	}
	return strings.ReplaceAll(string(c), besideMark, path)
}

// conditionOf puts the clauses of a comprehension into words, and gives back its
// `let` clauses. It is not plain where there is a `for`.
func conditionOf(around *ast.StructLit, clauses []ast.Clause) (when condition, lets []ast.Decl, plain bool) {
	var all []string
	var conditions []ast.Expr
	for _, clause := range clauses {
		switch c := clause.(type) {
		case *ast.IfClause:
			all = append(all, conditionWords(around, c.Condition))
			conditions = append(conditions, c.Condition)
		case *ast.LetClause:
			lets = append(lets, &ast.LetClause{Ident: ast.NewIdent(c.Ident.Name), Expr: c.Expr})
		default:
			return "", nil, false
		}
	}
	for i, e := range conditions {
		if len(all) > 1 {
			all[i] = inBrackets(e, all[i])
		}
	}
	return condition(strings.Join(all, " and ")), lets, true
}

func conditionWords(around *ast.StructLit, e ast.Expr) string {
	words := func(e ast.Expr) string { return conditionWords(around, e) }
	switch x := e.(type) {
	case *ast.ParenExpr:
		return words(x.X)
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			return operandWords(around, x.X) + " is false"
		}
	case *ast.BinaryExpr:
		_, nothing := x.Y.(*ast.BottomLit)
		left := operandWords(around, x.X)
		switch {
		case x.Op == token.LAND:
			return inBrackets(x.X, words(x.X)) + " and " + inBrackets(x.Y, words(x.Y))
		case x.Op == token.LOR:
			return words(x.X) + " or " + words(x.Y)
		case x.Op == token.NEQ && nothing:
			return left + " is given"
		case x.Op == token.EQL && nothing:
			return left + " is not given"
		case x.Op == token.EQL:
			return left + " is " + operandWords(around, x.Y)
		case x.Op == token.NEQ:
			return left + " is not " + operandWords(around, x.Y)
		default:
			return left + " " + x.Op.String() + " " + operandWords(around, x.Y)
		}
	case *ast.CallExpr:
		if isListContains(x) {
			return operandWords(around, x.Args[0]) + " has " + operandWords(around, x.Args[1])
		}
	case *ast.Ident, *ast.SelectorExpr:
		return operandWords(around, e) + " is true"
	}
	return operandWords(around, e)
}

// inBrackets keeps an `or` together beside an `and`.
func inBrackets(e ast.Expr, words string) string {
	if p, ok := e.(*ast.ParenExpr); ok {
		e = p.X
	}
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op == token.LOR {
		return "(" + words + ")"
	}
	return words
}

func isListContains(call *ast.CallExpr) bool {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) != 2 {
		return false
	}
	pkg, ok := selector.X.(*ast.Ident)
	name, _, err := ast.LabelName(selector.Sel)
	return ok && err == nil && pkg.Name == "list" && name == "Contains"
}

// operandWords is a field's name, a string without quotes, or else CUE's notation.
func operandWords(around *ast.StructLit, e ast.Expr) string {
	switch x := e.(type) {
	case *ast.BasicLit:
		if text, _, err := ast.LabelName(x); err == nil && x.Kind == token.STRING && text != "" {
			return text
		}
	case *ast.Ident:
		if declares(around, x.Name) {
			return besideMark + x.Name
		}
	case *ast.SelectorExpr:
		if name, _, err := ast.LabelName(x.Sel); err == nil {
			return operandWords(around, x.X) + "." + name
		}
	}
	text, err := format.Node(e)
	if err != nil {
		return "a condition of the schema holds"
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

func declares(s *ast.StructLit, name string) bool {
	for _, element := range s.Elts {
		if f, ok := element.(*ast.Field); ok {
			if label, _, err := ast.LabelName(f.Label); err == nil && label == name {
				return true
			}
		}
	}
	return false
}
