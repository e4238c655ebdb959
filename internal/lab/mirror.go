//go:build lab && linux

package lab

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	suite         = "bookworm"
	defaultMirror = "http://deb.debian.org/debian"
)

// mirror is where this machine itself gets Debian from, so that a site's own
// mirror is used for the lab too.
func mirror(etcApt string) string {
	files := []string{filepath.Join(etcApt, "sources.list")}
	for _, pattern := range []string{"*.list", "*.sources"} {
		more, _ := filepath.Glob(filepath.Join(etcApt, "sources.list.d", pattern)) // the pattern is good
		files = append(files, more...)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		parse := parseList
		if strings.HasSuffix(file, ".sources") {
			parse = parseSources
		}
		if uri := parse(string(content)); uri != "" {
			return uri
		}
	}
	return defaultMirror
}

// parseList finds the suite in the one-line format:
// "deb [OPTIONS] URI SUITE COMPONENT...".
func parseList(content string) string {
	for line := range strings.Lines(content) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "deb" {
			continue
		}
		f = f[1:]
		if len(f) > 0 && strings.HasPrefix(f[0], "[") {
			end := slices.IndexFunc(f, func(word string) bool { return strings.HasSuffix(word, "]") })
			f = f[end+1:]
		}
		if len(f) > 2 && f[1] == suite && slices.Contains(f[2:], "main") {
			return f[0]
		}
	}
	return ""
}

// parseSources finds the suite in the format of paragraphs with fields.
func parseSources(content string) string {
	for paragraph := range strings.SplitSeq(content, "\n\n") {
		fields := map[string][]string{}
		for line := range strings.Lines(paragraph) {
			name, value, ok := strings.Cut(line, ":")
			if ok && !strings.HasPrefix(name, "#") {
				fields[name] = strings.Fields(value)
			}
		}
		binary := slices.Contains(fields["Types"], "deb")
		if binary && slices.Contains(fields["Suites"], suite) && slices.Contains(fields["Components"], "main") && len(fields["URIs"]) > 0 {
			return fields["URIs"][0]
		}
	}
	return ""
}
