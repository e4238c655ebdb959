package registry

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// wishKey finds in a context how long the last server that answered wants to be left alone.
// A login has exchanges of its own, with the registry and with its token server, and of
// their answers the library passes on no header; their contexts it takes from the request
// that is to be sent.
type wishKey struct{}

func withWish(ctx context.Context) context.Context {
	return context.WithValue(ctx, wishKey{}, new(atomic.Int64))
}

func wish(ctx context.Context) time.Duration {
	if w, ok := ctx.Value(wishKey{}).(*atomic.Int64); ok {
		return time.Duration(w.Load())
	}
	return 0
}

// attentive notes what the servers wish.
type attentive struct{ http.RoundTripper }

func (t attentive) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(req)
	if w, ok := req.Context().Value(wishKey{}).(*atomic.Int64); ok && err == nil {
		w.Store(int64(retryAfter(resp)))
	}
	return resp, err
}

// retryAfter reads the header's two forms, seconds and a date. The date is compared with
// the server's own clock: nobody knows what the one of this machine says.
func retryAfter(resp *http.Response) time.Duration {
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 1<<30)) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(at.Sub(now), 0)
}
