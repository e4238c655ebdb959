package registry

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// What a session may do in its repository.
const (
	Pull = transport.PullScope
	Push = transport.PushScope
)

// Session asks one repository of a registry, or servers of files.
type Session struct {
	// Repo and Scheme are where a registry is asked.
	Repo   name.Repository
	Scheme string

	scope  string
	client *Client
	login  *login
	advice Advice
}

// login is what sessions with the same repository and for the same action share. Tokens
// are for one repository each.
type login struct {
	turn   chan struct{} // has room for the one who logs in
	client *http.Client  // nil until the login succeeded
}

func newLogin() *login { return &login{turn: make(chan struct{}, 1)} }

// Session is one with a repository, for an action. Only a registry that was named with
// the option name.Insecure is asked by plain HTTP.
func (c *Client) Session(repo name.Repository, action string, a Advice) *Session {
	s := &Session{Repo: repo, Scheme: "https", scope: repo.Scope(action), client: c, advice: a}
	// The library calls private addresses plain HTTP too. Only what carries the option
	// is the same as with it.
	if plain, err := name.NewRegistry(repo.RegistryStr(), name.Insecure); err == nil && plain == repo.Registry {
		s.Scheme = "http"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := s.Scheme + "://" + repo.RegistryStr() + " " + s.scope
	if c.logins[key] == nil {
		c.logins[key] = newLogin()
	}
	s.login = c.logins[key]
	return s
}

// Files is a session with servers of files, which know no login. A directory of this
// machine (file:///) is one of them.
func (c *Client) Files(a Advice) *Session {
	l := newLogin()
	l.client = &http.Client{Transport: withDirectories{c.base}, CheckRedirect: checkRedirect}
	return &Session{client: c, advice: a, login: l}
}

// URL is the address of something in the repository, such as "blobs/DIGEST".
func (s *Session) URL(what string) string {
	u := url.URL{Scheme: s.Scheme, Host: s.Repo.RegistryStr(), Path: "/v2/" + s.Repo.RepositoryStr() + "/" + what}
	return u.String()
}

// open gives the client that carries the session's credentials. Several that need it at
// once wait for one login.
func (s *Session) open(ctx context.Context) (*http.Client, error) {
	select {
	case s.login.turn <- struct{}{}:
		defer func() { <-s.login.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.login.client != nil {
		return s.login.client, nil
	}
	auth, err := authn.Resolve(ctx, s.client.settings.Keychain, s.Repo)
	if err != nil {
		return nil, err
	}
	base := &oneScheme{inner: s.client.base, host: s.Repo.RegistryStr(), scheme: s.Scheme}
	t, err := transport.NewWithContext(ctx, s.Repo.Registry, auth, base, []string{s.scope})
	if err != nil {
		return nil, err
	}
	s.login.client = &http.Client{Transport: t, CheckRedirect: checkRedirect}
	return s.login.client, nil
}

// Send sends a request and gives the answer, whose status is one of those wanted. Its
// body must be closed.
func (s *Session) Send(req *http.Request, wanted ...int) (*http.Response, error) {
	req = req.WithContext(withWish(req.Context()))
	client, err := s.open(req.Context())
	var resp *http.Response
	if err == nil {
		resp, err = client.Do(req)
	}
	if err != nil {
		return nil, s.failure(req.Context(), req.Method, req.URL.String(), err)
	}
	if slices.Contains(wanted, resp.StatusCode) {
		return resp, nil
	}
	defer Done(resp)
	return nil, s.refusal(req, resp)
}

// Get is Send for a request to read. The answer's body must be closed.
func (s *Session) Get(ctx context.Context, address string, header http.Header, wanted ...int) (*http.Response, error) {
	return s.send(ctx, http.MethodGet, address, header, wanted)
}

// Ask is Send for a request without content whose answer is all in the header.
func (s *Session) Ask(ctx context.Context, method, address string, header http.Header, wanted ...int) (*http.Response, error) {
	resp, err := s.send(ctx, method, address, header, wanted)
	if err == nil {
		Done(resp)
	}
	return resp, err
}

func (s *Session) send(ctx context.Context, method, address string, header http.Header, wanted []int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, s.Wrong(method, address, errors.New("the address is not a URL"))
	}
	maps.Copy(req.Header, header)
	return s.Send(req, wanted...)
}

// Done reads what is left of a short answer, so that its connection can be used again.
func Done(resp *http.Response) {
	io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}
