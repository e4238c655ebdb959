package registry

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// newTransport makes a transport in which no phase of an exchange can wait for ever:
// dialling, the TLS handshake, the header, and (see watchful) the content.
func newTransport(p Patience, roots *x509.CertPool) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: min(p.Idle, 20*time.Second), KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = min(p.Idle, 20*time.Second)
	t.ResponseHeaderTimeout = cmp.Or(p.Answer, p.Idle)
	t.MaxIdleConnsPerHost = 16
	t.WriteBufferSize = 128 << 10
	// Digests and ranges are about the bytes as they are stored.
	t.DisableCompression = true
	if roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	// A dead HTTP/2 connection would otherwise serve the retries too.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: p.Idle / 2, PingTimeout: p.Idle / 2}
	return transport.NewUserAgent(attentive{&watchful{inner: t, wait: p.Idle}}, "satchel")
}

// withDirectories reads file:/// addresses from this machine. Sessions with registries
// do without it: no answer of theirs can make them read a file.
type withDirectories struct{ http.RoundTripper }

func (t withDirectories) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "file" {
		return http.NewFileTransport(http.Dir("/")).RoundTrip(req)
	}
	return t.RoundTripper.RoundTrip(req)
}

// checkRedirect follows redirects, but never from https to plain http: what has no
// digest yet would lose the only protection that it has. Credentials do not follow to
// another host, because only a session adds them, for its own host.
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

// oneScheme keeps a registry to the scheme that was asked for. By itself the library
// tries plain HTTP for private addresses, and HTTPS first for plain ones.
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
