package upstream

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// session is a login for pulling from one repository. Tokens are for one
// repository each, so that is what it is kept by.
type session struct {
	repo   name.Repository
	scheme string

	mu     sync.Mutex
	client *http.Client // nil until the login succeeded
}

// image is an upstream image name and where it is asked for.
type image struct {
	name string
	ref  name.Reference
	*session
}

func (c *Client) image(upstream string) (*image, error) {
	ref, err := name.ParseReference(upstream)
	if err != nil {
		return nil, fmt.Errorf("reading image name %q: %w", upstream, err)
	}
	return &image{name: upstream, ref: ref, session: c.session(ref.Context())}, nil
}

func (c *Client) session(upstream name.Repository) *session {
	repo := c.sources.repository(upstream)
	s := &session{repo: repo, scheme: "https"}
	// The library calls private addresses plain HTTP too. Only what carries the
	// option, as a mirror with http:// does, is the same as with it.
	if plain, err := name.NewRegistry(repo.RegistryStr(), name.Insecure); err == nil && plain == repo.Registry {
		s.scheme = "http"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := s.scheme + "://" + repo.Name()
	if known, ok := c.sessions[key]; ok {
		return known
	}
	c.sessions[key] = s
	return s
}

// url is the address of a "manifests" or "blobs" resource.
func (s *session) url(kind, id string) string {
	u := url.URL{Scheme: s.scheme, Host: s.repo.RegistryStr(), Path: "/v2/" + s.repo.RepositoryStr() + "/" + kind + "/" + id}
	return u.String()
}

// login returns the client that carries the session's credentials. Several that
// need it at once wait for one login.
func (c *Client) login(ctx context.Context, s *session) (*http.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	auth, err := authn.Resolve(ctx, c.keychain, s.repo)
	if err != nil {
		return nil, &keychainError{err}
	}
	base := &oneScheme{inner: c.base, host: s.repo.RegistryStr(), scheme: s.scheme}
	t, err := transport.NewWithContext(ctx, s.repo.Registry, auth, base, []string{s.repo.Scope(transport.PullScope)})
	if err != nil {
		return nil, err
	}
	s.client = &http.Client{Transport: t, CheckRedirect: checkRedirect}
	return s.client, nil
}

// keychainError says that the docker configuration or a helper of it is broken.
type keychainError struct{ err error }

func (e *keychainError) Error() string {
	return "reading credentials from the docker configuration: " + e.err.Error()
}
func (e *keychainError) Unwrap() error { return e.err }
