package side

import (
	"slices"
	"strings"
)

// ParseEnv reads the NAME='VALUE' lines of a host.env. Nothing is run: what is not of
// that form, as satchel writes it, is passed over.
func ParseEnv(text string) map[string]string {
	env := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok || name == "" || strings.ContainsAny(name, " \t#'\"$`") {
			continue
		}
		if value, ok = unquote(value); ok {
			env[name] = value
		}
	}
	return env
}

// unquote takes the quotes off a word in single quotes, as the shell does.
func unquote(word string) (string, bool) {
	const quote = `'\''`
	if len(word) < 2 || word[0] != '\'' || word[len(word)-1] != '\'' {
		return "", false
	}
	parts := strings.Split(word[1:len(word)-1], quote)
	if slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(p, "'") }) {
		return "", false
	}
	return strings.Join(parts, "'"), true
}

// anyEnv is the host.env of the first host by name.
func (s *Side) anyEnv() string {
	first := ""
	for path := range s.Texts {
		if strings.HasPrefix(path, "hosts/") && strings.HasSuffix(path, "/host.env") && (first == "" || path < first) {
			first = path
		}
	}
	return s.Texts[first].Data
}
