package manifest

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// What go-containerregistry lets pass and a container runtime refuses: the
// grammar of github.com/distribution/reference.
var (
	hostPattern = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(:[0-9]+)?$`)
	pathPattern = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagPattern  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
)

// fullName is an image's full reference: with host, and with tag or digest.
func fullName(written string) (string, error) {
	ref, err := name.ParseReference(written)
	if err != nil || !runtimeTakes(ref) {
		return "", fmt.Errorf("image %q is not an image reference%s; write it as HOST/PATH:TAG, such as registry.k8s.io/pause:3.9", written, because(written))
	}
	if rest, ok := strings.CutPrefix(ref.Name(), name.DefaultRegistry+"/"); ok {
		return "docker.io/" + rest, nil
	}
	return ref.Name(), nil
}

func runtimeTakes(ref name.Reference) bool {
	if _, digest := ref.(name.Digest); !digest && !tagPattern.MatchString(ref.Identifier()) {
		return false
	}
	return hostPattern.MatchString(ref.Context().RegistryStr()) && pathPattern.MatchString(ref.Context().RepositoryStr())
}

// because names the usual reasons.
func because(written string) string {
	_, path, _ := strings.Cut(written, "/")
	if path == "" {
		path = written
	}
	path, _, _ = strings.Cut(path, ":")
	switch {
	case strings.Contains(written, "://"):
		return ": it must not begin with a scheme such as https://"
	case strings.ContainsAny(written, " \t\r\n"):
		return ": it has a space in it"
	case strings.HasSuffix(written, ":"):
		return ": the tag after the colon is missing"
	case strings.ToLower(path) != path:
		return ": its path has capital letters"
	}
	return ""
}

// hasHost tells a reference that names its registry from one that leaves it to
// the container runtime.
func hasHost(written string) bool {
	host, _, ok := strings.Cut(written, "/")
	return ok && (host == "localhost" || strings.ContainsAny(host, ".:"))
}

// isTemplate finds what a template engine should have replaced: Helm and Jinja,
// environment variables, kustomize's and Kubernetes' own.
func isTemplate(value string) bool {
	for _, mark := range []string{"{{", "{%", "${", "$("} {
		if strings.Contains(value, mark) {
			return true
		}
	}
	return false
}

const renderFirst = "render the template first, for instance with helm template"
