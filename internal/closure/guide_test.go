package closure

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
	"github.com/satchel-kit/satchel/internal/spec"
)

// The guide's scripts are a part of every bundle that has one: they use nothing that a
// host of any reference cluster lacks.
func TestGuidesAreClosed(t *testing.T) {
	specs, err := filepath.Glob("../../bundles/*/cluster.cue")
	if err != nil || len(specs) == 0 {
		t.Fatal(err, specs)
	}
	for _, file := range specs {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), "guide:") {
				text = append(text, "\nguide: language: \"en\"\n"...)
			}
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Dir(file))); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "cluster.cue"), text, 0o644); err != nil {
				t.Fatal(err)
			}
			s, err := spec.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			p := plan.New(s)
			tree, err := render.Render(p)
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range Check(p, tree) {
				t.Error(problem)
			}
		})
	}
}
