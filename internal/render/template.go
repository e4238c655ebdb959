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

// parse reads every embedded template under its own path, so that an error names
// the file and line.
func parse() (*template.Template, error) {
	root := template.New("").Funcs(functions()).Option("missingkey=error")
	err := fs.WalkDir(templates.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".tmpl") {
			return err
		}
		text, err := templates.FS.ReadFile(name)
		if err != nil {
			return err
		}
		_, err = root.New(name).Parse(string(text))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("parsing the templates: %w", err)
	}
	return root, nil
}
