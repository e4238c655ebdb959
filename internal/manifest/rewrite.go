package manifest

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Rewrite returns the file's text with every image as pull names it; all other
// bytes are the same. pull gets an image's Name. What it leaves empty, and what
// the file says already, stays as it is.
//
// An image behind an alias changes where its anchor is, once. An alias that uses
// an image's text for something else, such as a container's name, is replaced by
// that text.
func (f *File) Rewrite(pull func(name string) string) []byte {
	names := make([]string, len(f.Images))
	for i, image := range f.Images {
		names[i] = pull(image.Name)
	}
	out := make([]byte, 0, len(f.text)+64*len(f.marks))
	done := 0
	for _, m := range f.marks {
		name := names[m.image]
		if name == "" || name == f.Images[m.image].Written {
			continue
		}
		if m.kept {
			name = m.written
		}
		out = append(out, f.text[done:m.begin]...)
		out = append(out, scalar(name, m.style)...)
		done = m.end
	}
	return append(out, f.text[done:]...)
}

// unquoted is text that YAML reads as text without quotes, wherever it stands.
// With a slash in it, it is no number, date or truth value.
var unquoted = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@/-]*(:[A-Za-z0-9._@/-]+)*$`)

// scalar writes text in the quotes that stand there already, and in others where
// those cannot hold it.
func scalar(value string, style yaml.Style) string {
	simple := unquoted.MatchString(value) && strings.Contains(value, "/")
	switch {
	case style&yaml.SingleQuotedStyle != 0 && isPrintable(value):
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	case style&yaml.DoubleQuotedStyle == 0 && simple:
		return value
	}
	return strconv.QuoteToASCII(value)
}

func isPrintable(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' })
}
