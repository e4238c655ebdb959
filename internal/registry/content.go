package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/satchel-kit/satchel/internal/disk"
)

// fresh is how much has to arrive for a broken transfer to count as progress.
const fresh = 256 << 10

// Sink takes content in order. What it has at first is taken for the content's
// beginning; it must know, by a digest, if it is not.
type Sink interface {
	io.Writer
	// Offset is the number of bytes that the sink has.
	Offset() int64
	// Restart drops the bytes that the sink has.
	Restart() error
}

// Versioned is a sink that may have its beginning from an earlier run, and of which no
// digest says whether it is right. It goes on only with the same version.
type Versioned interface {
	Sink
	// Version is what its bytes are of.
	Version() string
	// Begin says what the bytes that follow from the start are of; "" if nobody can tell
	// later whether they still are what the server has.
	Begin(version string)
}

// ErrUnchanged says that a server still has the version that the caller has.
var ErrUnchanged = errors.New("it is unchanged")

// content is one blob or file on a server.
type content struct {
	*Session
	address string
	size    int64
	unless  string // the version that is not wanted

	// validator is the ETag or date that it had when it was first opened, so that two
	// versions of a file are never put together.
	validator string
	opened    bool
}

// Copy copies what is at an address to a sink, from the sink's offset on. A size of -1
// means that it is not known. A transfer that breaks off goes on where it broke.
func (s *Session) Copy(ctx context.Context, address string, size int64, to Sink) error {
	return s.CopyUnless(ctx, address, size, "", to)
}

// CopyUnless is Copy, unless the server has a version, which makes it ErrUnchanged. A sink
// that has a beginning already gets the rest in any case.
func (s *Session) CopyUnless(ctx context.Context, address string, size int64, version string, to Sink) error {
	c := &content{Session: s, address: address, size: size, unless: version}
	if v, ok := to.(Versioned); ok && to.Offset() > 0 {
		c.opened, c.validator = true, v.Version()
	}
	best := to.Offset()
	return s.Retry(ctx, func(a *Attempts) error {
		err := c.copy(ctx, to)
		// Against the best so far: a server that ignores ranges and always breaks
		// off at the same place makes no progress.
		if to.Offset() >= best+fresh {
			best = to.Offset()
			a.Progressed()
		}
		return err
	})
}

func (c *content) copy(ctx context.Context, to Sink) error {
	offset := to.Offset()
	if offset == c.size {
		return nil
	}
	if c.opened && c.validator == "" && c.size < 0 {
		offset = 0 // nothing says that it is still the same file
	}
	resp, offset, err := c.open(ctx, offset)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if offset != to.Offset() {
		if err := to.Restart(); err != nil {
			return err
		}
	}
	if v, ok := to.(Versioned); ok && offset == 0 {
		v.Begin(version(resp.Header))
	}
	broken, err := disk.Pour(to, resp.Body)
	if err != nil { // such as of a full disk, which no retry helps
		return fmt.Errorf("%s: %w", c.describe(http.MethodGet, c.address).Asked, err)
	}
	switch {
	case broken == nil && to.Offset() >= c.size:
		return nil
	case broken == nil, errors.Is(broken, io.ErrUnexpectedEOF):
		broken = errors.New("the connection ended early")
	}
	return c.failure(ctx, http.MethodGet, c.address, fmt.Errorf("the transfer broke off after %d bytes: %w", to.Offset(), broken))
}

// open opens the content at an offset, and tells where the answer begins: a server that
// does not, or not rightly, send a part is asked for all of it.
func (c *content) open(ctx context.Context, offset int64) (*http.Response, int64, error) {
	header, wanted := http.Header{}, []int{http.StatusOK}
	if offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		if c.validator != "" {
			header.Set("If-Range", c.validator)
		}
		wanted = append(wanted, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable)
	} else if c.unless != "" {
		header.Set(condition(c.unless), c.unless)
		wanted = append(wanted, http.StatusNotModified)
	}
	resp, err := c.Get(ctx, c.address, header, wanted...)
	switch {
	case err != nil:
		return nil, 0, err
	case resp.StatusCode == http.StatusOK:
		offset = 0
	case resp.StatusCode == http.StatusNotModified:
		Done(resp)
		return nil, 0, ErrUnchanged
	case resp.StatusCode != http.StatusPartialContent || !beginsAt(resp, offset) || c.moved(resp.Header):
		resp.Body.Close()
		return c.open(ctx, 0)
	}
	c.remember(resp.Header)
	return resp, offset, nil
}

// beginsAt tells whether an answer says that it begins at offset.
func beginsAt(resp *http.Response, offset int64) bool {
	from, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
	from, _, dash := strings.Cut(from, "-")
	n, err := strconv.ParseInt(from, 10, 64)
	return ok && dash && err == nil && n == offset
}

// moved tells whether a part is of another version than was asked for.
func (c *content) moved(header http.Header) bool {
	etag := header.Get("ETag")
	return strings.HasPrefix(c.validator, `"`) && etag != "" && etag != c.validator
}

// remember keeps what identifies this version of a file. If-Range takes no weak
// ETag (RFC 9110, 13.1.5).
func (c *content) remember(header http.Header) {
	c.opened = true
	c.validator = header.Get("ETag")
	if c.validator == "" || strings.HasPrefix(c.validator, "W/") {
		c.validator = header.Get("Last-Modified")
	}
}
