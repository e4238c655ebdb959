package push

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/satchel-kit/satchel/internal/registry"
)

// session asks one repository.
type session struct {
	*registry.Session
	action string
}

// pushing is the session for writing to a repository.
func (c *Client) pushing(path string) *session { return c.session(path, registry.Push) }

// pulling is the session for reading from a repository.
func (c *Client) pulling(path string) *session { return c.session(path, registry.Pull) }

func (c *Client) session(path, action string) *session {
	s := &session{action: action}
	s.Session = c.servers.Session(c.registry.Repo(path), action, s.advice())
	return s
}

// next is where the registry wants an upload to go on.
func (s *session) next(resp *http.Response) (*url.URL, error) {
	u, err := resp.Location()
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, s.wrong(resp, errors.New("the answer names no place for the upload"))
	}
	// A registry behind a proxy often does not know that the proxy speaks HTTPS.
	if u.Host == s.Repo.RegistryStr() {
		u.Scheme = s.Scheme
	}
	if s.Scheme == "https" && u.Scheme != "https" {
		return nil, s.wrong(resp, errors.New("the answer sends the upload to plain HTTP at "+u.Host))
	}
	return u, nil
}
