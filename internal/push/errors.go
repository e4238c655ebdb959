package push

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/satchel-kit/satchel/internal/registry"
)

// errDamaged says that a bundle does not have what its bundle.json lists.
var errDamaged = errors.New("verify the bundle")

// advice is for all that is asked of the session's repository.
func (s *session) advice() registry.Advice {
	return registry.Advice{
		Status: func(status int, words string) string {
			if s.Scheme == "http" && status == http.StatusBadRequest && saysTLS(words) {
				return "the registry has TLS: leave out --plain-http"
			}
			return s.hint(status)
		},
		PlainHTTP: "the registry has no TLS; if plain HTTP is meant, add --plain-http",
		NoHost:    "check the registry's name and the network",
		Away:      "name the registry itself; with --plain-http, leave that out if it has TLS",
		Silence:   "check the registry and the network",
		Wrong:     "is this a registry?",
	}
}

// wrong describes an answer that makes no sense.
func (s *session) wrong(resp *http.Response, err error) error {
	return s.Wrong(resp.Request.Method, resp.Request.URL.String(), err)
}

// saysTLS recognises what servers in Go and nginx say to plain HTTP on a port of
// HTTPS.
func saysTLS(words string) bool {
	return strings.Contains(words, "HTTP request to an HTTPS server") || strings.Contains(words, "HTTP request was sent to HTTPS port")
}

func (s *session) hint(status int) string {
	host := s.Repo.RegistryStr()
	path := s.Repo.RepositoryStr()
	project, _, _ := strings.Cut(path, "/")
	reading := s.action == registry.Pull
	switch {
	case status == http.StatusUnauthorized:
		return fmt.Sprintf("log in with `docker login %s`", host)
	case status == http.StatusForbidden && reading:
		return fmt.Sprintf("log in with `docker login %s` as a user who may read %q", host, path)
	case status == http.StatusForbidden:
		return fmt.Sprintf("log in with `docker login %s` as a user who may push to %q; Harbor must have the project %q", host, path, project)
	case status == http.StatusNotFound && reading:
		return "check the name and the tag"
	case status == http.StatusNotFound:
		return fmt.Sprintf("check the registry's name; Harbor must have the project %q", project)
	case status == http.StatusMethodNotAllowed:
		return "the registry is read-only, or nothing that one can push to"
	case status == http.StatusRequestEntityTooLarge:
		return "the registry, or a proxy before it, limits the size of uploads: raise that limit"
	case status == http.StatusTooManyRequests || status >= 500:
		return "try again later; what has arrived is not sent again"
	}
	return ""
}
