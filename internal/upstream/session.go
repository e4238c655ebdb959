package upstream

import (
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/satchel-kit/satchel/internal/registry"
)

// image is an upstream image name and where it is asked for.
type image struct {
	name string
	ref  name.Reference
	*registry.Session
}

func (c *Client) image(upstream string) (*image, error) {
	ref, err := name.ParseReference(upstream)
	if err != nil {
		return nil, fmt.Errorf("reading image name %q: %w", upstream, err)
	}
	repo := c.sources.repository(ref.Context())
	hint := func(status int, _ string) string { return imageHint(status, repo.RegistryStr()) }
	return &image{name: upstream, ref: ref, Session: c.servers.Session(repo, registry.Pull, advice(upstream, hint))}, nil
}

// file gives who asks for an upstream file, and the address to ask.
func (c *Client) file(upstream string) (s *registry.Session, address string) {
	return c.servers.Files(advice(upstream, fileHint)), c.sources.file(upstream)
}

// advice is for all that is asked under an upstream name.
func advice(upstream string, hint func(status int, words string) string) registry.Advice {
	return registry.Advice{
		Asked: func(address string) string {
			if address == upstream {
				return fmt.Sprintf("fetching %q", registry.Redact(upstream))
			}
			return fmt.Sprintf("fetching %q from %s", registry.Redact(upstream), registry.Redact(address))
		},
		Status:    hint,
		PlainHTTP: "if plain HTTP is meant, begin the mirror in `sources:` with http://",
		NoHost:    "check the name and the network, or name a mirror in `sources:`",
		Away:      "name another mirror in `sources:`",
		Silence:   "check the network, or name a mirror in `sources:`",
	}
}

func imageHint(status int, host string) string {
	switch {
	case status == http.StatusNotFound:
		return "the name or tag does not exist there"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Sprintf("check the name; if it is private, log in with `docker login %s`", host)
	case status == http.StatusTooManyRequests:
		return fmt.Sprintf("rate limit: try again later, or log in with `docker login %s`", host)
	case status >= 500:
		return "try again later, or name a mirror in `sources:`"
	}
	return ""
}

func fileHint(status int, _ string) string {
	switch {
	case status == http.StatusNotFound:
		return "there is no such file; check the version, or name a mirror in `sources:`"
	case status == http.StatusTooManyRequests || status >= 500:
		return "try again later, or name a mirror in `sources:`"
	}
	return "check the version, or name a mirror in `sources:`"
}
