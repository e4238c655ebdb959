package rpm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/satchel-kit/satchel/internal/repository"
)

// This reads what is before the payload of a .rpm: a lead of the old days, a header of
// signatures, and the header that has all about the package (rpm's manual, "Package
// Format"). There is a library for it, but it dies of headers with wrong offsets, and
// keeps the bytes to itself, over which the signatures are.

const (
	leadSize = 96
	// maxTags and maxHeader (in bytes) are rpm's own bounds, the latter a quarter of it.
	maxTags   = 1<<16 - 1
	maxHeader = 64 << 20
)

// kinds of values in a header.
const (
	kindInt16   = 3
	kindInt32   = 4
	kindInt64   = 5
	kindString  = 6
	kindBytes   = 7
	kindStrings = 8
	kindI18N    = 9
)

// header is one of the two.
type header struct {
	raw  []byte
	tags map[int32]tag
}

type tag struct {
	kind, count int32
	data        []byte // from its beginning to the end of the header
}

// rpmFile is the part of a .rpm that is before the payload.
type rpmFile struct {
	signatures, main header
	// start and end are where the main header is in the file, in bytes.
	start, end int64
}

// readFile reads a .rpm up to its payload, and no more.
func readFile(r io.Reader) (*rpmFile, error) {
	lead := make([]byte, leadSize)
	if _, err := io.ReadFull(r, lead); err != nil || !bytes.HasPrefix(lead, []byte("\xed\xab\xee\xdb")) {
		return nil, errors.New("it is no .rpm: it does not begin as one")
	}
	f := &rpmFile{}
	var err error
	if f.signatures, err = readHeader(r); err != nil {
		return nil, fmt.Errorf("reading the header of signatures: %w", err)
	}
	padding := int64(-len(f.signatures.raw) & 7)
	if _, err := io.CopyN(io.Discard, r, padding); err != nil {
		return nil, fmt.Errorf("reading the header of signatures: %w", repository.CutShort(err))
	}
	if f.main, err = readHeader(r); err != nil {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	f.start = leadSize + int64(len(f.signatures.raw)) + padding
	f.end = f.start + int64(len(f.main.raw))
	return f, nil
}

func readHeader(r io.Reader) (header, error) {
	intro := make([]byte, 16)
	if _, err := io.ReadFull(r, intro); err != nil {
		return header{}, repository.CutShort(err)
	}
	if !bytes.HasPrefix(intro, []byte("\x8e\xad\xe8\x01")) {
		return header{}, errors.New("there is none where one should be")
	}
	count, size := binary.BigEndian.Uint32(intro[8:]), binary.BigEndian.Uint32(intro[12:])
	if count > maxTags || size > maxHeader {
		return header{}, fmt.Errorf("it has %d tags and %d bytes; more than %d and %d are not read", count, size, maxTags, maxHeader)
	}
	index := int64(count) * 16
	// What is read is kept as it comes: the sizes may be lies.
	rest, err := io.ReadAll(io.LimitReader(r, index+int64(size)))
	if err != nil {
		return header{}, err
	}
	if int64(len(rest)) < index+int64(size) {
		return header{}, repository.CutShort(io.EOF)
	}
	h := header{raw: append(intro, rest...), tags: map[int32]tag{}}
	data := rest[index:]
	for i := int64(0); i < index; i += 16 {
		word := func(n int64) int32 { return int32(binary.BigEndian.Uint32(rest[i+4*n:])) }
		offset := word(2)
		if offset < 0 || int(offset) > len(data) || word(3) < 0 {
			return header{}, fmt.Errorf("the tag %d is outside of it", word(0))
		}
		h.tags[word(0)] = tag{kind: word(1), count: word(3), data: data[offset:]}
	}
	return h, nil
}

// has tells whether there is a tag.
func (h header) has(id int32) bool { _, ok := h.tags[id]; return ok }

// strings are the values of a tag, none if there is no such tag.
func (h header) strings(id int32) ([]string, error) {
	t, ok := h.tags[id]
	if !ok {
		return nil, nil
	}
	if t.kind != kindString && t.kind != kindStrings && t.kind != kindI18N {
		return nil, fmt.Errorf("the tag %d has no text", id)
	}
	if int(t.count) > len(t.data) {
		return nil, fmt.Errorf("the tag %d is cut short", id)
	}
	list := make([]string, t.count)
	for i := range list {
		s, rest, ok := bytes.Cut(t.data, []byte{0})
		if !ok {
			return nil, fmt.Errorf("the tag %d is cut short", id)
		}
		list[i], t.data = string(s), rest
	}
	return list, nil
}

// text is the first value of a tag: of a text in many languages, the one without any.
func (h header) text(id int32) (string, error) {
	list, err := h.strings(id)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return strings.ToValidUTF8(list[0], "\uFFFD"), nil
}

// numbers are the values of a tag, none if there is no such tag.
func (h header) numbers(id int32) ([]uint64, error) {
	t, ok := h.tags[id]
	if !ok {
		return nil, nil
	}
	size := map[int32]int{kindInt16: 2, kindInt32: 4, kindInt64: 8}[t.kind]
	if size == 0 {
		return nil, fmt.Errorf("the tag %d has no numbers", id)
	}
	if int(t.count) > len(t.data)/size {
		return nil, fmt.Errorf("the tag %d is cut short", id)
	}
	list := make([]uint64, t.count)
	for i := range list {
		switch b := t.data[i*size:]; size {
		case 2:
			list[i] = uint64(binary.BigEndian.Uint16(b))
		case 4:
			list[i] = uint64(binary.BigEndian.Uint32(b))
		default:
			list[i] = binary.BigEndian.Uint64(b)
		}
	}
	return list, nil
}

// number is the first value of the first of some tags that there is, or 0.
func (h header) number(ids ...int32) (uint64, error) {
	for _, id := range ids {
		list, err := h.numbers(id)
		if err != nil || len(list) > 0 {
			return append(list, 0)[0], err
		}
	}
	return 0, nil
}

// bytes is the value of a tag, nil if there is no such tag.
func (h header) bytes(id int32) ([]byte, error) {
	t, ok := h.tags[id]
	if !ok {
		return nil, nil
	}
	if t.kind != kindBytes || int(t.count) > len(t.data) {
		return nil, fmt.Errorf("the tag %d has no bytes, or is cut short", id)
	}
	return t.data[:t.count], nil
}
