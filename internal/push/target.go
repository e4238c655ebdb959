package push

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// The forms that registries accept
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-manifests).
var (
	pathForm   = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagForm    = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// maxPath is the longest repository name that registries accept.
const maxPath = 255

// Target is a place in a registry. Only the host is always there.
type Target struct {
	Host, Path, Tag, Digest string
}

// ParseTarget reads "HOST[:PORT][/PATH][:TAG][@DIGEST]". Unlike docker it takes
// what is before the first slash for a host, whatever it looks like.
func ParseTarget(text string) (Target, error) {
	t, err := parseTarget(text)
	if err != nil {
		return Target{}, fmt.Errorf("reading registry %q: %w", redactName(text), err)
	}
	return t, nil
}

// redactName leaves out what may be a password.
func redactName(text string) string {
	if i := strings.LastIndexByte(text, '@'); i >= 0 && !digestForm.MatchString(text[i+1:]) {
		return "…" + text[i:]
	}
	return text
}

func parseTarget(text string) (Target, error) {
	if strings.Contains(text, "://") {
		return Target{}, errors.New("it is named without a scheme, such as registry.example.com/bundles; for one that has no TLS add --plain-http")
	}
	rest, digest, hasDigest := strings.Cut(text, "@")
	host, path, hasPath := strings.Cut(rest, "/")
	t := Target{Host: host, Digest: digest}
	var hasTag bool
	if hasPath {
		t.Path, t.Tag, hasTag = strings.Cut(path, ":")
	}
	switch {
	case hasDigest && !hasPath && !digestForm.MatchString(digest):
		return t, errors.New("no user and password belong in it; log in with `docker login`")
	case t.Host == "":
		return t, errors.New("it has no host")
	}
	if _, err := name.NewRegistry(t.Host); err != nil {
		return t, err
	}
	switch {
	case hasPath && (!pathForm.MatchString(t.Path) || len(t.Path) > maxPath):
		return t, fmt.Errorf("%q is no path in a registry: lower-case letters and digits, with . _ - between them, in parts with / between them", t.Path)
	case hasTag && !tagForm.MatchString(t.Tag):
		return t, fmt.Errorf("%q is no tag: letters, digits, . _ and -, at most 128", t.Tag)
	case hasDigest && !digestForm.MatchString(t.Digest):
		return t, fmt.Errorf("%q is no digest: it is not sha256: and 64 lower-case hexadecimal digits", t.Digest)
	case hasDigest && !hasPath:
		return t, errors.New("a digest needs a path before it")
	}
	return t, nil
}

// String is the target as it was read.
func (t Target) String() string {
	text := t.Host
	if t.Path != "" {
		text += "/" + t.Path
	}
	if t.Tag != "" {
		text += ":" + t.Tag
	}
	if t.Digest != "" {
		text += "@" + t.Digest
	}
	return text
}

// place is where below a target an image is stored: its full upstream name behind
// the target's path. The tag is empty if the name has none.
func (t Target) place(image string) (path, tag string, err error) {
	path, tag = splitName(image)
	host, rest, _ := strings.Cut(path, "/")
	if h, _, hasPort := strings.Cut(host, ":"); hasPort {
		return "", "", fmt.Errorf("storing image %q: no registry takes a port in a repository's name; name the image %s/… in the spec, and %q as the mirror of %q in `sources:`", image, h, host, h)
	}
	if t.Path != "" {
		path = t.Path + "/" + path
	}
	if rest == "" || !pathForm.MatchString(path) || len(path) > maxPath || tag != "" && !tagForm.MatchString(tag) {
		return "", "", fmt.Errorf("storing image %q as %q: no registry takes such a name", image, t.Host+"/"+path)
	}
	return path, tag, nil
}

// splitName takes apart "HOST/PATH:TAG@DIGEST", of which the tag and the digest
// may be missing.
func splitName(image string) (path, tag string) {
	path, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(path, ':'); i > strings.LastIndexByte(path, '/') {
		return path[:i], path[i+1:]
	}
	return path, ""
}
