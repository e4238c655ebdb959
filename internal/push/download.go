package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"github.com/satchel-kit/satchel/internal/cache"
)

// fresh is how much has to arrive for a broken transfer to count as progress.
const fresh = 256 << 10

// download is one blob on its way into the cache.
type download struct {
	*session
	store *cache.Cache
	// what has the digest, the size and the name; it cannot be opened.
	what  content
	watch func(int64)
}

// run brings the blob into the cache, from where an earlier run broke off. If what
// was there from it is wrong, all of it is brought anew, once.
func (d *download) run(ctx context.Context) error {
	w, err := d.store.Writer(ctx, d.what.digest, d.what.size)
	if errors.Is(err, fs.ErrExist) && !d.store.Has(d.what.digest, d.what.size) {
		// There, but not whole: what a crash or a damaged disk leaves.
		if err = d.store.Drop(d.what.digest); err == nil {
			w, err = d.store.Writer(ctx, d.what.digest, d.what.size)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster
	}
	if err != nil {
		return err
	}
	defer w.Close()
	w.Watch(d.watch)
	resumed := w.Offset() > 0
	for {
		if err = d.into(ctx, w); err == nil {
			err = w.Commit()
		}
		if !errors.Is(err, cache.ErrMismatch) || !resumed {
			return err
		}
		resumed = false
	}
}

func (d *download) into(ctx context.Context, w *cache.Writer) error {
	best := w.Offset()
	return d.client.retry(ctx, func(a *attempts) error {
		err := d.attempt(ctx, w)
		// Against the best so far: a registry that ignores ranges and always breaks
		// off at the same place makes no progress.
		if w.Offset() >= best+fresh {
			best = w.Offset()
			a.progressed()
		}
		return err
	})
}

func (d *download) attempt(ctx context.Context, w *cache.Writer) error {
	offset := w.Offset()
	if offset == d.what.size {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url("blobs/"+d.what.digest), nil)
	if err != nil {
		return err
	}
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	resp, err := d.send(req, http.StatusOK, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK && offset > 0:
		if err := w.Restart(); err != nil {
			return err
		}
	case resp.StatusCode == http.StatusOK, beginsAt(resp, offset):
	case offset > 0: // it cannot send the rest alone
		if err := w.Restart(); err != nil {
			return err
		}
		return d.attempt(ctx, w)
	default:
		return d.bad(resp, errors.New("the answer is a part that nobody asked for"))
	}
	into := &faithful{Writer: w}
	_, err = io.Copy(into, resp.Body)
	switch {
	case into.err != nil:
		return into.err
	case err == nil && w.Offset() < d.what.size, errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the connection ended early")
	case err == nil:
		return nil
	}
	return d.failure(req, fmt.Errorf("the transfer broke off after %d bytes: %w", w.Offset(), err))
}

// beginsAt tells whether an answer says that it is a part that begins at offset.
func beginsAt(resp *http.Response, offset int64) bool {
	from, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
	from, _, dash := strings.Cut(from, "-")
	n, err := strconv.ParseInt(from, 10, 64)
	return resp.StatusCode == http.StatusPartialContent && ok && dash && err == nil && n == offset
}

// faithful remembers a writer's own error, to tell a full disk, which no retry
// helps, from a broken connection.
type faithful struct {
	io.Writer
	err error
}

func (f *faithful) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	f.err = err
	return n, err
}
