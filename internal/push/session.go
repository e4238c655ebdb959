package push

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// session is a login to one repository. Tokens are for one repository each.
type session struct {
	client *Client
	repo   name.Repository
	scope  string

	mu   sync.Mutex
	http *http.Client // nil until the login succeeded
}

// pushing is the session for writing to a repository.
func (c *Client) pushing(path string) *session { return c.session(path, transport.PushScope) }

// pulling is the session for reading from a repository.
func (c *Client) pulling(path string) *session { return c.session(path, transport.PullScope) }

func (c *Client) session(path, action string) *session {
	repo := c.registry.Repo(path)
	c.mu.Lock()
	defer c.mu.Unlock()
	scope := repo.Scope(action)
	if known, found := c.sessions[scope]; found {
		return known
	}
	s := &session{client: c, repo: repo, scope: scope}
	c.sessions[scope] = s
	return s
}

// path is the repository's name below the registry.
func (s *session) path() string { return s.repo.RepositoryStr() }

// url is the address of something in the repository, such as "blobs/DIGEST".
func (s *session) url(what string) string {
	u := url.URL{Scheme: s.client.scheme, Host: s.repo.RegistryStr(), Path: "/v2/" + s.path() + "/" + what}
	return u.String()
}

// login gives the client that carries the session's credentials. Several that need
// it at once wait for one login.
func (s *session) login(ctx context.Context) (*http.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		return s.http, nil
	}
	auth, err := authn.Resolve(ctx, authn.DefaultKeychain, s.repo)
	if err != nil {
		return nil, &keychainError{err}
	}
	base := &oneScheme{inner: s.client.base, host: s.repo.RegistryStr(), scheme: s.client.scheme}
	t, err := transport.NewWithContext(ctx, s.repo.Registry, auth, base, []string{s.scope})
	if err != nil {
		return nil, err
	}
	s.http = &http.Client{Transport: t, CheckRedirect: checkRedirect}
	return s.http, nil
}

// send sends a request and gives the answer, whose status is one of those wanted.
// Its body must be closed.
func (s *session) send(req *http.Request, wanted ...int) (*http.Response, error) {
	client, err := s.login(req.Context())
	if err != nil {
		return nil, s.failure(req, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, s.failure(req, err)
	}
	for _, status := range wanted {
		if resp.StatusCode == status {
			return resp, nil
		}
	}
	defer done(resp)
	return nil, s.refusal(req, resp)
}

// ask is send for a request without content whose answer is all in the header.
func (s *session) ask(ctx context.Context, method, address string, header http.Header, wanted ...int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	for key, values := range header {
		req.Header[key] = values
	}
	resp, err := s.send(req, wanted...)
	if err == nil {
		done(resp)
	}
	return resp, err
}

// done reads what is left of a short answer, so that its connection can be used
// again.
func done(resp *http.Response) {
	io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}

// next is where the registry wants an upload to go on.
func (s *session) next(resp *http.Response) (*url.URL, error) {
	u, err := resp.Location()
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, s.bad(resp, errors.New("the answer names no place for the upload"))
	}
	// A registry behind a proxy often does not know that the proxy speaks HTTPS.
	if u.Host == s.repo.RegistryStr() {
		u.Scheme = s.client.scheme
	}
	if s.client.scheme == "https" && u.Scheme != "https" {
		return nil, s.bad(resp, errors.New("the answer sends the upload to plain HTTP at "+u.Host))
	}
	return u, nil
}

// keychainError says that the docker configuration or a helper of it is broken.
type keychainError struct{ err error }

func (e *keychainError) Error() string {
	return "reading credentials from the docker configuration: " + e.err.Error()
}
func (e *keychainError) Unwrap() error { return e.err }
