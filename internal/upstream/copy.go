package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// fresh is how much has to arrive for a broken transfer to count as progress.
const fresh = 256 << 10

// copyBuffer is where larger buffers stop to make copies faster.
const copyBuffer = 512 << 10

// Sink takes content in order. What it has at first is taken for the content's
// beginning; it must know, by a digest, if it is not.
type Sink interface {
	io.Writer
	// Offset is the number of bytes that the sink has.
	Offset() int64
	// Restart drops the bytes that the sink has.
	Restart() error
}

// Blob copies a blob of an upstream image, from the sink's offset on, to a sink
// that checks its digest.
func (c *Client) Blob(ctx context.Context, upstream, digest string, size int64, to Sink) error {
	img, err := c.image(upstream)
	if err != nil {
		return err
	}
	what := &content{name: upstream, asked: img.url("blobs", digest), session: img.session}
	return c.copy(ctx, what, size, to)
}

// File copies an upstream file, from the sink's offset on, to a sink. A size of
// -1 means that it is not known.
func (c *Client) File(ctx context.Context, upstream string, size int64, to Sink) error {
	what := &content{name: upstream, asked: c.sources.file(upstream)}
	return c.copy(ctx, what, size, to)
}

// Where tells, for messages, the URL at which a blob of an upstream image is asked
// for, or, without a digest, an upstream file.
func (c *Client) Where(upstream, digest string) string {
	if digest == "" {
		return redact(c.sources.file(upstream))
	}
	img, err := c.image(upstream)
	if err != nil {
		return upstream
	}
	return redact(img.url("blobs", digest))
}

// Host is the server that is asked for a blob of an upstream image or, without a
// digest, for an upstream file.
func (c *Client) Host(upstream, digest string) string { return hostOf(c.Where(upstream, digest)) }

func (c *Client) copy(ctx context.Context, what *content, size int64, to Sink) error {
	done, err := c.limits.wait(ctx, what.asked, size)
	if err != nil {
		return err
	}
	defer done()
	best := to.Offset()
	return c.retry(ctx, func(a *attempts) error {
		err := c.copyOnce(ctx, what, size, to)
		// Against the best so far: a server that ignores ranges and always breaks
		// off at the same place makes no progress.
		if to.Offset() >= best+fresh {
			best = to.Offset()
			a.progressed()
		}
		return err
	})
}

func (c *Client) copyOnce(ctx context.Context, what *content, size int64, to Sink) error {
	offset := to.Offset()
	if offset == size {
		return nil
	}
	if what.opened && what.validator == "" && size < 0 {
		offset = 0 // nothing says that it is still the same file
	}
	from, err := c.open(ctx, what, offset)
	if err != nil {
		return err
	}
	defer from.Close()
	if from.offset != to.Offset() {
		if err := to.Restart(); err != nil {
			return err
		}
	}
	into := &faithful{Sink: to}
	_, err = io.CopyBuffer(into, from, make([]byte, copyBuffer))
	switch {
	case into.err != nil:
		return fmt.Errorf("fetching %q from %s: %w", redact(what.name), redact(what.asked), into.err)
	case err != nil:
		return failure(ctx, what.name, what.asked, broken(err, to.Offset()))
	case size >= 0 && to.Offset() < size:
		return failure(ctx, what.name, what.asked, broken(io.ErrUnexpectedEOF, to.Offset()))
	}
	return nil
}

// broken says how far a transfer came. The plain words are for the common case.
func broken(err error, offset int64) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the connection ended early")
	}
	return fmt.Errorf("the transfer broke off after %d bytes: %w", offset, err)
}

// faithful remembers a sink's own error, to tell a full disk, which no retry
// helps, from a broken connection.
type faithful struct {
	Sink
	err error
}

func (f *faithful) Write(p []byte) (int, error) {
	n, err := f.Sink.Write(p)
	f.err = err
	return n, err
}

// Text gets a small upstream file, such as a list of checksums.
func (c *Client) Text(ctx context.Context, upstream string, limit int) ([]byte, error) {
	m := &memory{limit: limit}
	if err := c.File(ctx, upstream, -1, m); err != nil {
		return nil, err
	}
	return m.data, nil
}

type memory struct {
	data  []byte
	limit int
}

func (m *memory) Offset() int64  { return int64(len(m.data)) }
func (m *memory) Restart() error { m.data = nil; return nil }
func (m *memory) Write(p []byte) (int, error) {
	if len(m.data)+len(p) > m.limit {
		return 0, fmt.Errorf("it is larger than %d bytes", m.limit)
	}
	m.data = append(m.data, p...)
	return len(p), nil
}
