package deb

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxStanza is far more than the longest stanzas of Debian, which are about 200 KiB.
const maxStanza = 8 << 20

// stanzas reads the paragraphs of a file of deb822, one at a time.
type stanzas struct {
	r *bufio.Reader
	// line is the number of the last line that was read, and first that of the first
	// line of the stanza.
	line, first int
	buf         []byte
}

func newStanzas(r io.Reader) *stanzas {
	return &stanzas{r: bufio.NewReaderSize(r, 256<<10)}
}

// next is the next stanza, whose bytes are good until the next call. Its error is
// io.EOF at the end.
func (s *stanzas) next() ([]byte, error) {
	s.buf = s.buf[:0]
	for {
		begin := len(s.buf)
		err := s.readLine()
		line := s.buf[begin:]
		if len(line) > 0 {
			s.line++
			if blank := len(bytes.TrimSpace(line)) == 0; !blank && begin == 0 {
				s.first = s.line
			} else if blank {
				s.buf = s.buf[:begin]
				if begin > 0 {
					return s.buf, nil
				}
			}
		}
		switch {
		case errors.Is(err, io.EOF) && len(s.buf) > 0:
			return s.buf, nil
		case err != nil:
			return nil, err
		case len(s.buf) > maxStanza:
			return nil, fmt.Errorf("line %d: a paragraph has more than %d bytes", s.line, maxStanza)
		}
	}
}

// readLine appends a line to the buffer, with its end.
func (s *stanzas) readLine() error {
	for {
		part, err := s.r.ReadSlice('\n')
		s.buf = append(s.buf, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if len(s.buf) > maxStanza {
			return fmt.Errorf("line %d: a line has more than %d bytes", s.line+1, maxStanza)
		}
	}
}

// cutField takes the first field off a stanza. Its raw form is all lines of it.
func cutField(stanza []byte) (name, value, raw, after []byte, err error) {
	end := 0
	for {
		n := bytes.IndexByte(stanza[end:], '\n')
		if n < 0 {
			end = len(stanza)
			break
		}
		end += n + 1
		if end == len(stanza) || stanza[end] != ' ' && stanza[end] != '\t' {
			break
		}
	}
	raw, after = stanza[:end], stanza[end:]
	colon := bytes.IndexByte(raw, ':')
	if colon < 0 || !isField(raw[:colon]) {
		line, _, _ := bytes.Cut(raw, []byte("\n"))
		return nil, nil, nil, nil, fmt.Errorf("%.60q is no line such as \"Name: value\"", line)
	}
	return raw[:colon], bytes.TrimSpace(raw[colon+1:]), raw, after, nil
}

func isField(name []byte) bool {
	if len(name) == 0 || name[0] == '-' || name[0] == '#' {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// kept are the fields that say how a package is installed: all that apt needs of an
// index, apart from the file. A version that is both in an index and installed is one
// to apt only if these are equal.
var kept = []string{
	"Package", "Source", "Version", "Architecture", "Multi-Arch", "Essential", "Protected", "Important",
	"Priority", "Section", "Installed-Size",
	"Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances", "Conflicts", "Breaks", "Replaces", "Provides",
	"Filename", "Size", "SHA256",
}

var keptNumbers = func() map[string]int {
	m := make(map[string]int, 2*len(kept))
	for i, name := range kept {
		m[name], m[strings.ToLower(name)] = i, i
	}
	return m
}()

// number is that of a field in kept, however it is spelled: case means nothing.
func number(name []byte) (int, bool) {
	if n, ok := keptNumbers[string(name)]; ok {
		return n, true
	}
	n, ok := keptNumbers[string(bytes.ToLower(name))]
	return n, ok
}

// identity is what tells a package from all others, and what is asked of all.
type identity struct{ name, version, arch, provides, status, essential, priority []byte }

// trim appends to a buffer the fields of a stanza that are kept, each as one or more
// whole lines in their usual spelling.
func trim(out, stanza []byte) ([]byte, identity, error) {
	var id identity
	var seen uint32
	for len(stanza) > 0 {
		name, value, raw, after, err := cutField(stanza)
		if err != nil {
			return out, id, err
		}
		stanza = after
		n, ok := number(name)
		if !ok {
			if bytes.EqualFold(name, []byte("Status")) {
				id.status = value
			}
			continue
		}
		if seen&(1<<n) != 0 {
			return out, id, fmt.Errorf("package %s has the field %s twice", id.name, kept[n])
		}
		seen |= 1 << n
		switch kept[n] {
		case "Package":
			id.name = value
		case "Version":
			id.version = value
		case "Architecture":
			id.arch = value
		case "Provides":
			id.provides = value
		case "Essential":
			id.essential = value
		case "Priority":
			id.priority = value
		}
		out = append(out, kept[n]...)
		out = append(out, bytes.TrimRight(raw[len(name):], "\r\n")...)
		out = append(out, '\n')
	}
	return out, id, nil
}

// check refuses what could not be a package, or not the name of its file.
func (id identity) check() error {
	switch {
	case !isName(string(id.name)):
		return fmt.Errorf("%.60q in the field Package is no name of a package", id.name)
	case !isName(string(id.arch)):
		return fmt.Errorf("package %s: %.60q in the field Architecture is no architecture", id.name, id.arch)
	}
	if len(id.version) == 0 {
		return fmt.Errorf("package %s has no field Version", id.name)
	}
	return nil
}

// eachField calls a function for the fields of a stanza, until it fails.
func eachField(stanza string, do func(name, value string) error) error {
	for rest := []byte(stanza); len(rest) > 0; {
		name, value, _, after, err := cutField(rest)
		if err != nil {
			return err
		}
		rest = after
		if err := do(string(name), string(value)); err != nil {
			return err
		}
	}
	return nil
}

func parseSize(value string) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%.40q is no size in bytes", value)
	}
	return n, nil
}
