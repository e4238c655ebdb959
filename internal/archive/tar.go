package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/mholt/archiver/v4"
)

const blockSize = 512

// tracked is a stream that knows how far it was read.
type tracked interface {
	io.Reader
	at() int64
	// pad says where the next padding begins and ends.
	pad(from, to int64)
}

type position struct {
	r        io.Reader
	n        int64
	from, to int64
}

func (p *position) at() int64          { return p.n }
func (p *position) pad(from, to int64) { p.from, p.to = from, to }

// Read fails if padding is not zeros: the tar reader does not look at it, and
// nothing may be in an archive that nobody looks at.
func (p *position) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	for i := max(p.from-p.n, 0); i < min(p.to-p.n, int64(n)); i++ {
		if b[i] != 0 {
			return 0, fmt.Errorf("byte %d, between two entries, is not zero", p.n+i)
		}
	}
	p.n += int64(n)
	return n, err
}

// seekPosition lets the tar reader jump over contents that nobody reads.
type seekPosition struct {
	position
	s io.Seeker
}

func (p *seekPosition) Seek(offset int64, whence int) (int64, error) {
	n, err := p.s.Seek(offset, whence)
	if err == nil {
		p.n = n
	}
	return n, err
}

// readTar reads a tar up to the end of the stream, so that a compressor's own
// checksum is checked as well.
func readTar(ctx context.Context, in tracked, visit func(Entry) error) error {
	w := &tarWalk{in: in, seen: names{}, visit: visit}
	err := archiver.Tar{}.Extract(ctx, in, w.handle)
	switch {
	case w.err != nil:
		return w.err
	case err != nil:
		return readError(err)
	}
	return w.finish()
}

type tarWalk struct {
	in    tracked
	seen  names
	visit func(Entry) error
	// end is where the last entry's content ends.
	end int64
	// err is the first failure, without the words that archiver adds.
	err error
}

func (w *tarWalk) handle(ctx context.Context, f archiver.FileInfo) error {
	w.err = w.entry(ctx, f)
	return w.err
}

func (w *tarWalk) entry(ctx context.Context, f archiver.FileInfo) error {
	hdr, ok := f.Header.(*tar.Header)
	if !ok {
		return fmt.Errorf("reading entry %q: unexpected header %T", f.NameInArchive, f.Header)
	}
	if err := w.seen.add(hdr.Name); err != nil {
		return err
	}
	if err := checkKind(hdr); err != nil {
		return err
	}
	begin := w.in.at()
	w.end = begin + (hdr.Size+blockSize-1)/blockSize*blockSize
	w.in.pad(begin+hdr.Size, w.end)
	return w.visit(Entry{
		Path: hdr.Name,
		Mode: fs.FileMode(hdr.Mode & 0o7777),
		Size: hdr.Size,
		Open: func() (io.ReadCloser, error) {
			body, err := f.Open()
			if err != nil {
				return nil, err
			}
			return &entryBody{ctx, body}, nil
		},
	})
}

// checkKind accepts regular files only. A sparse file claims to be one, but its
// header announces another size than is stored.
func checkKind(hdr *tar.Header) error {
	if hdr.Typeflag != tar.TypeReg {
		return fmt.Errorf("reading entry %q: it is a link, directory or device (type %q), only regular files are allowed", hdr.Name, hdr.Typeflag)
	}
	for key := range hdr.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return fmt.Errorf("reading entry %q: it is stored sparse, which is not allowed", hdr.Name)
		}
	}
	return nil
}

// finish checks what follows the last entry. The tar reader takes a stream that
// ends between two entries for complete, and does not look past the end marker.
func (w *tarWalk) finish() error {
	if w.in.at() < w.end+2*blockSize {
		return ErrTruncated
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := w.in.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return errors.New("more data follows the end of the archive")
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return readError(err)
		}
	}
}

// entryBody is an entry's content as the archive has it.
type entryBody struct {
	ctx  context.Context
	body io.ReadCloser
}

func (b *entryBody) Close() error { return b.body.Close() }

func (b *entryBody) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.body.Read(p)
	if err != nil {
		err = readError(err)
	}
	return n, err
}
