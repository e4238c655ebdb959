package repository

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// CleanFile checks the name of a file that a repository gives, relative to it.
func CleanFile(name string) (string, error) {
	clean := path.Clean(name)
	bad := strings.IndexFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }) >= 0
	if bad || clean == "." || path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
		return "", fmt.Errorf("the file name %.100q leads out of the repository", name)
	}
	return clean, nil
}

// Join appends a file to the URL of a repository. The file's name is meant literally:
// "%3a" in it is three characters, as apt has it.
func Join(repository, file string) string {
	u := url.URL{Path: file}
	return strings.TrimSuffix(repository, "/") + "/" + strings.TrimPrefix(u.EscapedPath(), "./")
}
