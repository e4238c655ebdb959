package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// trickle is the least that a server must send in each idle period. Without a
// floor, a byte now and then would hold a connection for ever.
const trickle = 4 << 10

var errStalled = errors.New("the server stopped sending")

// newTransport makes a transport in which no phase of an exchange can wait for
// ever: dialling, the TLS handshake, the header, and (see idle) the body.
func newTransport(wait time.Duration, roots *x509.CertPool) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: min(wait, 20*time.Second), KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = min(wait, 20*time.Second)
	t.ResponseHeaderTimeout = wait
	t.MaxIdleConnsPerHost = 16
	// Digests and ranges are about the bytes as they are stored.
	t.DisableCompression = true
	if roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	// A mirror may be a directory of this machine.
	t.RegisterProtocol("file", http.NewFileTransport(http.Dir("/")))
	// A dead HTTP/2 connection would otherwise serve the retries too.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: wait / 2, PingTimeout: wait / 2}
	return &idleTransport{inner: t, wait: wait}
}

// idleTransport ends an exchange whose body comes in too slowly.
type idleTransport struct {
	inner http.RoundTripper
	wait  time.Duration
}

func (t *idleTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := t.inner.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	b := &idleBody{inner: resp.Body, ctx: ctx, cancel: cancel}
	b.timer = time.AfterFunc(t.wait, func() { b.check(t.wait) })
	resp.Body = b
	return resp, nil
}

type idleBody struct {
	inner  io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	recent atomic.Int64 // bytes since the last check
}

func (b *idleBody) check(wait time.Duration) {
	if b.recent.Swap(0) < trickle {
		b.cancel(errStalled)
		return
	}
	b.timer.Reset(wait)
}

func (b *idleBody) Read(p []byte) (int, error) {
	n, err := b.inner.Read(p)
	b.recent.Add(int64(n))
	if err != nil && err != io.EOF && errors.Is(context.Cause(b.ctx), errStalled) {
		err = errStalled
	}
	return n, err
}

func (b *idleBody) Close() error {
	b.timer.Stop()
	defer b.cancel(nil)
	return b.inner.Close()
}

// checkRedirect follows redirects, but never from https to plain http: what has
// no digest yet would lose the only protection that it has. Credentials do not
// follow to another host, because only a session adds them, for its own host.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return &redirectError{"it redirects more than 10 times"}
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return &redirectError{fmt.Sprintf("it redirects from https to plain http at %q", req.URL.Host)}
	}
	if req.URL.Scheme != "https" && req.URL.Scheme != "http" {
		return &redirectError{fmt.Sprintf("it redirects to a %s: address", req.URL.Scheme)}
	}
	return nil
}

type redirectError struct{ reason string }

func (e *redirectError) Error() string { return e.reason }

// oneScheme keeps a registry to the scheme that its name says. By itself the
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
	if t.scheme == "https" {
		return nil, fmt.Errorf("plain HTTP is not allowed for %q", t.host)
	}
	req = req.Clone(req.Context())
	req.URL.Scheme = t.scheme
	return t.inner.RoundTrip(req)
}
