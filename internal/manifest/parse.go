package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v3"
)

// maxSize bounds the memory that a file can take. What etcd stores of one object
// is a tenth of it.
const maxSize = 16 << 20

// reader collects what a file holds and what is wrong with it.
type reader struct {
	file     *File
	text     *text
	problems []Problem
	marks    []mark
}

// Parse reads a file's text. path is for messages. The file holds what could be
// read even where there are problems.
func Parse(path string, text []byte) (*File, []Problem) {
	file := &File{Path: path, text: text}
	if len(text) > maxSize {
		return file, []Problem{{path, 1, 1, fmt.Sprintf("it has %d bytes, and at most %d are read; split it", len(text), maxSize)}}
	}
	r := &reader{file: file, text: newText(text)}
	if r.readable() {
		r.documents()
		r.settle()
	}
	if len(file.Documents) == 0 && len(r.problems) == 0 {
		r.report(0, "there is no object in it, which kubectl refuses; take the file out or put a manifest in")
	}
	return file, sorted(r.problems)
}

// readable holds the bytes against what the YAML library takes for granted or
// reports without a place.
func (r *reader) readable() bool {
	text := r.text.bytes
	switch bad := firstInvalid(text); {
	case isUTF16(text):
		r.report(0, "it is in UTF-16; save it in UTF-8")
	case bad >= 0:
		r.report(bad, "the byte 0x%02x here is not UTF-8; save the file in UTF-8", text[bad])
	default:
		return true
	}
	return false
}

func (r *reader) documents() {
	decoder := yaml.NewDecoder(bytes.NewReader(r.text.bytes))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.syntax(err)
			return
		}
		r.document(&document)
	}
}

func (r *reader) document(document *yaml.Node) {
	if len(document.Content) != 1 {
		return
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.ShortTag() == nullTag {
		return
	}
	s := &shape{reader: r}
	if !s.check(root) {
		return
	}
	w := newWalker(s)
	w.object(root, kindOf{})
	w.settle()
}

// report adds a problem at an offset.
func (r *reader) report(offset int, format string, args ...any) {
	line, column := r.text.place(offset)
	r.problems = append(r.problems, Problem{r.file.Path, line, column, fmt.Sprintf(format, args...)})
}

// at is where a node begins.
func (r *reader) at(n *yaml.Node) int { return r.text.offset(n.Line, n.Column) }

// follow is what an alias stands for, and every other node itself.
func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// The short forms of YAML's tags (YAML 1.1, section 10).
const (
	nullTag   = "!!null"
	stringTag = "!!str"
	boolTag   = "!!bool"
	mergeTag  = "!!merge"
)

var kindNames = map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list"}

var tagNames = map[string]string{
	nullTag: "nothing", stringTag: "text", boolTag: "true or false", "!!int": "a number", "!!float": "a number",
}

// nature is what a node is, in words.
func nature(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return kindNames[n.Kind]
	}
	if name, ok := tagNames[tag(n)]; ok {
		return name
	}
	return "of the type " + n.ShortTag()
}

// oldBooleans are text in YAML 1.2 and in the library here, but not in YAML 1.1
// (https://yaml.org/type/bool.html), which kubectl reads.
var oldBooleans = []string{
	"y", "Y", "yes", "Yes", "YES", "on", "On", "ON",
	"n", "N", "no", "No", "NO", "off", "Off", "OFF",
}

// tag is a scalar's type as kubectl reads it. What looks like a date is text there.
func tag(n *yaml.Node) string {
	short := n.ShortTag()
	switch {
	case short == "!!timestamp":
		return stringTag
	case short == stringTag && n.Style == 0 && slices.Contains(oldBooleans, n.Value):
		return boolTag
	}
	return short
}

func isString(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && tag(n) == stringTag }

func isNothing(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && tag(n) == nullTag }

// isBlock tells a scalar that begins with | or > on the line of its key.
func isBlock(n *yaml.Node) bool {
	return n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

// shorten cuts a value for a message.
func shorten(s string) string {
	if runes := []rune(s); len(runes) > 60 {
		return string(runes[:57]) + "..."
	}
	return s
}
