package profile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/satchel-kit/satchel/bundles"
)

var sources = fstest.MapFS{
	"big/cluster.cue":      {Data: []byte("// A big one: 1.2 and more.\n// Not small.\npackage cluster\n\nname:   \"big\" // its name\nhosts: x: name: \"y\"\n")},
	"big/app/run.sh":       {Data: []byte("#!/bin/sh\n")},
	"big/app/web/index":    {Data: []byte("hello\n")},
	"small/cluster.cue":    {Data: []byte("// Small\n// of its kind\npackage cluster\n\nname: \"small\"\n")},
	"nothing/of/this.kind": {Data: []byte("x")},
}

func big(t *testing.T) Profile {
	t.Helper()
	all, err := list(sources)
	if err != nil || len(all) != 2 {
		t.Fatalf("got %v, %v", all, err)
	}
	return all[0]
}

func good(string) error { return nil }

func TestProfilesAreTheDirectoriesWithASpec(t *testing.T) {
	all, err := list(sources)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Name != "big" || all[1].Name != "small" {
		t.Fatalf("got %v", all)
	}
	if want := []string{"app/run.sh", "app/web/index", "cluster.cue"}; !slices.Equal(all[0].Files, want) {
		t.Errorf("files are %q, want %q", all[0].Files, want)
	}
	if all[0].Description != "A big one: 1.2 and more." || all[1].Description != "Small of its kind" {
		t.Errorf("descriptions are %q and %q", all[0].Description, all[1].Description)
	}
}

func TestEveryReferenceBundleIsAProfile(t *testing.T) {
	all, err := List()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := bundles.Sources.ReadDir(".")
	if err != nil || len(entries) != len(all) {
		t.Errorf("%d bundles, %d profiles, %v", len(entries), len(all), err)
	}
	seen := map[string]string{}
	for _, p := range all {
		if len(p.Description) < 20 || !strings.HasSuffix(p.Description, ".") {
			t.Errorf("%s: the description %q is no sentence", p.Name, p.Description)
		}
		if other, ok := seen[p.Description]; ok {
			t.Errorf("%s and %s have one description", p.Name, other)
		}
		seen[p.Description] = p.Name
		for _, file := range p.Files {
			if strings.HasPrefix(file, "tree/") || file == "satchel.lock" {
				t.Errorf("%s writes %s, which is made from the spec", p.Name, file)
			}
		}
		if _, err := p.text(specFile, "other"); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}

func TestUnknownNamesAreSaidWithTheKnown(t *testing.T) {
	_, err := Get("nothing")
	var unknown *Unknown
	if !errors.As(err, &unknown) || !slices.Contains(unknown.Known, "course-ha") {
		t.Errorf("got %v", err)
	}
	p, err := Get("course-ha")
	if err != nil || p.Name != "course-ha" {
		t.Errorf("got %v, %v", p.Name, err)
	}
}

func TestWritingGivesTheSourcesByteForByte(t *testing.T) {
	for _, dir := range []string{"new/and/deep", "."} {
		t.Run(dir, func(t *testing.T) {
			at := filepath.Join(t.TempDir(), dir)
			written, err := big(t).Write(at, "", good)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{filepath.Join(at, "app/run.sh"), filepath.Join(at, "app/web/index"), filepath.Join(at, "cluster.cue")}
			if !slices.Equal(written, want) || !slices.Equal(tree(t, at), want) {
				t.Errorf("wrote %q, there is %q, want %q", written, tree(t, at), want)
			}
			for _, file := range big(t).Files {
				got, err := os.ReadFile(filepath.Join(at, file))
				if err != nil || !bytes.Equal(got, sources["big/"+file].Data) {
					t.Errorf("%s is %q, %v", file, got, err)
				}
			}
		})
	}
}

func TestAnotherNameChangesOneLine(t *testing.T) {
	at := t.TempDir()
	if _, err := big(t).Write(at, "site-7", good); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(at, specFile))
	want := strings.Replace(string(sources["big/cluster.cue"].Data), `"big"`, `"site-7"`, 1)
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, text := range []string{"package cluster\n", "name: \"a\"\nname: \"b\"\n", "name: x\n"} {
		if got, err := rename([]byte(text), "c"); err == nil {
			t.Errorf("%q became %q", text, got)
		}
	}
	for _, name := range []string{`a"b`, "a\nb", `a\b`, "a\x00b", "a\x7fb"} {
		if got, err := rename([]byte("name: \"a\"\n"), name); err == nil {
			t.Errorf("%q became %q", name, got)
		}
	}
}

// Whatever is in the way stays, is named, and nothing is written beside it.
func TestNothingIsReplaced(t *testing.T) {
	tests := []struct {
		name  string
		setup func(t *testing.T, dir string)
		taken []string
	}{
		{"a file", write("cluster.cue"), []string{"cluster.cue"}},
		{"several files", func(t *testing.T, dir string) {
			write("cluster.cue")(t, dir)
			write("app/web/index")(t, dir)
		}, []string{"app/web/index", "cluster.cue"}},
		{"other CUE", write("site.cue"), []string{"site.cue"}},
		{"a file for a directory", write("app"), []string{"app"}},
		{"a directory for a file", write("app/run.sh/x"), []string{"app/run.sh"}},
		{"a link to nowhere", func(t *testing.T, dir string) { link(t, "nowhere", filepath.Join(dir, "cluster.cue")) }, []string{"cluster.cue"}},
		{"a link to a file", func(t *testing.T, dir string) {
			write("precious")(t, dir)
			link(t, "precious", filepath.Join(dir, "cluster.cue"))
		}, []string{"cluster.cue"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tt.setup(t, dir)
			before := tree(t, dir)
			_, err := big(t).Write(dir, "", good)
			var taken *Taken
			if !errors.As(err, &taken) {
				t.Fatalf("got %v", err)
			}
			for i := range tt.taken {
				tt.taken[i] = filepath.Join(dir, tt.taken[i])
			}
			if !slices.Equal(taken.Paths, tt.taken) || !strings.Contains(err.Error(), tt.taken[0]) {
				t.Errorf("taken is %q, want %q", taken.Paths, tt.taken)
			}
			if after := tree(t, dir); !slices.Equal(after, before) {
				t.Errorf("was %q, is %q", before, after)
			}
		})
	}
	t.Run("a file where the directory goes", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{file, filepath.Join(file, "below")} {
			if _, err := big(t).Write(dir, "", good); err == nil || !strings.Contains(err.Error(), file) {
				t.Errorf("%s: got %v", dir, err)
			}
		}
	})
}

// Files that have nothing to do with the profile, and CUE that CUE does not read, are
// no reason to refuse.
func TestOtherFilesStay(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"README", ".git/config", "_old.cue", "app/other", "more.cue/x"} {
		write(name)(t, dir)
	}
	if _, err := big(t).Write(dir, "", good); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); len(got) != 5+3 {
		t.Errorf("there is %q", got)
	}
}

func TestAfterAFailureTheDirectoryIsAsItWas(t *testing.T) {
	refuse := errors.New("refused")
	for _, dir := range []string{"new/and/deep", "."} {
		base := t.TempDir()
		write("kept")(t, base)
		_, err := big(t).Write(filepath.Join(base, dir), "", func(staged string) error {
			if got := tree(t, staged); len(got) != 3 {
				t.Errorf("to be checked are %q", got)
			}
			return refuse
		})
		if !errors.Is(err, refuse) {
			t.Errorf("got %v", err)
		}
		if entries, err := os.ReadDir(base); err != nil || len(entries) != 1 {
			t.Errorf("%s: left behind: %v, %v", dir, entries, err)
		}
	}
}

// Somebody else takes a name between the look and the writing.
func TestALateFileIsNotReplaced(t *testing.T) {
	for _, late := range []string{"cluster.cue", "app/web/index", "app/run.sh"} {
		dir := t.TempDir()
		_, err := big(t).Write(dir, "", func(string) error {
			write(late)(t, dir)
			return nil
		})
		var taken *Taken
		if !errors.As(err, &taken) || !slices.Equal(taken.Paths, []string{filepath.Join(dir, late)}) {
			t.Errorf("%s: got %v", late, err)
		}
		if got := tree(t, dir); !slices.Equal(got, []string{filepath.Join(dir, late)}) {
			t.Errorf("%s: there is %q", late, got)
		}
		if text, err := os.ReadFile(filepath.Join(dir, late)); err != nil || string(text) != "precious" {
			t.Errorf("%s is %q now, %v", late, text, err)
		}
	}
}

// write puts a file below a directory.
func write(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// tree is every file below a directory.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
