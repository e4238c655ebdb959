package manifest

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxSearch bounds the files in which an error's line is searched for; it takes a
// dozen readings.
const maxSearch = 1 << 20

var libraryLine = regexp.MustCompile(`^yaml: (line ([0-9]+): )?`)

// syntax reports what the YAML library could not read.
func (r *reader) syntax(err error) {
	number := r.errorLine(err)
	line := r.text.line(number)
	at := r.text.editor[number-1] + len(line) - len(bytes.TrimLeft(line, " \t"))
	if template := r.templateAt(number); template >= 0 {
		r.report(template, "this is an unresolved template; %s", renderFirst)
	} else if bytes.HasPrefix(bytes.TrimLeft(line, " "), []byte("\t")) {
		r.report(at, "a tab cannot indent YAML; use spaces")
	} else {
		r.report(at, "this is not YAML: %s; look at the indentation and the quotes here", libraryLine.ReplaceAllString(err.Error(), ""))
	}
}

// errorLine finds the line with which the text stops being YAML. The library
// names a line only at times, and then one before or far above it. But it reads
// from top to bottom: every beginning of the text that holds the fault fails the
// same way, and one that ends before it does not.
func (r *reader) errorLine(err error) int {
	if len(r.text.bytes) > maxSearch {
		if m := libraryLine.FindStringSubmatch(err.Error()); m != nil && m[2] != "" {
			number, _ := strconv.Atoi(m[2])
			line, _ := r.text.place(r.text.offset(number, 1))
			return line
		}
		return 1
	}
	n := sort.Search(len(r.text.editor)-1, func(i int) bool {
		other := firstError(r.text.bytes[:r.text.editor[i+1]])
		return other != nil && other.Error() == err.Error()
	})
	return n + 1
}

func firstError(text []byte) error {
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var n yaml.Node
		if err := decoder.Decode(&n); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

var templateMark = regexp.MustCompile(`\{\{|\{%`)

// templateAt is the offset of a template in the line of a fault, or at the
// beginning of the line before; -1 without one.
func (r *reader) templateAt(fault int) int {
	if found := templateMark.FindIndex(r.text.line(fault)); found != nil {
		return r.text.editor[fault-1] + found[0]
	}
	if fault == 1 {
		return -1
	}
	before := r.text.line(fault - 1)
	indent := len(before) - len(bytes.TrimLeft(before, " \t"))
	if found := templateMark.FindIndex(before); found == nil || found[0] != indent {
		return -1
	}
	return r.text.editor[fault-2] + indent
}
