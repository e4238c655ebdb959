package derive

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/satchel-kit/satchel/internal/plan"
)

// Check finds everything that a recipe must not say.
func Check(r *plan.Recipe) error {
	problems := append(checkFiles(r.Files), checkEnv(r.Env)...)
	for _, p := range r.Ports {
		if !isPort(p) {
			problems = append(problems, fmt.Errorf("port %q is not such as \"8000/tcp\", with tcp, udp or sctp", p))
		}
	}
	if r.WorkingDir != "" && !path.IsAbs(r.WorkingDir) {
		problems = append(problems, fmt.Errorf("working directory %q is not absolute", r.WorkingDir))
	}
	return errors.Join(problems...)
}

func checkFiles(files []plan.RecipeFile) (problems []error) {
	seen := map[string]bool{}
	for _, f := range files {
		err := checkPath(f.Path)
		switch {
		case err != nil:
		case seen[f.Path]:
			err = errors.New("it is there twice")
		case f.Mode&^0o7777 != 0:
			err = fmt.Errorf("its mode %#o has more than permission bits", f.Mode)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("file %q: %w", f.Path, err))
		}
		seen[f.Path] = true
	}
	for _, f := range files {
		for _, dir := range parents(f.Path) {
			if seen[dir] {
				problems = append(problems, fmt.Errorf("file %q: it is below %q, which is a file", f.Path, dir))
			}
		}
	}
	return problems
}

func checkPath(p string) error {
	switch {
	case !path.IsAbs(p):
		return errors.New("the path is not absolute")
	case p == "/" || path.Clean(p) != p:
		return errors.New("the path is not that of a file in its shortest form, without \"..\", \".\", \"//\" and a slash at the end")
	case !utf8.ValidString(p) || strings.ContainsFunc(p, unicode.IsControl):
		return errors.New("the path has a control character, or is not UTF-8")
	}
	for name := range strings.SplitSeq(p[1:], "/") {
		if strings.HasPrefix(name, ".wh.") {
			return errors.New("a name that begins with \".wh.\" deletes a file of the layers below")
		}
	}
	for _, dir := range foreign {
		if p == dir.path || strings.HasPrefix(p, dir.path+"/") {
			return fmt.Errorf("%s %s", dir.path, dir.why)
		}
	}
	return nil
}

// foreign are directories whose files would not be where the recipe has them. A
// layer does not follow the links of the layers below: a directory "bin" in it
// takes the place of the link, and every program of the base is gone.
var foreign = []struct{ path, why string }{
	{"/bin", "is a link in many base images, and would be replaced by a directory: take /usr/bin or /usr/local/bin"},
	{"/sbin", "is a link in many base images, and would be replaced by a directory: take /usr/sbin or /usr/local/sbin"},
	{"/lib", "is a link in many base images, and would be replaced by a directory: take /usr/lib or /usr/local/lib"},
	{"/lib32", "is a link in many base images, and would be replaced by a directory: take /usr/local/lib"},
	{"/lib64", "is a link in many base images, and would be replaced by a directory: take /usr/local/lib"},
	{"/libx32", "is a link in many base images, and would be replaced by a directory: take /usr/local/lib"},
	{"/var/run", "is a link in many base images, and would be replaced by a directory: take /run"},
	{"/var/lock", "is a link in many base images, and would be replaced by a directory: take /run/lock"},
	{"/dev", "is hidden by the runtime's own"},
	{"/proc", "is hidden by the runtime's own"},
	{"/sys", "is hidden by the runtime's own"},
}

func checkEnv(env []string) (problems []error) {
	seen := map[string]bool{}
	for _, e := range env {
		name, _, ok := strings.Cut(e, "=")
		switch {
		case !ok || name == "" || strings.ContainsRune(e, 0):
			// Not the value, which may be secret.
			problems = append(problems, fmt.Errorf("environment variable %q is not NAME=VALUE", name))
		case seen[name]:
			problems = append(problems, fmt.Errorf("environment variable %q is there twice", name))
		}
		seen[name] = true
	}
	return problems
}

var portPattern = regexp.MustCompile(`^([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])/(tcp|udp|sctp)$`)

func isPort(s string) bool { return portPattern.MatchString(s) }

// Digest names what a recipe puts above its base, in whatever order it lists it.
// The base is not part of it.
func Digest(r *plan.Recipe) string {
	type file struct {
		Path, SHA256 string
		Mode         int64
	}
	content := struct {
		Files               []file
		Entrypoint, Command []string // null is not the same as none
		Env, Ports          []string
		WorkingDir, User    string
		Labels              map[string]string
	}{
		Entrypoint: r.Entrypoint, Command: r.Command,
		Env: sorted(r.Env), Ports: sorted(r.Ports),
		WorkingDir: r.WorkingDir, User: r.User, Labels: map[string]string{},
	}
	for _, f := range sortedFiles(r.Files) {
		content.Files = append(content.Files, file{Path: f.Path, SHA256: fmt.Sprintf("%x", sha256.Sum256(f.Data)), Mode: f.Mode})
	}
	for name, value := range r.Labels {
		content.Labels[name] = value // so that none is the same as null
	}
	data, err := json.Marshal(content)
	if err != nil {
		panic(err) // these types can always be encoded
	}
	return newBlob(data).Digest
}

func sorted(list []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}
