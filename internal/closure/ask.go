package closure

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// condition is what a statement asks.
func (w *walker) condition(stmt *syntax.Stmt, when *guards) condition {
	c := w.asks(stmt.Cmd, when)
	if stmt.Negated {
		return not{c}
	}
	return c
}

func (w *walker) asks(cmd syntax.Command, when *guards) condition {
	switch cmd := cmd.(type) {
	case *syntax.TestClause:
		return w.under(when).test(cmd.X)
	case *syntax.CallExpr:
		if p, ok := asksFor(cmd.Args); ok {
			return p
		}
	case *syntax.BinaryCmd:
		a, b := w.condition(cmd.X, when), w.condition(cmd.Y, when)
		switch cmd.Op {
		case syntax.OrStmt:
			return either{a, b}
		case syntax.AndStmt:
			return not{either{not{a}, not{b}}}
		}
	}
	return unknown{}
}

// asksFor tells commands that only ask whether something is there.
func asksFor(args []*syntax.Word) (present, bool) {
	if len(args) < 3 {
		return present{}, false
	}
	switch args[0].Lit() {
	case "command":
		return present{program, args[2].Lit()}, len(args) == 3 && args[1].Lit() == "-v" && args[2].Lit() != ""
	case "systemctl":
		words := operands(args)
		if len(words) == 3 && slices.Contains([]string{"cat", "is-active", "is-enabled"}, words[1].Lit()) {
			return present{unit, words[2].Lit()}, words[2].Lit() != ""
		}
	}
	return present{}, false
}

func (w *walker) matches(word *syntax.Word, patterns []*syntax.Word, when *guards) condition {
	return matching{w.under(when), word, patterns}
}

func (s scope) test(x syntax.TestExpr) condition {
	switch x := x.(type) {
	case *syntax.Word:
		return filled{s, x}
	case *syntax.ParenTest:
		return s.test(x.X)
	case *syntax.UnaryTest:
		return s.unary(x)
	case *syntax.BinaryTest:
		return s.binary(x)
	}
	return unknown{}
}

func (s scope) unary(x *syntax.UnaryTest) condition {
	if x.Op == syntax.TsNot {
		return not{s.test(x.X)}
	}
	word, ok := x.X.(*syntax.Word)
	if !ok {
		return unknown{}
	}
	switch x.Op {
	case syntax.TsNempStr:
		return filled{s, word}
	case syntax.TsEmpStr:
		return not{filled{s, word}}
	case syntax.TsExists, syntax.TsRegFile, syntax.TsDirect, syntax.TsRead, syntax.TsExec:
		return exists{s, word}
	}
	return unknown{}
}

func (s scope) binary(x *syntax.BinaryTest) condition {
	switch x.Op {
	case syntax.AndTest:
		return not{either{not{s.test(x.X)}, not{s.test(x.Y)}}}
	case syntax.OrTest:
		return either{s.test(x.X), s.test(x.Y)}
	}
	left, ok := x.X.(*syntax.Word)
	right, also := x.Y.(*syntax.Word)
	if !ok || !also {
		return unknown{}
	}
	switch x.Op {
	case syntax.TsMatch, syntax.TsMatchShort:
		return matching{s, left, []*syntax.Word{right}}
	case syntax.TsNoMatch:
		return not{matching{s, left, []*syntax.Word{right}}}
	}
	return unknown{}
}
