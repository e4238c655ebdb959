// Package upstream talks to the registries and file servers that a bundle's
// content comes from. It is the only package that does. It finds the mirror to
// ask, logs in, retries and resumes; it checks what it can check by itself
// (digests that it was asked for, sizes), but it neither stores anything nor
// knows what a lock is.
package upstream

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/satchel-kit/satchel/internal/plan"
)

// Client may be used from many goroutines.
type Client struct {
	sources  sources
	keychain authn.Keychain
	patience Patience
	notice   func(Retry)
	base     http.RoundTripper
	files    *http.Client

	roots  *x509.CertPool // nil for the system's
	limits limits

	mu       sync.Mutex
	sessions map[string]*session // by repository
}

// Patience says how long a client puts up with a server.
type Patience struct {
	// Idle is how long a server may send next to nothing.
	Idle time.Duration
	// Tries is how many attempts in a row may fail without progress.
	Tries int
	// Pause is the first wait between attempts; it doubles from one to the next.
	Pause time.Duration
	// Longest is the longest wait that a server may ask for (Retry-After).
	Longest time.Duration
}

// Option changes a client's defaults.
type Option func(*Client)

// WithPatience replaces the default patience.
func WithPatience(p Patience) Option { return func(c *Client) { c.patience = p } }

// WithKeychain replaces the credentials of the docker configuration.
func WithKeychain(k authn.Keychain) Option { return func(c *Client) { c.keychain = k } }

// WithRoots trusts these certificate authorities instead of the system's.
func WithRoots(p *x509.CertPool) Option { return func(c *Client) { c.roots = p } }

// WithNotice has f called before each wait for another attempt, from any goroutine.
func WithNotice(f func(Retry)) Option { return func(c *Client) { c.notice = f } }

// New makes a client that asks the sources' mirrors where they apply.
// Credentials come from the docker configuration and its helpers, proxies and
// additional CAs from the environment (HTTPS_PROXY, SSL_CERT_FILE).
func New(mirrors []plan.Source, options ...Option) (*Client, error) {
	parsed, err := parseSources(mirrors)
	if err != nil {
		return nil, fmt.Errorf("reading the sources: %w", err)
	}
	c := &Client{
		sources:  parsed,
		keychain: authn.DefaultKeychain,
		patience: Patience{Idle: time.Minute, Tries: 6, Pause: 500 * time.Millisecond, Longest: 2 * time.Minute},
		notice:   func(Retry) {},
		sessions: map[string]*session{},
	}
	for _, set := range options {
		set(c)
	}
	c.base = transport.NewUserAgent(newTransport(c.patience.Idle, c.roots), "satchel")
	c.files = &http.Client{Transport: c.base, CheckRedirect: checkRedirect}
	return c, nil
}
