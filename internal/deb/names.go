package deb

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// providedNames are the names in a field Provides. What is wrong in the field is found
// when the package is asked for.
func providedNames(value string) []string {
	var names []string
	for one := range strings.SplitSeq(value, ",") {
		if end := strings.IndexAny(one, "(:"); end >= 0 {
			one = one[:end]
		}
		if one = strings.TrimSpace(one); one != "" {
			names = append(names, one)
		}
	}
	return names
}

// cleanFile checks the name of a file that a repository gives, relative to it.
func cleanFile(name string) (string, error) {
	clean := path.Clean(name)
	bad := strings.IndexFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }) >= 0
	if bad || clean == "." || path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
		return "", fmt.Errorf("the file name %.100q leads out of the repository", name)
	}
	return clean, nil
}

// join appends a file to the URL of a repository. The file's name is meant literally:
// "%3a" in it is three characters, as apt has it.
func join(repository, file string) string {
	u := url.URL{Path: file}
	return strings.TrimSuffix(repository, "/") + "/" + u.EscapedPath()
}
