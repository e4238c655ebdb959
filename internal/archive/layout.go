package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"math"

	"github.com/satchel-kit/satchel/internal/disk"
)

// header is what a tar has before an entry's content: a block, or three if the path is
// long or the content large.
func header(e Entry) ([]byte, error) {
	hdr, err := tar.FileInfoHeader(info{e}, "")
	if err != nil {
		return nil, err
	}
	hdr.Name = e.Path
	var buf bytes.Buffer
	err = tar.NewWriter(&buf).WriteHeader(hdr)
	return buf.Bytes(), err
}

// padding is what follows a content to fill its last block.
func padding(size int64) int64 { return -size & (blockSize - 1) }

// endMarker is how a tar ends: two blocks of zeros.
const endMarker = 2 * blockSize

// stretch is a run of entries in a tar, from one header to another.
type stretch struct {
	entries     []Entry
	begin, size int64
}

// stretchSize is where a stretch ends and another begins: small entries are written
// together, large ones each by itself.
const stretchSize = 4 << 20

// layout tells where in a plain tar everything goes, and each content by itself, which
// follows from the names and sizes alone.
func layout(entries []Entry) (all []stretch, places []int64, size int64, err error) {
	cur, from := stretch{}, 0
	end := func(to int) {
		cur.entries, cur.size = entries[from:to], size-cur.begin
		all = append(all, cur)
		cur, from = stretch{begin: size}, to
	}
	for i, e := range entries {
		head, err := header(e)
		if err != nil {
			return nil, nil, 0, fmt.Errorf("making the header of %q: %w", e.Path, err)
		}
		if i > from && (size-cur.begin >= stretchSize || e.Size >= stretchSize) {
			end(i)
		}
		n := int64(len(head)) + padding(e.Size)
		if e.Size > math.MaxInt64-size-n-endMarker {
			return nil, nil, 0, fmt.Errorf("making the header of %q: the contents are larger together than any disk", e.Path)
		}
		places = append(places, size+int64(len(head)))
		size += n + e.Size
	}
	if len(entries) > from {
		end(len(entries))
	}
	return all, places, size + endMarker, nil
}

// writeTo writes all of the stretch. Contents that others write are jumped over.
func (s stretch) writeTo(ctx context.Context, w *disk.Writer) error {
	for _, e := range s.entries {
		head, err := header(e)
		if err != nil {
			return err
		}
		if _, err := w.Write(head); err != nil {
			return err
		}
		there, err := e.there()
		switch {
		case err != nil:
			return err
		case there:
			err = w.Skip(e.Size)
		default:
			err = e.copyTo(ctx, w)
		}
		if err != nil {
			return err
		}
		if _, err := w.Write(zeroBlock[:padding(e.Size)]); err != nil {
			return err
		}
	}
	return nil
}

func (e Entry) there() (bool, error) {
	if e.There == nil {
		return false, nil
	}
	there, err := e.There()
	if err != nil {
		return false, fmt.Errorf("waiting for the content of %q: %w", e.Path, err)
	}
	return there, nil
}

var zeroBlock [blockSize]byte

func (e Entry) copyTo(ctx context.Context, w io.Writer) error {
	c, err := openContent(ctx, e, func(err error) error { return fmt.Errorf("reading the content of %q: %w", e.Path, err) })
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.Copy(w, struct{ io.Reader }{c})
	return err
}
