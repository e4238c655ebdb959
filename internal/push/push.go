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
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/satchel-kit/satchel/internal/registry"
)

// Jobs is a good number of transfers at once, over all repositories together.
const Jobs = 8

// Client talks to one registry. It may be used from many goroutines.
type Client struct {
	registry name.Registry
	servers  *registry.Client
}

// Of the conversation with a registry, the parts that this package's callers see.
type (
	Patience = registry.Patience
	Retry    = registry.Retry
)

// Option changes a client's defaults.
type Option func(*settings)

type settings struct {
	registry.Settings
	host []name.Option
	ca   string
}

// WithPlainHTTP has the registry asked over HTTP instead of HTTPS.
func WithPlainHTTP() Option { return func(s *settings) { s.host = []name.Option{name.Insecure} } }

// WithCA trusts the certificates in a PEM file, beside those of the system.
func WithCA(file string) Option { return func(s *settings) { s.ca = file } }

// WithPatience replaces the default patience.
func WithPatience(p Patience) Option { return func(s *settings) { s.Patience = p } }

// WithNotice has f called before each wait for another attempt, from any goroutine.
func WithNotice(f func(Retry)) Option { return func(s *settings) { s.Notice = f } }

// New makes a client of the registry at host, without asking it anything.
func New(host string, options ...Option) (*Client, error) {
	s := settings{Settings: registry.Defaults()}
	// At the end of a large upload a registry may copy all of it.
	s.Patience.Answer = 5 * time.Minute
	for _, set := range options {
		set(&s)
	}
	to, err := name.NewRegistry(host, s.host...)
	if err != nil {
		return nil, fmt.Errorf("reading registry %q: %w", host, err)
	}
	if s.ca != "" {
		if s.Roots, err = registry.Roots(s.ca); err != nil {
			return nil, err
		}
	}
	return &Client{registry: to, servers: registry.New(s.Settings)}, nil
}
