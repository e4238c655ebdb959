package closure

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// walker goes through code in its order and notes what it does, under which
// conditions.
type walker struct{ scope }

// scope is where code stands: variables are looked up from there.
type scope struct {
	script *script
	body   *body
	// when are the conditions under which the code is reached in its body.
	when *guards
}

// under is the same code's scope under conditions.
func (s scope) under(when *guards) scope {
	s.when = when
	return s
}

func (w *walker) add(e event) { w.body.events = append(w.body.events, e) }

// stmts goes through statements; one that leaves the script under a condition is a
// condition of all that follow.
func (w *walker) stmts(list []*syntax.Stmt, when *guards) {
	for _, stmt := range list {
		w.stmt(stmt, when)
		if left := w.leaves(stmt, when); left != nil {
			when = when.and(not{left})
		}
	}
}

func (w *walker) stmt(stmt *syntax.Stmt, when *guards) {
	if stmt.Cmd != nil {
		w.command(stmt.Cmd, when)
	}
	for _, r := range stmt.Redirs {
		for _, word := range []*syntax.Word{r.Word, r.Hdoc} {
			if word != nil {
				w.inside(word, when)
			}
		}
		if r.Word != nil && !writes(r.Op) {
			w.add(event{words: []*syntax.Word{r.Word}, when: when})
		}
	}
}

func writes(op syntax.RedirOperator) bool {
	return !slices.Contains([]syntax.RedirOperator{syntax.RdrIn, syntax.RdrInOut}, op)
}

func (w *walker) command(cmd syntax.Command, when *guards) {
	switch cmd := cmd.(type) {
	case *syntax.CallExpr:
		w.call(cmd, when)
	case *syntax.BinaryCmd:
		w.stmt(cmd.X, when)
		switch cmd.Op {
		case syntax.AndStmt:
			when = when.and(w.condition(cmd.X, when))
		case syntax.OrStmt:
			when = when.and(not{w.condition(cmd.X, when)})
		}
		w.stmt(cmd.Y, when)
	case *syntax.IfClause:
		w.ifClause(cmd, when)
	case *syntax.WhileClause:
		w.stmts(cmd.Cond, when)
		w.stmts(cmd.Do, when)
	case *syntax.ForClause:
		if loop, ok := cmd.Loop.(*syntax.WordIter); ok {
			w.loop(loop, when)
		} else {
			w.inside(cmd.Loop, when)
		}
		w.stmts(cmd.Do, when)
	case *syntax.CaseClause:
		w.caseClause(cmd, when)
	case *syntax.Block:
		w.stmts(cmd.Stmts, when)
	case *syntax.Subshell:
		w.stmts(cmd.Stmts, when)
	case *syntax.FuncDecl:
		w.function(cmd)
	case *syntax.DeclClause:
		if cmd.Variant.Value == "local" {
			for _, a := range cmd.Args {
				if a.Name != nil {
					w.body.locals[a.Name.Value] = true
				}
			}
		}
		for _, a := range cmd.Args {
			w.assign(a, cmd.Pos(), when)
		}
	case *syntax.TimeClause:
		if cmd.Stmt != nil {
			w.stmt(cmd.Stmt, when)
		}
	case *syntax.CoprocClause:
		w.stmt(cmd.Stmt, when)
	case *syntax.ArithmCmd, *syntax.LetClause:
		w.arithmetic(cmd, when)
	default:
		w.inside(cmd, when)
	}
}

func (w *walker) call(cmd *syntax.CallExpr, when *guards) {
	for _, a := range cmd.Assigns {
		w.assign(a, cmd.Pos(), when)
	}
	for _, word := range cmd.Args {
		w.inside(word, when)
	}
	if len(cmd.Args) == 0 {
		return
	}
	w.add(event{command: cmd.Args, when: when})
	for _, name := range readInto(cmd.Args) {
		w.set(name, assign{pos: cmd.Pos(), unknown: true, when: when})
	}
}

// readInto are the variables that a command sets from its input.
func readInto(args []*syntax.Word) []string {
	var list []string
	switch args[0].Lit() {
	case "read", "mapfile", "readarray", "getopts", "unset":
		for _, arg := range args[1:] {
			if isName(arg.Lit()) {
				list = append(list, arg.Lit())
			}
		}
	case "printf":
		if len(args) > 2 && args[1].Lit() == "-v" {
			list = append(list, args[2].Lit())
		}
	}
	return list
}

func (w *walker) set(name string, a assign) {
	a.body = w.body
	key := w.key(name)
	w.script.assigns[key] = append(w.script.assigns[key], a)
}

// key is under what a variable's assignments are kept: a function's own variables
// are nobody else's.
func (s scope) key(name string) string {
	if s.body.locals[name] {
		return s.body.name + " " + name
	}
	return name
}

func (w *walker) assign(a *syntax.Assign, pos syntax.Pos, when *guards) {
	if a.Value != nil {
		w.inside(a.Value, when)
	}
	if a.Name == nil || a.Naked {
		return
	}
	set := assign{pos: pos, word: a.Value, when: when, unknown: a.Index != nil || a.Append && a.Array == nil}
	if a.Array != nil {
		set.array, set.more = true, a.Append
		for _, element := range a.Array.Elems {
			if element.Value == nil {
				continue
			}
			w.inside(element.Value, when)
			set.any = append(set.any, element.Value)
		}
		w.add(event{words: set.any, when: when})
	}
	w.set(a.Name.Value, set)
}

func (w *walker) loop(loop *syntax.WordIter, when *guards) {
	for _, item := range loop.Items {
		w.inside(item, when)
	}
	w.set(loop.Name.Value, assign{pos: loop.Pos(), any: loop.Items, unknown: len(loop.Items) == 0, when: when})
}

func (w *walker) ifClause(c *syntax.IfClause, when *guards) {
	if len(c.Cond) == 0 { // else
		w.stmts(c.Then, when)
		return
	}
	w.stmts(c.Cond, when)
	met := w.condition(c.Cond[len(c.Cond)-1], when)
	w.stmts(c.Then, when.and(met))
	if c.Else != nil {
		w.ifClause(c.Else, when.and(not{met}))
	}
}

func (w *walker) caseClause(c *syntax.CaseClause, when *guards) {
	w.inside(c.Word, when)
	var through condition
	for _, item := range c.Items {
		met := w.matches(c.Word, item.Patterns, when)
		if through != nil {
			met = either{met, through}
		}
		w.stmts(item.Stmts, when.and(met))
		switch item.Op {
		case syntax.Break:
			when, through = when.and(not{met}), nil
		case syntax.Fallthrough:
			through = met
		}
	}
}

// function notes a function's code apart: it runs when it is called.
func (w *walker) function(f *syntax.FuncDecl) {
	if f.Name == nil {
		return
	}
	b := newBody(f.Name.Value)
	w.script.bodies[b.name] = b
	inner := walker{scope{script: w.script, body: b}}
	inner.stmt(f.Body, nil)
}

// arithmetic sets variables to numbers that nobody follows here.
func (w *walker) arithmetic(node syntax.Node, when *guards) {
	w.inside(node, when)
	syntax.Walk(node, func(n syntax.Node) bool {
		if b, ok := n.(*syntax.BinaryArithm); ok {
			if word, ok := b.X.(*syntax.Word); ok && isName(word.Lit()) {
				w.set(word.Lit(), assign{pos: node.Pos(), unknown: true, when: when})
			}
		}
		return true
	})
}

// inside goes through the commands whose output a word or an expression takes.
func (w *walker) inside(node syntax.Node, when *guards) {
	syntax.Walk(node, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst:
			w.stmts(n.Stmts, when)
			return false
		case *syntax.ProcSubst:
			w.stmts(n.Stmts, when)
			return false
		}
		return true
	})
}

// leaves is the condition under which the script or function ends with a statement,
// or nil: `A || exit`, `A && return`, `if A; then …; exit; fi`.
func (w *walker) leaves(stmt *syntax.Stmt, when *guards) condition {
	switch cmd := stmt.Cmd.(type) {
	case *syntax.BinaryCmd:
		if !ends(cmd.Y) {
			return nil
		}
		switch cmd.Op {
		case syntax.AndStmt:
			return w.condition(cmd.X, when)
		case syntax.OrStmt:
			return not{w.condition(cmd.X, when)}
		}
	case *syntax.IfClause:
		if cmd.Else == nil && len(cmd.Cond) > 0 && len(cmd.Then) > 0 && ends(cmd.Then[len(cmd.Then)-1]) {
			return w.condition(cmd.Cond[len(cmd.Cond)-1], when)
		}
	}
	return nil
}

func ends(stmt *syntax.Stmt) bool {
	switch cmd := stmt.Cmd.(type) {
	case *syntax.CallExpr:
		return len(cmd.Args) > 0 && slices.Contains([]string{"exit", "return", "continue", "break", "die"}, cmd.Args[0].Lit())
	case *syntax.Block:
		return len(cmd.Stmts) > 0 && ends(cmd.Stmts[len(cmd.Stmts)-1])
	}
	return false
}
