package push

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/satchel-kit/satchel/internal/upstream"
)

var errStalled = errors.New("the transfer stands still")

// newTransport makes a transport in which no phase of an exchange can wait for ever.
func newTransport(p Patience, ca string) (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: min(p.Idle, 20*time.Second), KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = min(p.Idle, 20*time.Second)
	t.ResponseHeaderTimeout = p.Answer
	t.MaxIdleConnsPerHost = 2 * Jobs
	t.WriteBufferSize = 128 << 10
	// Digests and ranges are about the bytes as they are stored.
	t.DisableCompression = true
	// A dead HTTP/2 connection would otherwise serve the retries too.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: p.Idle / 2, PingTimeout: p.Idle / 2}
	if ca != "" {
		pool, err := upstream.Roots(ca)
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &watchful{inner: t, wait: p.Idle}, nil
}

// watchful ends an exchange whose content, in either direction, stands still.
type watchful struct {
	inner http.RoundTripper
	wait  time.Duration
}

func (t *watchful) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		// Only while it is sent: after it the registry may think.
		sent, stop := context.WithCancel(ctx)
		defer stop()
		req.Body = watch(sent, req.Body, t.wait, cancel, stop)
	}
	resp, err := t.inner.RoundTrip(req)
	if err != nil {
		if errors.Is(context.Cause(ctx), errStalled) {
			err = errStalled
		}
		cancel(nil)
		return nil, err
	}
	resp.Body = watch(ctx, resp.Body, t.wait, cancel, func() { cancel(nil) })
	return resp, nil
}

// watched is a content that has to move on until its end.
type watched struct {
	io.ReadCloser
	ctx   context.Context
	moved atomic.Bool
	end   func()
}

func watch(ctx context.Context, body io.ReadCloser, wait time.Duration, cancel context.CancelCauseFunc, end func()) *watched {
	w := &watched{ReadCloser: body, ctx: ctx, end: end}
	go func() {
		tick := time.NewTicker(wait)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if !w.moved.Swap(false) {
					cancel(errStalled)
				}
			}
		}
	}()
	return w
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 {
		w.moved.Store(true)
	}
	switch {
	case err == nil:
	case errors.Is(context.Cause(w.ctx), errStalled):
		err = errStalled
	default:
		w.end()
	}
	return n, err
}

func (w *watched) Close() error {
	defer w.end()
	return w.ReadCloser.Close()
}

// checkRedirect follows redirects, but never from https to plain http. Credentials
// do not follow to another host, because only a session adds them, for its own host.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return &redirectError{"it redirects more than 10 times"}
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return &redirectError{fmt.Sprintf("it redirects from https to plain http at %q", req.URL.Host)}
	}
	return nil
}

type redirectError struct{ reason string }

func (e *redirectError) Error() string { return e.reason }

// oneScheme keeps a registry to the scheme that was asked for. By itself the
// library tries plain HTTP for private addresses, and HTTPS first for plain ones.
type oneScheme struct {
	inner  http.RoundTripper
	host   string
	scheme string
}

func (t *oneScheme) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != t.host || req.URL.Scheme == t.scheme {
		return t.inner.RoundTrip(req)
	}
	switch {
	case t.scheme == "https":
		return nil, fmt.Errorf("plain HTTP is not allowed for %q", t.host)
	case req.Response != nil:
		return nil, &redirectError{"it redirects from plain http to https"}
	}
	req = req.Clone(req.Context())
	req.URL.Scheme = t.scheme
	return t.inner.RoundTrip(req)
}
