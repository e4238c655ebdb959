// Package push stores bundles in registries and gets them back: a bundle's images,
// each under the name by which hosts pull it, or a whole bundle as one OCI artifact.
//
// It is the only package that writes to a registry. It speaks to one registry at a
// time, sends nothing that is there already, and checks every byte against
// bundle.json on its way out and in. It keeps no content in memory, changes no
// bundle, follows no sources and mirrors, and takes credentials from nowhere but
// the docker configuration.
package push

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Jobs is a good number of transfers at once, over all repositories together.
const Jobs = 8

// Client talks to one registry. It may be used from many goroutines.
type Client struct {
	registry name.Registry
	scheme   string
	patience Patience
	notice   func(Retry)
	ca       string
	base     http.RoundTripper

	mu       sync.Mutex
	sessions map[string]*session // by scope
}

// Patience says how long a client puts up with a registry.
type Patience struct {
	// Idle is how long a transfer may stand still.
	Idle time.Duration
	// Answer is how long the registry may think before it answers: at the end of a
	// large upload it may copy all of it.
	Answer time.Duration
	// Tries is how many attempts in a row may fail without progress.
	Tries int
	// Pause is the first wait between attempts; it doubles from one to the next.
	Pause time.Duration
	// Longest is the longest wait that a registry may ask for (Retry-After).
	Longest time.Duration
}

// Option changes a client's defaults.
type Option func(*Client)

// WithPlainHTTP has the registry asked over HTTP instead of HTTPS.
func WithPlainHTTP() Option { return func(c *Client) { c.scheme = "http" } }

// WithCA trusts the certificates in a PEM file, beside those of the system.
func WithCA(file string) Option { return func(c *Client) { c.ca = file } }

// WithPatience replaces the default patience.
func WithPatience(p Patience) Option { return func(c *Client) { c.patience = p } }

// WithNotice has f called before each wait for another attempt, from any goroutine.
func WithNotice(f func(Retry)) Option { return func(c *Client) { c.notice = f } }

// New makes a client of the registry at host, without asking it anything. Proxies
// come from the environment (HTTPS_PROXY).
func New(host string, options ...Option) (*Client, error) {
	c := &Client{
		scheme:   "https",
		patience: Patience{Idle: time.Minute, Answer: 5 * time.Minute, Tries: 6, Pause: 500 * time.Millisecond, Longest: 2 * time.Minute},
		notice:   func(Retry) {},
		sessions: map[string]*session{},
	}
	for _, set := range options {
		set(c)
	}
	var plain []name.Option
	if c.scheme == "http" {
		plain = append(plain, name.Insecure)
	}
	var err error
	if c.registry, err = name.NewRegistry(host, plain...); err != nil {
		return nil, fmt.Errorf("reading registry %q: %w", host, err)
	}
	t, err := newTransport(c.patience, c.ca)
	if err != nil {
		return nil, err
	}
	c.base = transport.NewUserAgent(t, "satchel")
	return c, nil
}
