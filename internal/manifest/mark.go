package manifest

import (
	"bytes"
	"cmp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// mark is a place in a file's text that changes with an image.
type mark struct {
	begin, end int
	style      yaml.Style
	// written is what the place says, with its quotes taken off.
	written string
	// of is the node that holds the image's name.
	of *yaml.Node
	// kept is an alias of the image that stands for something else, such as a
	// container's name: it says the same afterwards as before.
	kept bool
	// image is the index in File.Images.
	image int
}

// settle turns the nodes of a document into places. An image behind an alias
// changes at its anchor, if that is an image too; otherwise the alias itself makes
// room for the name.
func (w *walker) settle() {
	for n := range w.direct {
		begin, end, ok := w.text.scalar(n)
		if !ok {
			w.report(w.at(n), "image %q cannot be replaced where it stands; write it on one line, without a tag or anchor before it", shorten(n.Value))
			continue
		}
		w.marks = append(w.marks, mark{begin: begin, end: end, style: n.Style, written: n.Value, of: n})
		for _, alias := range w.shape.aliases[n] {
			if !w.aliased[alias] {
				w.alias(alias, true)
			}
		}
	}
	for alias := range w.aliased {
		if !w.direct[alias.Alias] {
			w.alias(alias, false)
		}
	}
}

// alias makes room for a name where an alias stands.
func (w *walker) alias(n *yaml.Node, kept bool) {
	m := mark{begin: w.at(n), written: n.Alias.Value, of: n, kept: kept}
	token := "*" + n.Value
	if !bytes.HasPrefix(w.text.bytes[m.begin:], []byte(token)) {
		w.report(m.begin, "the alias %s cannot be replaced where it stands; write the value out here", token)
		return
	}
	m.end = m.begin + len(token)
	if kept {
		m.of = n.Alias
	}
	w.marks = append(w.marks, m)
}

// settle gives the file its images, in the order of their places.
func (r *reader) settle() {
	slices.SortFunc(r.marks, func(a, b mark) int { return cmp.Compare(a.begin, b.begin) })
	index := map[*yaml.Node]int{}
	for _, m := range r.marks {
		if m.kept {
			continue
		}
		name, err := fullName(m.written)
		if err != nil {
			continue // the walker has looked
		}
		index[m.of] = len(r.file.Images)
		line, column := r.text.place(m.begin)
		r.file.Images = append(r.file.Images, Image{Name: name, Written: m.written, Line: line, Column: column})
	}
	for _, m := range r.marks {
		m.image = index[m.of]
		r.file.marks = append(r.file.marks, m)
	}
}

// scalar is where a scalar's own text begins and ends, quotes included.
func (t *text) scalar(n *yaml.Node) (begin, end int, ok bool) {
	begin = t.afterProperties(t.offset(n.Line, n.Column))
	rest := t.bytes[begin:]
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		end = begin + doubleQuoted(rest)
	case n.Style&yaml.SingleQuotedStyle != 0:
		end = begin + singleQuoted(rest)
	case bytes.HasPrefix(rest, []byte(n.Value)):
		return begin, begin + len(n.Value), true
	}
	var value string
	err := yaml.Unmarshal(t.bytes[begin:max(begin, end)], &value)
	return begin, end, end > begin && err == nil && value == n.Value
}

// afterProperties skips anchor and tag, and what may stand between them and the
// scalar (YAML 1.1, section 8.1).
func (t *text) afterProperties(i int) int {
	for i < len(t.bytes) && (t.bytes[i] == '&' || t.bytes[i] == '!') {
		for i < len(t.bytes) && !isBlank(t.bytes[i:]) {
			i++
		}
		for i < len(t.bytes) && (isBlank(t.bytes[i:]) || t.bytes[i] == '#') {
			if t.bytes[i] == '#' {
				for i < len(t.bytes) && lineBreak(t.bytes[i:]) == 0 {
					i++
				}
				continue
			}
			i += max(lineBreak(t.bytes[i:]), 1)
		}
	}
	return i
}

func isBlank(b []byte) bool { return b[0] == ' ' || b[0] == '\t' || lineBreak(b) > 0 }

// doubleQuoted is the length of a double-quoted scalar; 0 if b holds none.
func doubleQuoted(b []byte) int {
	for i := 1; i < len(b) && b[0] == '"'; i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// singleQuoted is the length of a single-quoted scalar; 0 if b holds none.
func singleQuoted(b []byte) int {
	for i := 1; i < len(b) && b[0] == '\''; i++ {
		if b[i] != '\'' {
			continue
		}
		if i+1 == len(b) || b[i+1] != '\'' {
			return i + 1
		}
		i++
	}
	return 0
}
