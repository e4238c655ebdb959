package push

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/registry"
)

// worthAsking is the size from which on the registry is asked first whether it takes
// a content: one that refuses in the middle often cannot say why any more.
const worthAsking = 1 << 20

// hasBlob tells whether the repository has a blob.
func (s *session) hasBlob(ctx context.Context, digest string) (has bool, err error) {
	err = s.Retry(ctx, func(*registry.Attempts) error {
		has, err = s.headBlob(ctx, digest)
		return err
	})
	return has, err
}

func (s *session) headBlob(ctx context.Context, digest string) (bool, error) {
	resp, err := s.Ask(ctx, http.MethodHead, s.URL("blobs/"+digest), nil, http.StatusOK, http.StatusNotFound)
	return err == nil && resp.StatusCode == http.StatusOK, err
}

// upload is one blob on its way into one repository.
type upload struct {
	*session
	what content
	// from is another repository of the registry that has the blob, or "".
	from string
	bars *progress.Bars
	// bar and sent are nil until there is something to send.
	bar  *progress.Bar
	sent *reading
	// mounted says that the registry took the blob from there.
	mounted bool
}

// run brings the blob into the repository, which did not have it. What a broken
// attempt has sent is sent again: few registries can go on in the middle.
func (u *upload) run(ctx context.Context) (err error) {
	defer func() { u.bar.Done(err) }()
	again := false
	return u.Retry(ctx, func(*registry.Attempts) error {
		if again {
			// The registry may have all of it, and only the answer was lost.
			if there, err := u.headBlob(ctx, u.what.digest); there || err != nil {
				return err
			}
		}
		again = true
		return u.attempt(ctx)
	})
}

func (u *upload) attempt(ctx context.Context) error {
	to, err := u.begin(ctx)
	if err != nil || u.mounted {
		return err
	}
	if u.what.size > 0 {
		if to, err = u.content(ctx, to); err != nil {
			return u.lost(err)
		}
	}
	query := to.Query()
	query.Set("digest", u.what.digest)
	to.RawQuery = query.Encode()
	_, err = u.Ask(ctx, http.MethodPut, to.String(), nil, http.StatusCreated, http.StatusOK, http.StatusNoContent)
	return u.lost(err)
}

// lost has an upload tried anew that the registry does not know any more, as it
// happens behind a proxy that spreads requests, or after a restart.
func (u *upload) lost(err error) error {
	e, ok := errors.AsType[*registry.Error](err)
	if ok && (e.Status == http.StatusNotFound || e.Status == http.StatusRequestedRangeNotSatisfiable) {
		e.Temporary = true
		e.Hint = "the registry has lost the upload; if several registries answer under this name, they must share their storage"
	}
	return err
}

// begin asks for a place to upload to. Where another repository has the blob, the
// registry may take it from there instead.
func (u *upload) begin(ctx context.Context) (*url.URL, error) {
	address := u.URL("blobs/uploads/")
	if u.from != "" {
		query := url.Values{"mount": {u.what.digest}, "from": {u.from}}
		resp, err := u.Ask(ctx, http.MethodPost, address+"?"+query.Encode(), nil, http.StatusCreated, http.StatusAccepted)
		switch e, refused := errors.AsType[*registry.Error](err); {
		case err == nil && resp.StatusCode == http.StatusCreated:
			u.mounted = true
			return nil, nil
		case err == nil:
			u.from = ""
			return u.next(resp)
		case !refused || e.Temporary || e.Status == 0:
			return nil, err
		}
		u.from = "" // it does not mount, or not from there
	}
	resp, err := u.Ask(ctx, http.MethodPost, address, nil, http.StatusAccepted)
	if err != nil {
		return nil, err
	}
	return u.next(resp)
}

// content sends the bytes and gives the place that ends the upload.
func (u *upload) content(ctx context.Context, to *url.URL) (*url.URL, error) {
	if err := u.rewind(); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, to.String(), u.sent)
	if err != nil {
		return nil, err
	}
	req.ContentLength = u.what.size
	req.Header.Set("Content-Type", "application/octet-stream")
	if u.what.size >= worthAsking {
		req.Header.Set("Expect", "100-continue")
	}
	req.GetBody = func() (io.ReadCloser, error) {
		err := u.rewind()
		return u.sent, err
	}
	resp, err := u.Send(req, http.StatusAccepted, http.StatusCreated, http.StatusNoContent)
	if own := u.sent.failed(); own != nil {
		return nil, own
	}
	if err != nil {
		return nil, err
	}
	registry.Done(resp)
	if resp.Header.Get("Location") == "" {
		return to, nil
	}
	return u.next(resp)
}

// rewind opens the content anew, and takes back what was counted of it.
func (u *upload) rewind() error {
	if u.bar == nil {
		u.bar = u.bars.Start(u.what.title(), u.what.size)
	}
	if u.sent != nil {
		u.sent.giveBack()
	}
	sent, err := u.what.read(u.bar.Add)
	if err == nil {
		u.sent = sent
	}
	return err
}
