package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// content is one blob or file upstream.
type content struct {
	name    string
	asked   string
	session *session // nil for a file

	// validator is the ETag or date that a file had when it was first opened, so
	// that two versions of it are never put together.
	validator string
	opened    bool
}

// body is an answer's content from offset on.
type body struct {
	io.ReadCloser
	offset int64
}

// open opens content at an offset. A server that does not, or not rightly, send
// a part is asked for all of it: the body then begins at 0.
func (c *Client) open(ctx context.Context, what *content, offset int64) (*body, error) {
	header := http.Header{}
	if offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		if what.validator != "" {
			header.Set("If-Range", what.validator)
		}
	}
	resp, err := c.get(ctx, what.session, what.name, what.asked, header)
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusOK:
		what.remember(resp.Header)
		return &body{resp.Body, 0}, nil
	case offset > 0 && resp.StatusCode == http.StatusPartialContent && beginsAt(resp, offset):
		what.remember(resp.Header)
		return &body{resp.Body, offset}, nil
	}
	defer resp.Body.Close()
	if offset > 0 && (resp.StatusCode == http.StatusPartialContent || resp.StatusCode == http.StatusRequestedRangeNotSatisfiable) {
		return c.open(ctx, what, 0)
	}
	return nil, refusal(what.name, what.asked, resp)
}

// beginsAt tells whether an answer says that it begins at offset.
func beginsAt(resp *http.Response, offset int64) bool {
	from, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
	from, _, dash := strings.Cut(from, "-")
	n, err := strconv.ParseInt(from, 10, 64)
	return ok && dash && err == nil && n == offset
}

// remember keeps what identifies this version of a file. If-Range takes no weak
// ETag (RFC 9110, 13.1.5).
func (what *content) remember(header http.Header) {
	what.opened = true
	what.validator = header.Get("ETag")
	if what.validator == "" || strings.HasPrefix(what.validator, "W/") {
		what.validator = header.Get("Last-Modified")
	}
}
