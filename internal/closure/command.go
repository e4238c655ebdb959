package closure

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// use is something that code needs of the host or of the bundle.
type use struct {
	place
	kind kind
	// value is a program's name, a path or a unit's name, with marks. Its conditions
	// are those under which a variable in it has this value.
	value
	// under are the conditions under which the code is reached.
	under []*guards
	// target is where an installing function puts its source; strip is how many
	// levels of an archive's paths it leaves out.
	target value
	strip  int
}

type kind int

const (
	program kind = iota
	// file is a path in the bundle.
	file
	unit
	// image is an image that a program pulls, address a host that it talks to.
	image
	address
	// install is a file of the bundle that is put somewhere.
	install
	// trouble is what keeps the proof from being made; the value says why.
	trouble
)

// call is a function's name in a body that calls it.
type call struct {
	name string
	when *guards
}

// resolve turns a body's events into uses and calls.
func (s *script) resolve(b *body) {
	for _, e := range b.events {
		r := resolver{scope: scope{s, b, e.when}}
		for _, w := range e.words {
			r.inBundle(w)
		}
		if e.command != nil {
			r.simple(e.command)
		}
	}
}

// resolver finds out what one event needs.
type resolver struct {
	scope
	// choice are the conditions under which a variable names the command.
	choice []*guards
}

func (r *resolver) at(pos syntax.Pos) place {
	return place{r.script.path, int(pos.Line()), int(pos.Col())}
}

func (r *resolver) add(u use) {
	u.when = append(slices.Clip(u.when), r.choice...)
	if r.when != nil {
		u.under = append(slices.Clip(u.under), r.when)
	}
	r.body.uses = append(r.body.uses, u)
}

func (r *resolver) trouble(pos syntax.Pos, message string) {
	r.add(use{place: r.at(pos), kind: trouble, value: value{text: message}})
}

// simple is a simple command with its arguments.
func (r *resolver) simple(args []*syntax.Word) {
	if name := args[0].Lit(); name != "[" && name != "test" {
		for _, w := range args {
			r.inBundle(w)
		}
	}
	r.command(args, 0)
}

// inBundle notes a word that is a path in the bundle.
func (r *resolver) inBundle(w *syntax.Word) {
	list, ok := r.values(w)
	if !ok {
		return
	}
	for _, v := range list {
		for _, root := range []string{mark + "BUNDLE" + mark, mark + "HOST_DIR" + mark} {
			_, rest, found := strings.Cut(v.text, root)
			before := strings.TrimSuffix(v.text, root+rest)
			if found && (before == "" || strings.HasSuffix(before, "=")) && strings.HasPrefix(rest, "/") && !strings.ContainsAny(rest, " \t\n") {
				r.add(use{place: r.at(w.Pos()), kind: file, value: value{root + rest, v.when}})
			}
		}
	}
}

// maxPrefixed bounds how many commands may stand before one another.
const maxPrefixed = 6

// command finds out what a simple command runs.
func (r *resolver) command(args []*syntax.Word, depth int) {
	if len(args) == 0 {
		return
	}
	if depth > maxPrefixed {
		r.trouble(args[0].Pos(), "too many commands run one another here to follow them; write it in several lines")
		return
	}
	if isArguments(args[0]) {
		if r.body.name != "" && r.body.forwards < 0 {
			r.trouble(args[0].Pos(), "which of its arguments "+r.body.name+" runs here cannot be known, so nothing proves that the host has them")
		}
		return
	}
	if lists, ok := r.elements(args[0]); ok {
		for _, elements := range lists {
			r.command(append(slices.Clip(elements), args[1:]...), depth+maxPrefixed/2)
		}
		return
	}
	list, ok := r.values(args[0])
	if !ok || len(list) == 0 {
		r.trouble(args[0].Pos(), "which program "+printed(args[0])+" is cannot be known before it runs, so nothing proves that the host has it")
		return
	}
	for _, v := range list {
		inner := *r
		inner.choice = append(slices.Clip(r.choice), v.when...)
		inner.named(v.text, args, depth)
	}
}

// named is a command whose name is known.
func (r *resolver) named(name string, args []*syntax.Word, depth int) {
	if f := r.function(name); f != nil {
		r.callFunction(f, args, depth)
		return
	}
	if !builtins[name] {
		r.add(use{place: r.at(args[0].Pos()), kind: program, value: value{text: name}})
		r.fetches(path.Base(name), args[1:])
	}
	r.functionsIn(args[1:])
	switch name = path.Base(name); name {
	case "systemctl":
		r.systemctl(args[1:])
	case "trap":
		r.trap(args[1:])
	case "eval":
		if len(args) != 2 || !r.code(args[1], false) {
			r.trouble(args[0].Pos(), "what eval runs cannot be known before it runs; write the command out")
		}
	case "bash", "dash", "sh":
		r.shell(args[1:])
	case "find":
		r.find(args[1:], depth)
	default:
		if rest, ok := r.prefixed(name, args[1:]); ok {
			r.command(rest, depth+1)
		}
	}
}

func (r *resolver) function(name string) *body {
	_, f := r.script.find(name)
	return f
}

// callFunction notes a call and what the function is told to run or to install.
func (r *resolver) callFunction(f *body, args []*syntax.Word, depth int) {
	r.body.calls = append(r.body.calls, call{f.name, r.when})
	r.functionsIn(args[1:])
	if f.forwards >= 0 && f.forwards+1 < len(args) {
		r.command(args[f.forwards+1:], depth+1)
	}
	switch f.name {
	case "enable", "serve":
		if len(args) > 1 {
			r.unit(args[1])
		}
	case "put", "put_binary", "unpack":
		r.installs(args)
	}
}

// functionsIn counts a function that is named in an argument as called: it is run
// by a trap or by the function that gets it.
func (r *resolver) functionsIn(args []*syntax.Word) {
	for _, w := range args {
		if f := r.function(w.Lit()); f != nil && f.name != "" {
			r.body.calls = append(r.body.calls, call{f.name, r.when})
		}
	}
}

// installs notes put SOURCE DEST, put_binary SOURCE DEST and unpack ARCHIVE DIR [STRIP].
func (r *resolver) installs(args []*syntax.Word) {
	if len(args) < 3 {
		return
	}
	sources, ok := r.values(args[1])
	targets, also := r.values(args[2])
	if !ok || !also {
		return
	}
	strip := 0
	if len(args) > 3 && args[0].Lit() == "unpack" && args[3].Lit() == "1" {
		strip = 1
	}
	for i, source := range sources {
		for j, target := range targets {
			// Both come from one loop where there are as many of them.
			if len(sources) == len(targets) && i != j {
				continue
			}
			r.add(use{place: r.at(args[1].Pos()), kind: install, value: source, target: target, strip: strip})
		}
	}
}

func (r *resolver) unit(w *syntax.Word) {
	list, ok := r.values(w)
	if !ok {
		return
	}
	for _, v := range list {
		r.add(use{place: r.at(w.Pos()), kind: unit, value: v})
	}
}

// starting are the verbs of systemctl that fail without the unit.
var starting = []string{
	"enable", "reenable", "reload", "reload-or-restart", "restart", "start", "try-reload-or-restart", "try-restart", "unmask",
}

func (r *resolver) systemctl(args []*syntax.Word) {
	args = slices.DeleteFunc(slices.Clone(args), func(w *syntax.Word) bool { return strings.HasPrefix(w.Lit(), "-") })
	if len(args) < 2 || !slices.Contains(starting, args[0].Lit()) {
		return
	}
	for _, w := range args[1:] {
		r.unit(w)
	}
}

// builtins are bash's, with those that POSIX asks of every shell.
var builtins = set(`. : alias bg bind break builtin caller cd command compgen complete compopt continue declare dirs
	disown echo enable eval exec exit export false fc fg getopts hash help history jobs kill let local logout mapfile
	popd printf pushd pwd read readarray readonly return set shift shopt source suspend test [ times trap true type
	typeset ulimit umask unalias unset wait`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
