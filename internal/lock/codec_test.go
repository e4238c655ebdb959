package lock

import (
	"bytes"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
)

func discard() *log.Logger { return log.New(io.Discard, "", 0) }

func hex(c string) string { return strings.Repeat(c, 64) }

func sample() *Lock {
	b := func(c string, size int64) Blob {
		return Blob{MediaType: "application/vnd.oci.image.manifest.v1+json", Digest: "sha256:" + hex(c), Size: size}
	}
	return &Lock{Format: Format,
		Images: []Image{
			{Name: "docker.io/library/a:1", Digest: "sha256:" + hex("1"), Manifests: []Manifest{
				{Platform: "linux/amd64", Blob: b("2", 20), Config: b("3", 30), Layers: []Blob{b("4", 40)}},
				{Platform: "linux/arm64", Blob: b("5", 50), Config: b("6", 60), Layers: []Blob{b("4", 40)}}}},
			{Name: "docker.io/library/b:1", Digest: "sha256:" + hex("7"), Manifests: []Manifest{
				{Platform: "linux/amd64", Blob: b("7", 70), Config: b("8", 80), Layers: []Blob{}}}},
		},
		Files: []File{{Path: "files/amd64/x", URL: "https://example.org/x?a=1&b=2", SHA256: hex("9"), Size: 90}},
	}
}

func TestLockComesBackAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "satchel.lock")
	for _, l := range []*Lock{sample(), {Format: Format}} {
		if err := l.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		back, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if back.Digest() != l.Digest() || len(Diff(l, back)) != 0 {
			t.Errorf("got\n%s\nwant\n%s", back.Bytes(), l.Bytes())
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("%d files are left, want the lock only", len(left))
	}
}

func TestFailedWriteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "satchel.lock")
	os.Mkdir(path, 0o755) // a directory there makes the rename fail
	if err := sample().WriteFile(path); err == nil || !strings.Contains(err.Error(), "writing lock") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d entries are left, want 1", len(left))
	}
}

func TestEveryFlawOfALockIsFoundWhereItIs(t *testing.T) {
	good := string(sample().Bytes())
	for what, c := range map[string]struct{ old, new, want string }{
		"syntax":        {`"images": [`, `"images": (`, "satchel.lock:3:13: reading the lock: invalid character"},
		"type":          {`"size": 20`, `"size": "20"`, "satchel.lock:12:"},
		"unknown field": {`"lock": 1,`, `"lock": 1, "x": 2,`, `unknown field "x"`},
		"key twice":     {`"lock": 1,`, `"lock": 1, "lock": 1,`, "satchel.lock:2:13: the lock is not as satchel writes it"},
		"other case":    {`"files"`, `"Files"`, "satchel.lock:65:4: the lock is not as satchel writes it"},
		"trailing":      {"\n}\n", "\n}\n{}", "not as satchel writes it"},
		"null":          {`"layers": []`, `"layers": null`, "not as satchel writes it"},
		"format":        {`"lock": 1`, `"lock": 2`, "the lock has format 2, and this satchel knows format 1: use the satchel that wrote it, or a newer one"},
		"old format":    {`"lock": 1`, `"lock": 0`, "the lock has format 0, and this satchel knows format 1; undo the edit, or run `satchel lock`"},
		"not all":       {good[len(good)/2:], "", "unexpected EOF; undo the edit, or run `satchel lock`"},
		"nothing":       {good, "\n", "satchel.lock:1:1: the lock is empty; undo the edit, or run `satchel lock`"},
		"a merge":       {`  "images": [`, "<<<<<<< HEAD\n  \"images\": [\n=======\n  \"images\": [ \n>>>>>>> other", "satchel.lock:3:1: a merge by git has left its conflict markers in the lock; undo"},
		"digest":        {"sha256:" + hex("4"), "sha256:" + hex("G"), `satchel.lock:5:7: name "docker.io/library/a:1": platform "linux/amd64": digest "sha256:GGG`},
		"short digest":  {hex("1"), "1", "is not \"sha256:\" and 64"},
		"image twice":   {"library/b:1", "library/a:1", `satchel.lock:47:7: name "docker.io/library/a:1": it is there twice`},
		"unsorted":      {"library/a:1", "library/c:1", `it stands behind "docker.io/library/c:1", but entries are sorted`},
		"no name":       {"docker.io/library/a:1", "", "it is empty"},
		"bad name":      {"docker.io/library/a:1", "docker.io/library/A:1", "could not parse reference"},
		"platforms":     {"linux/arm64", "linux/amd64", `platform "linux/amd64": it is there twice`},
		"two sizes":     {`"size": 40`, `"size": 41`, "has 40 bytes here and 41 elsewhere"},
		"negative":      {`"size": 90`, `"size": -90`, "the size -90 is negative"},
		"escape":        {"files/amd64/x", "files/../../x", "not a clean path"},
		"absolute":      {"files/amd64/x", "/etc/passwd", "not a clean path"},
		"scheme":        {"https://example.org", "file:///etc", `is not an https:// or http:// address`},
		"sum":           {hex("9"), hex("9")[1:], "is not 64 lower-case"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%s: nothing is replaced", what)
		}
		_, err := Parse("satchel.lock", []byte(text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\ngot  %v\nwant %s", what, err, c.want)
		}
		if replaceable(err) == (what == "format") {
			t.Errorf("%s: replaceable is %v", what, replaceable(err))
		}
	}
}

// TestANewerFormatIsSeenInAnyLock has locks that only their satchel can read, and one that
// a merge has made of two formats.
func TestANewerFormatIsSeenInAnyLock(t *testing.T) {
	for what, text := range map[string]string{
		"other fields":   "{\n  \"lock\": 7,\n  \"everything\": \"else\"\n}\n",
		"one line":       `{"lock":7}`,
		"two sides":      "{\n<<<<<<< HEAD\n  \"lock\": 1,\n=======\n  \"lock\": 7,\n>>>>>>> other\n  \"images\": []\n}\n",
		"no JSON at all": "\"lock\": 7\n---\n",
	} {
		_, err := Parse("satchel.lock", []byte(text))
		if err == nil || !strings.Contains(err.Error(), "satchel.lock: the lock has format 7") || replaceable(err) || strings.Contains(err.Error(), "run `satchel lock`") {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample().Bytes())
	f.Add(sampleDerived().Bytes())
	f.Add([]byte(`{"lock": 1, "images": null, "files": [{}]}`))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("x", data)
		if err != nil {
			return
		}
		if !bytes.Equal(l.Bytes(), data) {
			t.Error("a lock was accepted that satchel would not write")
		}
		l.Blobs()
	})
}

func TestBlobsAreDistinct(t *testing.T) {
	items := sample().Blobs()
	if len(items) != 8 {
		t.Fatalf("%d blobs, want 8: %v", len(items), items)
	}
	var manifests, urls int
	for _, i := range items {
		if i.Manifest {
			manifests++
			if ref, err := i.Reference(); err != nil || !strings.HasPrefix(ref, "docker.io/library/") || !strings.HasSuffix(ref, "@"+i.Digest) {
				t.Errorf("reference %q, %v", ref, err)
			}
		}
		if i.URL != "" {
			urls++
		}
	}
	if manifests != 3 || urls != 1 {
		t.Errorf("%d manifests and %d files, want 3 and 1", manifests, urls)
	}
}

func TestCoversListsAllThatDoesNotFit(t *testing.T) {
	images := []plan.Image{
		{Name: "docker.io/library/a:1", Platforms: []string{"linux/amd64"}},
		{Name: "docker.io/library/c:1", Platforms: []string{"linux/amd64"}},
	}
	files := []plan.File{{Path: "files/amd64/x", URL: "https://example.org/y"}}
	err := sample().Covers(plan.Supply{Images: images, Files: files})
	want := `the lock does not fit the spec: run ` + "`satchel lock`" + `
  file files/amd64/x is locked for https://example.org/x?a=1&b=2, and needed for https://example.org/y
  image docker.io/library/a:1 is locked for linux/amd64, linux/arm64, and needed for linux/amd64
  the lock has image docker.io/library/b:1, which nothing needs any more
  the lock lacks image docker.io/library/c:1`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestDiffSaysWhatMoved(t *testing.T) {
	old, new := sample(), sample()
	new.Images[0].Digest = "sha256:" + hex("d")
	new.Images[0].Manifests = new.Images[0].Manifests[:1]
	new.Files = append(new.Files, File{Path: "files/amd64/y", URL: "https://example.org/y", SHA256: hex("e")})
	got := strings.Join(Diff(old, new), "\n")
	want := "file files/amd64/y is new\n" +
		"image docker.io/library/a:1 moved from sha256:" + hex("1") + " to sha256:" + hex("d") + "\n" +
		"image docker.io/library/a:1 for linux/arm64 is gone"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWhatAKilledWriterLeavesIsGoneAfterTheNext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "satchel.lock")
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), ".satchel.lock.tmp"), []byte(strings.Repeat("half ", 9999)), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &Lock{Format: Format}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := l.WriteFile(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, err := Read(path); err != nil || got.Digest() != l.Digest() {
		t.Errorf("%v, %v", got, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// replaceable tells whether a new lock is the cure for what was read.
func replaceable(err error) bool {
	bad, ok := errors.AsType[*Unreadable](err)
	return ok && !bad.Newer
}
