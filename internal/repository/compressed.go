package repository

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// MaxIndex is how large an index may become, in bytes: 40 times what Debian's main is, and
// more than ten times what that of Fedora is.
const MaxIndex = 2 << 30

// Format is a form in which a repository has a file.
type Format struct {
	// Suffix is that of the file's name.
	Suffix string
	open   func(io.Reader) (io.ReadCloser, error)
}

// Formats are in the order in which they are asked for. That xz is after gzip is for
// speed: Debian's main is a quarter smaller in it, and takes 2.3 s instead of 0.3 s.
var Formats = []Format{
	{".zst", func(r io.Reader) (io.ReadCloser, error) {
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(128<<20))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}},
	{".gz", func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
	{".xz", func(r io.Reader) (io.ReadCloser, error) {
		d, err := xz.NewReader(bufio.NewReaderSize(r, 64<<10))
		return io.NopCloser(d), err
	}},
	Plain,
}

// Plain is a file that is not compressed.
var Plain = Format{"", func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(r), nil }}

// Decompress gives content to a function that reads it, up to a limit in bytes.
func (f Format) Decompress(content []byte, limit int64, read func(io.Reader) error) error {
	body, err := f.open(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("decompressing it: %w", CutShort(err))
	}
	defer body.Close() // nothing is written
	limited := &io.LimitedReader{R: body, N: limit}
	err = read(sayWhy{limited})
	if err == nil && limited.N == 0 {
		err = fmt.Errorf("it has more than %d bytes when decompressed", limit)
	}
	return err
}

// sayWhy tells errors of decompressing from those of what reads.
type sayWhy struct{ r io.Reader }

func (s sayWhy) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("decompressing it: %w", CutShort(err))
	}
	return n, err
}

// CutShort makes an end where more should be what it is: no regular end.
func CutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it is cut short: %w", io.ErrUnexpectedEOF)
	}
	return err
}
