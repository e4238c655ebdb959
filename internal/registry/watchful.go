package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// trickle is the least that has to move in each idle period. Without a floor, a byte now
// and then would hold a connection for ever.
const trickle = 4 << 10

// stalled is why an exchange was ended.
type stalled string

const (
	sending   stalled = "the transfer stands still"
	receiving stalled = "the server stopped sending"
)

func (s stalled) Error() string { return string(s) }

// watchful ends an exchange whose content, in either direction, moves too slowly.
type watchful struct {
	inner http.RoundTripper
	wait  time.Duration
}

func (t *watchful) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		// Only while it is sent: after it the server may think.
		sent, stop := context.WithCancel(ctx)
		defer stop()
		req.Body = watch(sent, req.Body, t.wait, func() { cancel(sending) }, stop)
	}
	resp, err := t.inner.RoundTrip(req)
	if err != nil {
		err = explain(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = watch(ctx, resp.Body, t.wait, func() { cancel(receiving) }, func() { cancel(nil) })
	return resp, nil
}

// explain gives the reason for an error of an exchange that was ended.
func explain(ctx context.Context, err error) error {
	if why, ok := errors.AsType[stalled](context.Cause(ctx)); ok {
		return why
	}
	return err
}

// watched is a content that has to move on until its end.
type watched struct {
	io.ReadCloser
	ctx    context.Context
	recent atomic.Int64 // bytes since the last look
	end    func()
}

// watch calls stall when the content has hardly moved while it waited, and end when
// there is no more of it.
func watch(ctx context.Context, body io.ReadCloser, wait time.Duration, stall, end func()) *watched {
	w := &watched{ReadCloser: body, ctx: ctx, end: end}
	go func() {
		tick := time.NewTicker(wait)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if w.recent.Swap(0) < trickle {
					stall()
				}
			}
		}
	}()
	return w
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.recent.Add(int64(n))
	if err != nil {
		if err != io.EOF {
			err = explain(w.ctx, err)
		}
		w.end()
	}
	return n, err
}

func (w *watched) Close() error {
	defer w.end()
	return w.ReadCloser.Close()
}
