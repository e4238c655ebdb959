package closure

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// prefix is a command that runs the command in its arguments.
type prefix struct {
	// operands are how many of its own arguments stand before that command, options
	// those of its options that take a value.
	operands int
	options  string
	// assignments may stand there too.
	assignments bool
	// query are options with which it runs nothing.
	query string
}

var prefixes = map[string]prefix{
	"builtin": {},
	"chroot":  {operands: 1},
	"command": {query: "-v -V"},
	"env":     {options: "-u -C -S", assignments: true},
	"exec":    {options: "-a"},
	"flock":   {operands: 1, options: "-w -E --timeout"},
	"ionice":  {options: "-c -n -p"},
	"nice":    {options: "-n"},
	"nohup":   {},
	"nsenter": {options: "-t -S -G"},
	"setpriv": {},
	"setsid":  {},
	"stdbuf":  {options: "-i -o -e"},
	"sudo":    {options: "-u -g"},
	"timeout": {operands: 1, options: "-k -s"},
	"unshare": {},
	"xargs":   {options: "-a -d -E -I -L -n -P -s"},
}

// prefixed are the words of the command that another one runs.
func (r *resolver) prefixed(name string, args []*syntax.Word) ([]*syntax.Word, bool) {
	p, ok := prefixes[name]
	if !ok {
		return nil, false
	}
	options, query := set(p.options), set(p.query)
	operands := p.operands
	for i := 0; i < len(args); i++ {
		lit := args[i].Lit()
		switch {
		case lit == "--":
		case query[lit]:
			return nil, false
		case strings.HasPrefix(lit, "-"):
			if options[lit] {
				i++
			}
		case p.assignments && isAssignment(args[i]):
		case operands > 0:
			operands--
		default:
			return args[i:], true
		}
	}
	return nil, false
}

func isAssignment(w *syntax.Word) bool {
	if len(w.Parts) == 0 {
		return false
	}
	lit, ok := w.Parts[0].(*syntax.Lit)
	if !ok {
		return false
	}
	name, _, found := strings.Cut(lit.Value, "=")
	return found && isName(name)
}

// find looks at the commands that find is told to run.
func (r *resolver) find(args []*syntax.Word, depth int) {
	for i, w := range args {
		switch w.Lit() {
		case "-exec", "-execdir", "-ok", "-okdir":
			r.command(args[i+1:], depth+1)
		}
	}
}

// isArguments tells a word that stands for the arguments of the script or function:
// "$@" and "${@:2}".
func isArguments(w *syntax.Word) bool {
	_, ok := argumentsFrom(w)
	return ok
}

// argumentsFrom is how many arguments "${@:2}" leaves out.
func argumentsFrom(w *syntax.Word) (int, bool) {
	parts := w.Parts
	if len(parts) == 1 {
		if quoted, ok := parts[0].(*syntax.DblQuoted); ok {
			parts = quoted.Parts
		}
	}
	if len(parts) != 1 {
		return 0, false
	}
	p, ok := parts[0].(*syntax.ParamExp)
	if !ok || p.Param == nil || p.Param.Value != "@" {
		return 0, false
	}
	if p.Slice == nil {
		return 0, true
	}
	word, ok := p.Slice.Offset.(*syntax.Word)
	if !ok {
		return 0, false
	}
	n, ok := number(word.Lit())
	return n - 1, ok && n > 0
}

// followForwards finds the functions that run their arguments, and from which one
// on, until nothing new is found: one may do so through another.
func (s *script) followForwards() {
	for changed := true; changed; {
		changed = false
		for _, b := range s.inOrder() {
			if b.name == "" || b.forwards >= 0 {
				continue
			}
			if b.forwards = s.forwards(b); b.forwards >= 0 {
				changed = true
			}
		}
	}
}

func (s *script) forwards(b *body) int {
	shifted := 0
	for _, e := range b.events {
		if len(e.command) == 0 {
			continue
		}
		if e.command[0].Lit() == "shift" {
			n, ok := shiftCount(e.command)
			if !ok {
				return -1
			}
			shifted += n
			continue
		}
		if n, ok := argumentsFrom(e.command[0]); ok {
			return shifted + n
		}
		_, f := s.find(e.command[0].Lit())
		if f == nil || f.forwards < 0 {
			continue
		}
		for i, w := range e.command[1:] {
			if n, ok := argumentsFrom(w); ok && i <= f.forwards {
				return shifted + n + f.forwards - i
			}
		}
	}
	return -1
}

// shiftCount is how many arguments `shift N` drops; of $((A ? N : B)), which keeps a
// function from dropping more than there are, it is N.
func shiftCount(args []*syntax.Word) (int, bool) {
	if len(args) == 1 {
		return 1, true
	}
	if n, ok := number(args[1].Lit()); ok {
		return n, true
	}
	if len(args[1].Parts) != 1 {
		return 0, false
	}
	sum, ok := args[1].Parts[0].(*syntax.ArithmExp)
	if !ok {
		return 0, false
	}
	choice, ok := sum.X.(*syntax.BinaryArithm)
	if !ok || choice.Op != syntax.TernQuest {
		return 0, false
	}
	branches, ok := choice.Y.(*syntax.BinaryArithm)
	if !ok || branches.Op != syntax.TernColon {
		return 0, false
	}
	word, ok := branches.X.(*syntax.Word)
	if !ok {
		return 0, false
	}
	return number(word.Lit())
}

func number(text string) (int, bool) {
	n := 0
	for _, r := range text {
		if r < '0' || r > '9' || n > 1000 {
			return 0, false
		}
		n = n*10 + int(r-'0')
	}
	return n, text != ""
}
