package rpm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/satchel-kit/satchel/internal/repository"
)

// scanner reads the XML of repositories, piece by piece, in little memory. It is here
// because encoding/xml takes five times as long, which is three seconds for the index of a
// distribution (BenchmarkEncodingXML). It knows what programs write into such files, and
// refuses the rest: there is no DOCTYPE and no entity but XML's own five. A test holds it
// against encoding/xml.
type scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int
	eof      bool
	root     bool // an element was found
	line     int
	open     [][]byte // elements that are open
	tags     []byte   // the names of open, after each other

	// name is that of the element which next found, without a prefix, and attributes are
	// its own, raw.
	name, attributes []byte
	empty            bool
	text             []byte
}

const maxPiece = 8 << 20 // a tag or a text, in bytes

type piece int

const (
	nothing piece = iota
	startPiece
	endPiece
	textPiece
)

func newScanner(r io.Reader) *scanner {
	return &scanner{r: r, buf: make([]byte, 64<<10), line: 1}
}

// fill reads more, and is io.EOF at the end.
func (s *scanner) fill() error {
	if s.eof {
		return io.EOF
	}
	if s.pos > 0 {
		s.line += bytes.Count(s.buf[:s.pos], []byte("\n"))
		copy(s.buf, s.buf[s.pos:s.end])
		s.end -= s.pos
		s.pos = 0
	}
	if s.end == len(s.buf) {
		if len(s.buf) >= maxPiece {
			return fmt.Errorf("one piece has more than %d bytes", maxPiece)
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	n, err := s.r.Read(s.buf[s.end:])
	s.end += n
	if errors.Is(err, io.EOF) {
		s.eof = true
		err = nil
	}
	return err
}

// at is where the scanner is, for a message.
func (s *scanner) at() int { return s.line + bytes.Count(s.buf[:s.pos], []byte("\n")) }

func (s *scanner) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %w", s.at(), fmt.Errorf(format, args...))
}

// until gives what is before a mark, and goes past the mark.
func (s *scanner) until(mark string) ([]byte, error) {
	for from := 0; ; {
		if i := bytes.Index(s.buf[s.pos+from:s.end], []byte(mark)); i >= 0 {
			b := s.buf[s.pos : s.pos+from+i]
			s.pos += from + i + len(mark)
			return b, nil
		}
		from = max(0, s.end-s.pos-len(mark)+1)
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}

// next finds a start, an end or a text. An element that ends where it starts has an end
// as well. The error is io.EOF after the last element.
func (s *scanner) next() (piece, error) {
	if s.empty {
		s.empty = false
		s.leave()
		return endPiece, nil
	}
	for {
		p, err := s.step()
		if err != nil || p != nothing {
			return p, err
		}
	}
}

// step reads one piece, which may be nothing to anybody, such as a comment.
func (s *scanner) step() (piece, error) {
	if s.pos == s.end || s.buf[s.pos] != '<' {
		text, err := s.until("<")
		if errors.Is(err, io.EOF) {
			return nothing, s.finish()
		}
		if err != nil {
			return nothing, err
		}
		s.pos-- // the "<" is looked at again
		if len(text) > 0 {
			return s.found(text)
		}
	}
	for s.end-s.pos < 2 {
		if err := s.fill(); err != nil {
			return nothing, s.errorf("%w", repository.CutShort(err))
		}
	}
	s.pos++
	switch s.buf[s.pos] {
	case '?':
		return s.skip("?>")
	case '!':
		return s.declaration()
	}
	tag, err := s.tag()
	if err != nil {
		return nothing, s.errorf("a tag: %w", repository.CutShort(err))
	}
	if tag[0] == '/' {
		return endPiece, s.leaveAs(bytes.TrimRight(tag[1:], " \t\r\n"))
	}
	return startPiece, s.enter(tag)
}

func (s *scanner) skip(mark string) (piece, error) {
	if _, err := s.until(mark); err != nil {
		return nothing, s.errorf("%w", repository.CutShort(err))
	}
	return nothing, nil
}

func (s *scanner) declaration() (piece, error) {
	for s.end-s.pos < 8 {
		if err := s.fill(); err != nil {
			return nothing, s.errorf("%w", repository.CutShort(err))
		}
	}
	rest := s.buf[s.pos:s.end]
	switch {
	case bytes.HasPrefix(rest, []byte("!--")):
		s.pos += 3
		return s.skip("-->")
	case bytes.HasPrefix(rest, []byte("![CDATA[")) && len(s.open) > 0:
		s.pos += 8
		text, err := s.until("]]>")
		if err != nil {
			return nothing, s.errorf("%w", repository.CutShort(err))
		}
		s.text = append(s.text[:0], text...)
		return textPiece, nil
	}
	return nothing, s.errorf("%.20q: this is no index of a repository", rest)
}

// found keeps a text. Outside of all elements there may only be space.
func (s *scanner) found(text []byte) (piece, error) {
	if len(s.open) == 0 {
		if len(bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))) > 0 {
			return nothing, s.errorf("%.40q is no XML", text)
		}
		return nothing, nil
	}
	var err error
	if s.text, err = unescape(s.text[:0], text); err != nil {
		return nothing, s.errorf("%w", err)
	}
	return textPiece, nil
}

// finish is the end of the file.
func (s *scanner) finish() error {
	if len(s.open) > 0 {
		return s.errorf("<%s> has no end: %w", s.open[len(s.open)-1], repository.CutShort(io.EOF))
	}
	if len(bytes.TrimSpace(s.buf[s.pos:s.end])) > 0 {
		return s.errorf("%.40q is no XML", s.buf[s.pos:s.end])
	}
	if !s.root {
		return s.errorf("there is nothing in it: %w", repository.CutShort(io.EOF))
	}
	return io.EOF
}

// tag is what is up to a ">" that is in no value.
func (s *scanner) tag() ([]byte, error) {
	var quote byte
	for i := s.pos; ; i++ {
		if i == s.end {
			done := i - s.pos
			if err := s.fill(); err != nil {
				return nil, err
			}
			if i = s.pos + done; i == s.end {
				i--
				continue
			}
		}
		switch c := s.buf[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<':
			return nil, errors.New("there is \"<\" in it")
		case c == '>':
			tag := s.buf[s.pos:i]
			s.pos = i + 1
			if len(tag) == 0 {
				return nil, errors.New("it is empty")
			}
			return tag, nil
		}
	}
}

func (s *scanner) enter(tag []byte) error {
	if tag[len(tag)-1] == '/' {
		s.empty = true
		tag = tag[:len(tag)-1]
	}
	name, attributes := tag, []byte(nil)
	if i := bytes.IndexAny(tag, " \t\r\n"); i >= 0 {
		name, attributes = tag[:i], tag[i:]
	}
	if len(name) == 0 || len(s.open) > 100 {
		return s.errorf("%.40q is no element of an index", tag)
	}
	if len(s.open) == 0 && s.root {
		return s.errorf("<%.40s> is after the end of it", name)
	}
	s.root = true
	start := len(s.tags)
	s.tags = append(s.tags, name...)
	s.open = append(s.open, s.tags[start:])
	s.name, s.attributes = local(name), attributes
	return nil
}

func (s *scanner) leave() {
	last := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	s.tags = s.tags[:len(s.tags)-len(last)]
	s.name = local(last)
}

func (s *scanner) leaveAs(name []byte) error {
	if len(s.open) == 0 || !bytes.Equal(s.open[len(s.open)-1], name) {
		return s.errorf("</%.40s> is the end of nothing that was open", name)
	}
	s.leave()
	return nil
}

// local is a name without its prefix.
func local(name []byte) []byte { return name[bytes.IndexByte(name, ':')+1:] }

// each calls a function for every attribute of the element. The value lives until the
// next call.
func (s *scanner) each(do func(name, value []byte) error) error {
	rest := bytes.TrimLeft(s.attributes, " \t\r\n")
	for len(rest) > 0 {
		i := bytes.IndexByte(rest, '=')
		if i < 0 {
			return s.errorf("%.40q is no attribute", rest)
		}
		name := bytes.TrimRight(rest[:i], " \t\r\n")
		rest = bytes.TrimLeft(rest[i+1:], " \t\r\n")
		if len(name) == 0 || len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
			return s.errorf("the attribute %.40q has no value", name)
		}
		end := bytes.IndexByte(rest[1:], rest[0])
		if end < 0 {
			return s.errorf("the attribute %.40q has no end", name)
		}
		value := rest[1 : 1+end]
		rest = bytes.TrimLeft(rest[end+2:], " \t\r\n")
		if bytes.IndexByte(value, '&') >= 0 {
			var err error
			if value, err = unescape(nil, value); err != nil {
				return s.errorf("the attribute %.40q: %w", name, err)
			}
		}
		if err := do(local(name), value); err != nil {
			return s.errorf("the attribute %s: %w", name, err)
		}
	}
	return nil
}

// unescape appends a text with its entities as what they stand for.
func unescape(to, text []byte) ([]byte, error) {
	for {
		i := bytes.IndexByte(text, '&')
		if i < 0 {
			return append(to, text...), nil
		}
		to = append(to, text[:i]...)
		text = text[i+1:]
		end := bytes.IndexByte(text, ';')
		if end < 0 {
			return nil, fmt.Errorf("the entity %.10q has no end", text)
		}
		c, err := entity(string(text[:end]))
		if err != nil {
			return nil, err
		}
		to = utf8.AppendRune(to, c)
		text = text[end+1:]
	}
}

func entity(name string) (rune, error) {
	switch name {
	case "lt":
		return '<', nil
	case "gt":
		return '>', nil
	case "amp":
		return '&', nil
	case "quot":
		return '"', nil
	case "apos":
		return '\'', nil
	}
	digits, base := name, 10
	if len(name) > 1 && name[0] == '#' {
		digits = name[1:]
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		if n, err := strconv.ParseUint(digits, base, 21); err == nil && utf8.ValidRune(rune(n)) && n != 0 {
			return rune(n), nil
		}
	}
	return 0, fmt.Errorf("&%.20s; is no entity", name)
}
