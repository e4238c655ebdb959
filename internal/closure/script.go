package closure

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/satchel-kit/satchel/internal/render"
)

// script is a shell script, read once for all hosts that have it.
type script struct {
	path string
	// bodies are the functions by name; main is what stands outside of them.
	bodies map[string]*body
	main   *body
	// assigns are what each variable is set to anywhere, in order.
	assigns map[string][]assign
	// words are what values found for each word that was asked for, parts each part of
	// a word as a word.
	words map[*syntax.Word]resolved
	parts map[syntax.WordPart]*syntax.Word
	// sources are the scripts that it reads in.
	sources []*script
	// around is the script whose functions it has too: that of an eval or a trap.
	around *script
	// variables are those that host.env sets.
	variables map[string]bool
	// problem is why the script could not be read.
	problem *Problem
	// reaches are the uses of all code that it gets to, once they were asked for.
	reaches []use
}

// body is the code of one function, or of a script outside of its functions.
type body struct {
	name   string
	events []event
	// forwards is from which argument on the function runs its arguments, -1 where
	// it does not.
	forwards int
	// locals are its own variables.
	locals map[string]bool
	// What reading the events gave.
	uses  []use
	calls []call
}

func newBody(name string) *body {
	return &body{name: name, forwards: -1, locals: map[string]bool{}}
}

// event is what code does, in order: a command, or words that it reads.
type event struct {
	// command are the words of a simple command, words those of a redirection or an array.
	command, words []*syntax.Word
	when           *guards
}

// assign is one thing that a variable is set to.
type assign struct {
	pos  syntax.Pos
	body *body
	// word is the value; nil is the empty one.
	word *syntax.Word
	// any is set where the value is one of several, of a loop or an array.
	any []*syntax.Word
	// array says that any are the elements, more that they are added to others.
	array, more bool
	// unknown is what only the host knows: what a command printed or a user gave.
	unknown bool
	when    *guards
}

// read parses a script and collects what it does.
func (c *check) read(file string, text []byte) *script {
	id := file
	if _, own, ok := hostFile(file); ok {
		id = own
	}
	if s, ok := c.reader.scripts[content{id, string(text)}]; ok {
		return s
	}
	s := newScript(file, c.reader.variables)
	c.reader.size += len(text)
	c.reader.scripts[content{id, string(text)}] = s // before its sources, which may name it
	variant, ok := shells[interpreter(text)]
	if !ok {
		variant = syntax.LangBash
	}
	parsed, err := parse(text, file, variant)
	if err != nil {
		p := unreadable(file, err)
		s.problem = &p
		return s
	}
	s.collect(parsed.Stmts)
	c.readSources(s)
	s.finish()
	return s
}

func newScript(path string, variables map[string]bool) *script {
	s := &script{
		path: path, bodies: map[string]*body{}, main: newBody(""), assigns: map[string][]assign{}, variables: variables,
		words: map[*syntax.Word]resolved{}, parts: map[syntax.WordPart]*syntax.Word{},
	}
	s.bodies[""] = s.main
	return s
}

// finish turns what was collected into uses.
func (s *script) finish() {
	s.followForwards()
	for _, b := range s.inOrder() {
		s.resolve(b)
	}
}

// inOrder are the bodies by name.
func (s *script) inOrder() []*body {
	var list []*body
	for _, name := range slices.Sorted(maps.Keys(s.bodies)) {
		list = append(list, s.bodies[name])
	}
	return list
}

func parse(text []byte, path string, lang syntax.LangVariant) (*syntax.File, error) {
	return syntax.NewParser(syntax.Variant(lang)).Parse(bytes.NewReader(text), path)
}

// interpreter is the program that the first line names, without its directory.
func interpreter(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	rest, ok := bytes.CutPrefix(line, []byte("#!"))
	words := strings.Fields(string(rest))
	if !ok || len(words) == 0 {
		return ""
	}
	name := path.Base(words[0])
	if name == "env" && len(words) > 1 {
		name = words[1]
	}
	return name
}

// shells are the programs whose scripts can be read here.
var shells = map[string]syntax.LangVariant{"bash": syntax.LangBash, "sh": syntax.LangPOSIX, "dash": syntax.LangPOSIX}

// isScript tells a shell script, by its name or by its first line. A script for
// another program is reported: nothing here can tell what it asks for.
func (c *check) isScript(f render.File) bool {
	name := interpreter(f.Data)
	_, shell := shells[name]
	if name != "" && !shell {
		c.report(place{f.Path, 1, 1}, "", "it is a script for "+name+", so nothing proves that it asks for nothing from outside; write it for bash")
		return false
	}
	return shell || strings.HasSuffix(f.Path, ".sh")
}

func unreadable(path string, err error) Problem {
	p := Problem{Path: path, Line: 1, Column: 1, Message: "it cannot be read as a shell script: " + err.Error()}
	if e, ok := errors.AsType[syntax.ParseError](err); ok {
		p.Line, p.Column = int(e.Pos.Line()), int(e.Pos.Col())
		p.Message = "it cannot be read as a shell script: " + e.Text
	}
	if e, ok := errors.AsType[syntax.LangError](err); ok {
		p.Line, p.Column = int(e.Pos.Line()), int(e.Pos.Col())
		p.Message = fmt.Sprintf("it cannot be read as a shell script: %s is not in its language", e.Feature)
	}
	return p
}

// collect lists the events of a script and of each function in it.
func (s *script) collect(stmts []*syntax.Stmt) {
	w := walker{scope{script: s, body: s.main}}
	w.stmts(stmts, nil)
}

// find is the function of a name that a script can call, its own or one of its
// sources', and the script that has it.
func (s *script) find(name string) (*script, *body) {
	if name == "" {
		return nil, nil
	}
	if b, ok := s.bodies[name]; ok {
		return s, b
	}
	for _, source := range s.sources {
		if owner, b := source.find(name); b != nil {
			return owner, b
		}
	}
	if s.around != nil {
		return s.around.find(name)
	}
	return nil, nil
}
