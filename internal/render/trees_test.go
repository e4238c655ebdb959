package render_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
	"github.com/satchel-kit/satchel/internal/spec"
)

// specs are the reference bundles and the specs that exist for tests.
func specs(t testing.TB) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"../../bundles/*/cluster.cue", "../../testdata/specs/*/cluster.cue"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, files...)
	}
	if len(found) < 4 {
		t.Fatalf("found only %d specs", len(found))
	}
	return found
}

func tree(t testing.TB, file string) (*plan.Plan, render.Tree) {
	t.Helper()
	s, err := spec.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	p := plan.New(s)
	rendered, err := render.Render(p)
	if err != nil {
		t.Fatal(err)
	}
	return p, rendered
}

// eachTree runs a test over every spec's tree, written to a directory; of a kit over the
// tree of its last seat too.
func eachTree(t *testing.T, check func(t *testing.T, p *plan.Plan, tree render.Tree, dir string)) {
	for _, file := range specs(t) {
		name := filepath.Base(filepath.Dir(file))
		p, rendered := tree(t, file)
		run := func(name string, p *plan.Plan, rendered render.Tree) {
			t.Run(name, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "tree")
				if err := rendered.Write(dir); err != nil {
					t.Fatal(err)
				}
				check(t, p, rendered, dir)
			})
		}
		run(name, p, rendered)
		if n := len(p.Seats); n > 0 {
			last := p.Seats[n-1]
			run(name+" seat "+last.Seat.NN, last, rendered.Seat(last.Seat.NN))
		}
	}
}

func TestReferenceTreesAreFresh(t *testing.T) {
	files, err := filepath.Glob("../../bundles/*/cluster.cue")
	if err != nil || len(files) == 0 {
		t.Fatal("no reference bundles:", err)
	}
	for _, file := range files {
		_, rendered := tree(t, file)
		stale, err := rendered.Compare(filepath.Join(filepath.Dir(file), "tree"))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range stale {
			t.Errorf("%s: %s %s; make golden brings it up to date", filepath.Dir(file), s.Kind, s.Path)
		}
	}
}

func TestTreeIsSortedAndTheSameEveryTime(t *testing.T) {
	for _, file := range specs(t) {
		_, first := tree(t, file)
		_, second := tree(t, file)
		if !slices.EqualFunc(first, second, func(a, b render.File) bool {
			return a.Path == b.Path && a.Mode == b.Mode && bytes.Equal(a.Data, b.Data)
		}) {
			t.Errorf("%s: two renders differ", file)
		}
		if !slices.IsSortedFunc(first, func(a, b render.File) int { return strings.Compare(a.Path, b.Path) }) {
			t.Errorf("%s: not sorted", file)
		}
	}
}

// Every text ends in one newline, has no blank at the end of a line, and no value
// that a template printed for something that is not there.
func TestTextsAreTidy(t *testing.T) {
	eachTree(t, func(t *testing.T, _ *plan.Plan, rendered render.Tree, _ string) {
		for _, f := range rendered {
			text := string(f.Data)
			if !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n") {
				t.Errorf("%s: does not end in one newline", f.Path)
			}
			for n, line := range strings.Split(text, "\n") {
				if strings.TrimRight(line, " \t") != line {
					t.Errorf("%s:%d: blanks at the end of the line", f.Path, n+1)
				}
				if strings.Contains(line, "<no value>") || strings.Contains(line, "<nil>") {
					t.Errorf("%s:%d: a value is missing: %s", f.Path, n+1, line)
				}
			}
			if f.Mode != 0o644 && f.Mode != fs.FileMode(0o755) {
				t.Errorf("%s: mode %v", f.Path, f.Mode)
			}
		}
	})
}

func TestScriptsParseAsBash(t *testing.T) {
	eachTree(t, func(t *testing.T, _ *plan.Plan, rendered render.Tree, _ string) {
		for _, f := range rendered {
			if strings.HasSuffix(f.Path, ".sh") || strings.HasSuffix(f.Path, ".env") {
				if _, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(f.Data), f.Path); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// The course's mistakes do not come back.
func TestCourseMistakesAreGone(t *testing.T) {
	_, rendered := tree(t, "../../bundles/course-ha/cluster.cue")
	for _, f := range rendered {
		text := string(f.Data)
		for _, never := range []string{"stop keepalived", "123456", "auth_pass 1111", "abcdef.0123456789abcdef", ">> /etc/sysctl", "s/.*swap.*/"} {
			// The guide has people stop keepalived, to see the address move.
			exercise := never == "stop keepalived" && strings.HasPrefix(f.Path, "guide/")
			if !exercise && strings.Contains(text, never) {
				t.Errorf("%s has %q", f.Path, never)
			}
		}
	}
}

func TestDirectoryWithOtherContentIsRefused(t *testing.T) {
	_, rendered := tree(t, "../../bundles/course-ha/cluster.cue")
	if err := rendered.Write("."); err == nil {
		t.Error("wrote a tree into a package's directory")
	}
}

func TestNewAndEmptyDirectoriesAreFilledAndNothingElseIsLeft(t *testing.T) {
	_, rendered := tree(t, "../../bundles/course-ha/cluster.cue")
	parent := t.TempDir()
	for _, name := range []string{"new", "empty"} {
		dir := filepath.Join(parent, name)
		if name == "empty" {
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := rendered.Write(dir); err != nil {
			t.Fatal(err)
		}
		if stale, err := rendered.Compare(dir); err != nil || len(stale) > 0 {
			t.Errorf("%s: %v, %v", name, stale, err)
		}
	}
	if err := rendered.Write(filepath.Join(parent, "new", "install.sh", "below")); err == nil {
		t.Error("wrote below a file")
	}
	left, err := os.ReadDir(parent)
	if err != nil || len(left) != 2 {
		t.Errorf("the parent holds %v, %v", left, err)
	}
}

// What is mounted, linked to or worked in cannot be another directory afterwards.
func TestAnEmptyDirectoryStaysWhatItIs(t *testing.T) {
	_, rendered := tree(t, "../../bundles/course-ha/cluster.cue")
	dir, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	// The first run is cut off: its own marker is in the way of a file.
	cut := append(slices.Clone(rendered), render.File{Path: "install.sh/below", Mode: 0o644})
	if err := cut.Write(link); err == nil {
		t.Fatal("wrote below a file")
	}
	t.Chdir(dir)
	if err := rendered.Write("."); err != nil {
		t.Fatal(err)
	}
	if stale, err := rendered.Compare(link); err != nil || len(stale) > 0 {
		t.Errorf("%v, %v", stale, err)
	}
	if after, err := os.Stat(link); err != nil || !os.SameFile(before, after) {
		t.Errorf("it is another directory: %v", err)
	}
}
