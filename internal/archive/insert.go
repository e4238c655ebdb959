package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Detect tells the format of an archive in one file, from its content.
func Detect(path string) (Format, error) {
	f, format, err := openWhole(path)
	if err != nil {
		return "", err
	}
	return format, f.Close()
}

// Whole is the name of the archive at path: of one in parts, whichever of its names
// path is, the name that the parts have in common.
func Whole(path string) string {
	if at, err := find(path); err == nil && at.whole != "" {
		return at.whole
	}
	return path
}

// openWhole opens an archive that is neither a directory nor in parts.
func openWhole(path string) (*os.File, Format, error) {
	at, err := find(path)
	switch {
	case err != nil:
		return nil, "", err
	case at.unpacked:
		return nil, "", fmt.Errorf("opening archive %q: it is a directory", path)
	case at.whole != "":
		return nil, "", fmt.Errorf("opening archive %q: it is in parts; join them first (cat %s.[0-9]* >%s)", path, at.whole, at.whole)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, "", fmt.Errorf("opening archive: %w", err)
	}
	format, err := detect(f)
	if err != nil {
		f.Close()
		return nil, "", fmt.Errorf("reading archive %q: %w", path, err)
	}
	return f, format, nil
}

// Insert copies the archive at path into the empty file out, with the entry e behind
// the one that is called after. An entry with the path of e gives way to it. All other
// bytes of the tar are copied as they are; the format stays. watch is told the number
// of the tar's bytes that were copied each time.
//
// The archive is checked first as Read checks it.
func Insert(ctx context.Context, path string, out *os.File, after string, e Entry, watch func(n int64)) error {
	f, format, err := openWhole(path)
	if err != nil {
		return err
	}
	defer f.Close()
	raw, err := asStored(ctx, e)
	if err != nil {
		return fmt.Errorf("inserting %q: %w", e.Path, err)
	}
	g, err := findGap(ctx, f, format, after, e.Path)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("reading archive %q: %w", path, err)
	}
	s := &splice{ctx: ctx, from: f, to: out, watch: watch}
	if format == Tar {
		err = s.copy(g, raw)
	} else {
		err = s.recompress(format, g, raw)
	}
	if err != nil {
		return fmt.Errorf("copying archive %q: %w", path, err)
	}
	return nil
}

// asStored is an entry as it stands in a tar.
func asStored(ctx context.Context, e Entry) ([]byte, error) {
	var buf bytes.Buffer
	if err := Write(ctx, &buf, Tar, []Entry{e}); err != nil {
		return nil, err
	}
	return buf.Bytes()[:buf.Len()-2*blockSize], nil
}

// gap is where a tar opens for an entry, and what gives way.
type gap struct{ at, from, to int64 }

// findGap reads the tar to its end. Each entry begins, with all its headers, where the
// one before it ends.
func findGap(ctx context.Context, f *os.File, format Format, after, name string) (gap, error) {
	var in tracked = &seekPosition{position{r: f}, f}
	if format != Tar {
		zr, err := format.decompress(f)
		if err != nil {
			return gap{}, readError(err)
		}
		defer zr.Close()
		in = &position{r: zr}
	}
	g := gap{at: -1}
	var end int64
	err := readTar(ctx, in, func(e Entry) error {
		begin := end
		end = in.at() + (e.Size+blockSize-1)/blockSize*blockSize
		switch e.Path {
		case after:
			g.at = end
		case name:
			g.from, g.to = begin, end
		}
		return nil
	})
	if err == nil && g.at < 0 {
		err = fmt.Errorf("there is no entry %q", after)
	}
	return g, err
}

// splice copies a tar around a gap.
type splice struct {
	ctx   context.Context
	from  io.Reader
	to    io.Writer
	watch func(n int64)
}

// copyChunk is how much is copied between two looks at the context. Between two files
// the kernel copies by itself.
const copyChunk = 32 << 20

func (s *splice) copy(g gap, raw []byte) error {
	steps := []func() error{func() error { return s.take(g.at) }, func() error { return s.put(raw) }}
	if g.to > 0 && g.to <= g.at {
		steps = []func() error{
			func() error { return s.take(g.from) },
			func() error { return s.drop(g.to - g.from) },
			func() error { return s.take(g.at - g.to) },
			func() error { return s.put(raw) },
		}
	} else if g.to > 0 {
		steps = append(steps, func() error { return s.take(g.from - g.at) }, func() error { return s.drop(g.to - g.from) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	for {
		switch n, err := s.chunk(copyChunk); {
		case errors.Is(err, io.EOF) && n == 0:
			return nil
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
	}
}

// take copies exactly n bytes.
func (s *splice) take(n int64) error {
	for n > 0 {
		done, err := s.chunk(min(n, copyChunk))
		if n -= done; err != nil {
			return readError(unexpected(err))
		}
	}
	return nil
}

func (s *splice) chunk(n int64) (int64, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	done, err := io.CopyN(s.to, s.from, n)
	if done > 0 {
		s.watch(done)
	}
	return done, err
}

func (s *splice) drop(n int64) error {
	_, err := io.CopyN(io.Discard, s.from, n)
	return readError(unexpected(err))
}

func (s *splice) put(raw []byte) error {
	n, err := s.to.Write(raw)
	s.watch(int64(n))
	return err
}

// unexpected is an end that comes where the headers promised more.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// recompress is copy on what is inside of the compression.
func (s *splice) recompress(format Format, g gap, raw []byte) error {
	zr, err := format.decompress(s.from)
	if err != nil {
		return readError(err)
	}
	defer zr.Close()
	disk := &sink{w: s.to}
	zw, err := format.compress(disk)
	if err != nil {
		return err
	}
	// The compressor cuts its blocks otherwise when it reads by itself.
	inner := &splice{ctx: s.ctx, from: zr, to: struct{ io.Writer }{zw}, watch: s.watch}
	err = inner.copy(g, raw)
	// Closing ends the stream, and its goroutines in any case.
	for _, err := range []error{err, disk.err, zw.Close(), disk.err} {
		if err != nil {
			return err
		}
	}
	return nil
}
