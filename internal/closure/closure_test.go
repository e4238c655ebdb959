package closure_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/satchel-kit/satchel/internal/closure"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
	"github.com/satchel-kit/satchel/internal/spec"
)

// references are the reference bundles and the specs that exist for tests.
func references(t testing.TB) []string {
	t.Helper()
	var list []string
	for _, pattern := range []string{"../../bundles/*/cluster.cue", "../../testdata/specs/*/cluster.cue"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, files...)
	}
	if len(list) < 4 {
		t.Fatalf("found only %d specs", len(list))
	}
	return list
}

type reference struct {
	plan *plan.Plan
	tree render.Tree
}

var known = map[string]reference{}

// rendered is the plan and the tree of a spec, as copies that a test may change.
func rendered(t testing.TB, file string) (*plan.Plan, render.Tree) {
	t.Helper()
	r, ok := known[file]
	if !ok {
		s, err := spec.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		r.plan = plan.New(s)
		if r.tree, err = render.Render(r.plan); err != nil {
			t.Fatal(err)
		}
		known[file] = r
	}
	p := *r.plan
	p.Hosts, p.Images, p.Files = slices.Clone(p.Hosts), slices.Clone(p.Images), slices.Clone(p.Files)
	return &p, slices.Clone(r.tree)
}

func TestReferencesAreClosed(t *testing.T) {
	for _, file := range references(t) {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			p, tree := rendered(t, file)
			for _, problem := range closure.Check(p, tree) {
				t.Error(problem)
			}
		})
	}
}
