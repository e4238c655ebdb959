// Package upstream reads what a bundle's content consists of from the registries and
// file servers that it comes from. It finds the mirror to ask and spares servers too many
// transfers at once; it checks what it can check by itself (digests that it was asked
// for, sizes), but it neither stores anything nor knows what a lock is, and it writes
// nowhere.
package upstream

import (
	"crypto/x509"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/registry"
)

// Client may be used from many goroutines.
type Client struct {
	sources sources
	servers *registry.Client
	limits  limits
}

// Of the conversation with servers, the parts that this package's callers see.
type (
	Patience = registry.Patience
	Retry    = registry.Retry
	Sink     = registry.Sink
)

// ErrUnchanged says that a server still has the version that the caller has.
var ErrUnchanged = registry.ErrUnchanged

// Option changes a client's defaults.
type Option func(*registry.Settings)

// WithPatience replaces the default patience.
func WithPatience(p Patience) Option { return func(s *registry.Settings) { s.Patience = p } }

// WithKeychain replaces the credentials of the docker configuration.
func WithKeychain(k authn.Keychain) Option { return func(s *registry.Settings) { s.Keychain = k } }

// WithRoots trusts these certificate authorities instead of the system's.
func WithRoots(p *x509.CertPool) Option { return func(s *registry.Settings) { s.Roots = p } }

// WithNotice has f called before each wait for another attempt, from any goroutine.
func WithNotice(f func(Retry)) Option { return func(s *registry.Settings) { s.Notice = f } }

// New makes a client that asks the sources' mirrors where they apply.
func New(mirrors []plan.Source, options ...Option) (*Client, error) {
	parsed, err := parseSources(mirrors)
	if err != nil {
		return nil, fmt.Errorf("reading the sources: %w", err)
	}
	settings := registry.Defaults()
	for _, set := range options {
		set(&settings)
	}
	return &Client{sources: parsed, servers: registry.New(settings)}, nil
}

// Temporary tells whether an error may be gone later.
func Temporary(err error) bool { return registry.Temporary(err) }

// NotFound tells whether a server answered that it has no such thing.
func NotFound(err error) bool { return registry.NotFound(err) }
