package bundle

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func openReader(t testing.TB, path string) *Reader {
	t.Helper()
	r, err := OpenReader(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestAReaderGivesEveryFilePackedAndUnpacked(t *testing.T) {
	path := build(t, sample(t), "a.tar")
	for what, r := range map[string]*Reader{"packed": openReader(t, path), "unpacked": openReader(t, unpacked(t, path))} {
		for _, file := range r.Manifest.Files {
			f, listed, err := r.Open(file.Path)
			if err != nil {
				t.Fatal(err)
			}
			if data := must(io.ReadAll(f)); hexSum(data) != file.SHA256 || listed != file {
				t.Errorf("%s: %q has other content", what, file.Path)
			}
			f.Close()
		}
		for _, path := range []string{"none", "", "bundle.json", "../a.tar", "images"} {
			if _, _, err := r.Open(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: opening %q: %v", what, path, err)
			}
		}
	}
}

func TestAReaderKnowsTheMediaTypes(t *testing.T) {
	r := openReader(t, build(t, sample(t), "a.tar"))
	types := must(r.MediaTypes())
	for _, image := range r.Manifest.Images {
		for _, digest := range append([]string{image.Digest}, image.Platforms[0].Digest) {
			f := must(r.Blob(digest))
			if raw := must(io.ReadAll(f)); !strings.Contains(string(raw), `"mediaType":"`+types[digest]+`"`) || types[digest] == "" {
				t.Errorf("%s has type %q", digest, types[digest])
			}
			f.Close()
		}
	}
}

func TestAReaderRefuses(t *testing.T) {
	for _, name := range []string{"a.tar.gz", "a.tar.zst"} {
		path := build(t, sample(t), name)
		_, err := OpenReader(t.Context(), path)
		wantError(t, err, "unpack it first", path)
	}
	dir := unpacked(t, build(t, sample(t), "a.tar"))
	r := openReader(t, dir)
	cni, list := filepath.Join(dir, "files/amd64/cni.tgz"), filepath.Join(dir, listName)
	if err := errors.Join(os.Truncate(cni, 3), os.Remove(list)); err != nil {
		t.Fatal(err)
	}
	_, _, err := r.Open("files/amd64/cni.tgz")
	wantError(t, err, "3 bytes", "verify the bundle")
	_, _, err = r.Open(listName)
	if wantError(t, err, "verify the bundle"); errors.Is(err, fs.ErrNotExist) {
		t.Error("a missing file of the bundle passes for one that it never had")
	}
	if err := os.WriteFile(filepath.Join(dir, indexName), []byte(strings.Repeat("{", int(must(os.Stat(filepath.Join(dir, indexName))).Size()))), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = r.MediaTypes()
	wantError(t, err, indexName)
}
