package upstream

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/registry"
)

// hub is how people spell the registry that the library calls index.docker.io.
const hub = "docker.io"

// mirror is a parsed plan.Source.
type mirror struct {
	prefix string
	url    string        // for files: the URL that replaces the prefix
	host   name.Registry // for images
	path   string        // for images: below the host, may be empty
}

// sources are sorted so that the first match is the longest one.
type sources []mirror

func parseSources(list []plan.Source) (sources, error) {
	var all sources
	var problems []error
	for _, s := range list {
		m, err := parseSource(s)
		if err != nil {
			problems = append(problems, fmt.Errorf("mirror %q of %q: %w", registry.Redact(s.Mirror), registry.Redact(s.Prefix), err))
		}
		all = append(all, m)
	}
	slices.SortStableFunc(all, func(a, b mirror) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	return all, errors.Join(problems...)
}

func parseSource(s plan.Source) (mirror, error) {
	m := mirror{prefix: strings.TrimRight(s.Prefix, "/")}
	if m.prefix == "" {
		return m, errors.New("the prefix is empty")
	}
	if strings.Contains(m.prefix, "://") {
		return parseFileMirror(m, s.Mirror)
	}
	return parseImageMirror(m, s.Mirror)
}

func parseFileMirror(m mirror, target string) (mirror, error) {
	if !strings.Contains(target, "://") {
		target = "https://" + target
	}
	u, err := url.Parse(target)
	if err != nil {
		return m, errors.New("the mirror is not a URL")
	}
	isDirectory := u.Scheme == "file" && u.Host == "" && u.Path != ""
	if !isDirectory && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return m, errors.New("a mirror of files begins with https:// or http:// and a host, or with file:/// and a directory")
	}
	m.url = strings.TrimRight(target, "/")
	return m, nil
}

func parseImageMirror(m mirror, target string) (mirror, error) {
	var options []name.Option
	host, plain := strings.CutPrefix(target, "http://")
	if plain {
		options = append(options, name.Insecure)
	}
	host = strings.TrimPrefix(host, "https://")
	host, m.path, _ = strings.Cut(strings.TrimRight(host, "/"), "/")
	if host == "" {
		return m, errors.New("the mirror has no host")
	}
	var err error
	if m.host, err = name.NewRegistry(host, options...); err != nil {
		return m, err
	}
	if m.path != "" {
		_, err = name.NewRepository("registry.invalid/" + m.path)
	}
	return m, err
}

// below returns what follows the prefix in an address, if the prefix ends where
// a segment of the address ends.
func (m mirror) below(address string) (string, bool) {
	rest, ok := strings.CutPrefix(address, m.prefix)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// repository is where to ask for an upstream repository.
func (s sources) repository(upstream name.Repository) name.Repository {
	address := upstream.RegistryStr() + "/" + upstream.RepositoryStr()
	if upstream.RegistryStr() == name.DefaultRegistry {
		address = hub + "/" + upstream.RepositoryStr()
	}
	for _, m := range s {
		if rest, ok := m.below(address); ok && m.url == "" {
			return m.host.Repo(m.path, strings.TrimPrefix(rest, "/"))
		}
	}
	return upstream
}

// file is where to ask for an upstream URL.
func (s sources) file(upstream string) string {
	for _, m := range s {
		if rest, ok := m.below(upstream); ok && m.url != "" {
			return m.url + rest
		}
	}
	return upstream
}
