package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/mholt/archiver/v4"
)

// member shows an entry to archiver. The first failure of its content lands in
// cause, before archiver wraps it in words of its own.
func member(ctx context.Context, e Entry, cause *error) archiver.FileInfo {
	fail := func(err error) error {
		if *cause == nil {
			*cause = fmt.Errorf("reading the content of %q: %w", e.Path, err)
		}
		return err
	}
	return archiver.FileInfo{
		FileInfo:      info{e},
		NameInArchive: e.Path,
		Open: func() (fs.File, error) {
			return openContent(ctx, e, fail)
		},
	}
}

// info is the entry as a file that has no owner and no history.
type info struct{ entry Entry }

func (i info) Name() string       { return path.Base(i.entry.Path) }
func (i info) Size() int64        { return i.entry.Size }
func (i info) Mode() fs.FileMode  { return i.entry.Mode }
func (i info) ModTime() time.Time { return time.Unix(0, 0).UTC() }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }

// content is an entry's content that fails when it is shorter or longer than
// announced, and when the context ends.
type content struct {
	ctx   context.Context
	rc    io.ReadCloser
	entry Entry
	left  int64
	fail  func(error) error
}

func openContent(ctx context.Context, e Entry, fail func(error) error) (*content, error) {
	rc, err := e.Open()
	if err != nil {
		return nil, fail(err)
	}
	return &content{ctx: ctx, rc: rc, entry: e, left: e.Size, fail: fail}, nil
}

func (c *content) Stat() (fs.FileInfo, error) { return info{c.entry}, nil }
func (c *content) Close() error               { return c.rc.Close() }

func (c *content) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, c.fail(err)
	}
	n, err := c.rc.Read(p)
	c.left -= int64(n)
	switch {
	case c.left < 0:
		return 0, c.fail(fmt.Errorf("it is longer than the %d bytes announced", c.entry.Size))
	case errors.Is(err, io.EOF) && c.left > 0:
		return n, c.fail(fmt.Errorf("it is %d bytes shorter than the %d announced", c.left, c.entry.Size))
	case err != nil && !errors.Is(err, io.EOF):
		return n, c.fail(err)
	}
	return n, err
}

// WriteTo spares archiver's copy loop its small buffer.
func (c *content) WriteTo(w io.Writer) (int64, error) {
	buf := make([]byte, min(copyBuffer, max(c.entry.Size, 512)))
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{c}, buf)
}

// copyBuffer is where larger buffers stop to make copies faster.
const copyBuffer = 256 << 10
