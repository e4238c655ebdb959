package bundles

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

// A file beside a spec that is not embedded would be missing in what `satchel init`
// writes.
func TestEverySourceIsEmbedded(t *testing.T) {
	onDisk := files(t, os.DirFS("."))
	embedded := files(t, Sources)
	for name, info := range onDisk {
		if _, ok := embedded[name]; !ok {
			t.Errorf("%s is not embedded; rename it, or name it in embed.go", name)
		}
		if strings.HasSuffix(name, ".secrets") {
			t.Errorf("%s would be carried by satchel itself; secrets belong outside of bundles", name)
		}
		if info.Mode()&0o111 != 0 {
			t.Errorf("%s is executable, which embedding loses; say mode: \"0755\" in the spec, and take the bit away", name)
		}
	}
	for name := range embedded {
		if _, ok := onDisk[name]; !ok {
			t.Errorf("%s is embedded, and no source of a bundle", name)
		}
	}
}

// files are those of the bundles but for what is derived.
func files(t *testing.T, from fs.FS) map[string]fs.FileInfo {
	t.Helper()
	found := map[string]fs.FileInfo{}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		parts := strings.Split(name, "/")
		switch {
		case err != nil:
			return err
		case len(parts) == 2 && parts[1] == "tree" && from != fs.FS(Sources):
			return fs.SkipDir
		case d.IsDir() || len(parts) < 2 || parts[1] == "satchel.lock" && from != fs.FS(Sources):
			return nil
		}
		found[name], err = d.Info()
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("listing the bundles: %d files, %v", len(found), err)
	}
	return found
}

func TestEveryBundleHasASpecWithACommentOnTop(t *testing.T) {
	entries, err := Sources.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := Sources.ReadFile(e.Name() + "/cluster.cue")
		if err != nil {
			t.Errorf("%s: %v", e.Name(), err)
		} else if !strings.HasPrefix(string(text), "// ") {
			t.Errorf("%s/cluster.cue begins with no comment, which is the profile's description", e.Name())
		}
	}
	if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "course-ha" }) {
		t.Error("the course's cluster is missing")
	}
}
