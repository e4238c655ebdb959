package upstream

import (
	"context"
	"fmt"

	"github.com/satchel-kit/satchel/internal/registry"
)

// Blob copies a blob of an upstream image, from the sink's offset on, to a sink
// that checks its digest.
func (c *Client) Blob(ctx context.Context, upstream, digest string, size int64, to Sink) error {
	img, err := c.image(upstream)
	if err != nil {
		return err
	}
	return c.copy(ctx, img.Session, img.URL("blobs/"+digest), size, "", to)
}

// File copies an upstream file, from the sink's offset on, to a sink. A size of
// -1 means that it is not known.
func (c *Client) File(ctx context.Context, upstream string, size int64, to Sink) error {
	return c.FileUnless(ctx, upstream, size, "", to)
}

// FileUnless is File, unless the server still has a version, which makes it ErrUnchanged.
func (c *Client) FileUnless(ctx context.Context, upstream string, size int64, version string, to Sink) error {
	s, address := c.file(upstream)
	return c.copy(ctx, s, address, size, version, to)
}

func (c *Client) copy(ctx context.Context, s *registry.Session, address string, size int64, version string, to Sink) error {
	done, err := c.limits.wait(ctx, address, size)
	if err != nil {
		return err
	}
	defer done()
	return s.CopyUnless(ctx, address, size, version, to)
}

// Where tells, for messages, the URL at which a blob of an upstream image is asked
// for, or, without a digest, an upstream file.
func (c *Client) Where(upstream, digest string) string {
	if digest == "" {
		return registry.Redact(c.sources.file(upstream))
	}
	img, err := c.image(upstream)
	if err != nil {
		return upstream
	}
	return registry.Redact(img.URL("blobs/" + digest))
}

// Host is the server that is asked for a blob of an upstream image or, without a
// digest, for an upstream file.
func (c *Client) Host(upstream, digest string) string { return hostOf(c.Where(upstream, digest)) }

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
