package render

import (
	"fmt"
	"io/fs"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"

	"github.com/satchel-kit/satchel/templates"
)

// allowed are the functions of sprig that templates may use. Sprig also has
// random, clock, environment and network functions, and maps in random order.
var allowed = []string{"join", "quote", "toRawJson"}

func functions() template.FuncMap {
	all := sprig.TxtFuncMap()
	funcs := template.FuncMap{"shquote": shquote, "pad": pad}
	for _, name := range allowed {
		funcs[name] = all[name]
	}
	return funcs
}

// shquote quotes a word for the shell; sprig's quote is Go's, which is not safe there.
func shquote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// pad fills a word up with spaces, for columns.
func pad(width int, s string) string { return fmt.Sprintf("%-*s", width, s) }

// embedded are the files of templates.FS, read once for all clusters.
type embedded struct {
	// templates have their own paths as names, so that an error names the file and line.
	templates *template.Template
	// texts are those that are copied as they are.
	texts map[string][]byte
}

func readEmbedded() (*embedded, error) {
	e := &embedded{template.New("").Funcs(functions()).Option("missingkey=error"), map[string][]byte{}}
	err := fs.WalkDir(templates.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := templates.FS.ReadFile(name)
		switch {
		case err != nil:
			return err
		case strings.HasSuffix(name, ".tmpl"):
			_, err = e.templates.New(name).Parse(string(text))
			return err
		}
		e.texts[name] = text
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the templates: %w", err)
	}
	return e, nil
}
