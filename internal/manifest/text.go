package manifest

import (
	"bytes"
	"slices"
	"sort"
	"unicode/utf8"
)

var byteOrderMark = []byte("\ufeff")

// text translates places. The YAML library counts characters from the beginning
// of a line, and it takes more for the end of a line than an editor does: a lone
// CR, NEL, LS and PS too (YAML 1.1, section 4.1.4).
type text struct {
	bytes []byte
	// yaml and editor hold the offsets at which lines begin.
	yaml, editor []int
	// found and placed are the latest answers: a file can be one long line.
	found, placed counted
}

// counted says that the column of a line that begins at an offset is at another.
type counted struct{ begin, column, offset int }

func newText(b []byte) *text {
	begin := 0
	if bytes.HasPrefix(b, byteOrderMark) {
		begin = len(byteOrderMark)
	}
	t := &text{bytes: b, yaml: []int{begin}, editor: []int{begin}}
	for i := begin; i < len(b); {
		n := lineBreak(b[i:])
		if n == 0 {
			i++
			continue
		}
		i += n
		t.yaml = append(t.yaml, i)
		if b[i-1] == '\n' {
			t.editor = append(t.editor, i)
		}
	}
	return t
}

// lineBreak is how many bytes of b's beginning end a line in YAML.
func lineBreak(b []byte) int {
	switch b[0] {
	case '\n':
		return 1
	case '\r':
		if len(b) > 1 && b[1] == '\n' {
			return 2
		}
		return 1
	case 0xc2: // NEL
		if len(b) > 1 && b[1] == 0x85 {
			return 2
		}
	case 0xe2: // LS, PS
		if len(b) > 2 && b[1] == 0x80 && (b[2] == 0xa8 || b[2] == 0xa9) {
			return 3
		}
	}
	return 0
}

// offset is where the YAML library's line and column are in the bytes.
func (t *text) offset(line, column int) int {
	begin := t.yaml[min(max(line, 1), len(t.yaml))-1]
	at := t.found.since(begin)
	if at.column > column {
		at = counted{begin, 1, begin}
	}
	for ; at.column < column && at.offset < len(t.bytes); at.column++ {
		_, n := utf8.DecodeRune(t.bytes[at.offset:])
		at.offset += n
	}
	t.found = at
	return at.offset
}

// place is the line and the column, in characters, that an editor shows.
func (t *text) place(offset int) (line, column int) {
	line = max(sort.SearchInts(t.editor, offset+1), 1)
	begin := min(t.editor[line-1], offset)
	at := t.placed.since(begin)
	if at.offset > offset {
		at = counted{begin, 1, begin}
	}
	at.column += utf8.RuneCount(t.bytes[at.offset:offset])
	at.offset = offset
	t.placed = at
	return line, at.column
}

// since is c, or the beginning of another line.
func (c counted) since(begin int) counted {
	if c.begin == begin && c.column > 0 {
		return c
	}
	return counted{begin, 1, begin}
}

// line is a line as an editor counts it, without its end.
func (t *text) line(number int) []byte {
	begin := t.editor[min(max(number, 1), len(t.editor))-1]
	b := t.bytes[begin:]
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i]
	}
	return bytes.TrimSuffix(b, []byte("\r"))
}

// firstInvalid is the offset of the first byte that is not UTF-8, or -1.
func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// utf16Marks are how a file in UTF-16 begins.
var utf16Marks = [][]byte{{0xff, 0xfe}, {0xfe, 0xff}}

func isUTF16(b []byte) bool {
	return slices.ContainsFunc(utf16Marks, func(mark []byte) bool { return bytes.HasPrefix(b, mark) })
}
