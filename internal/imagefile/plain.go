package imagefile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/satchel-kit/satchel/internal/archive"
)

// plain gives a file as it is without compression, at its beginning: f itself, or a
// scratch file in its place, with f closed. After an error it gives f.
func plain(ctx context.Context, f *os.File, scratch Scratch) (*os.File, error) {
	head := make([]byte, 8)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return f, err
	}
	with := archive.Compression(head[:n])
	if with == "" {
		return f, nil
	}
	out, err := scratch()
	if err != nil {
		return f, err
	}
	if err := decompress(ctx, out, f, with); err != nil {
		return f, errors.Join(fmt.Errorf("undoing its compression with %s: %w", with, err), out.Close())
	}
	return out, f.Close()
}

func decompress(ctx context.Context, out, in *os.File, with string) error {
	content, err := archive.Decompress(UntilDone(ctx, in), with)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, content)
	if err = errors.Join(err, content.Close()); err != nil {
		return err
	}
	_, err = out.Seek(0, io.SeekStart)
	return err
}

// UntilDone has a reading end with its context.
func UntilDone(ctx context.Context, r io.Reader) io.Reader { return untilDone{ctx, r} }

type untilDone struct {
	ctx context.Context
	io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.Reader.Read(p)
}
