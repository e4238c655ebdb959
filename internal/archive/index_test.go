package archive

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func openIndex(t testing.TB, path string) *Index {
	t.Helper()
	x, err := OpenIndex(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// unpack writes the entries of the archive at path to a directory.
func unpack(t testing.TB, path string) string {
	t.Helper()
	dir := t.TempDir()
	all, err := readAll(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		to := filepath.Join(dir, e.path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, []byte(e.data), e.mode)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAnIndexGivesEveryFileToManyAtOnce(t *testing.T) {
	path := save(t, pack(t, Tar, sample()))
	all, err := readAll(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for what, x := range map[string]*Index{"tar": openIndex(t, path), "directory": openIndex(t, unpack(t, path))} {
		var readers sync.WaitGroup
		for i := range 4 * len(all) {
			readers.Go(func() {
				want := all[i%len(all)]
				f, size, err := x.Open(want.path)
				if err != nil {
					t.Errorf("%s: %v", what, err)
					return
				}
				defer f.Close()
				data, err := io.ReadAll(f)
				if err != nil || string(data) != want.data || size != int64(len(want.data)) {
					t.Errorf("%s: %q has %d bytes, should have %d: %v", what, want.path, len(data), len(want.data), err)
				}
				if _, err := f.Seek(-min(size, 3), io.SeekEnd); err != nil {
					t.Error(err)
				}
				if tail, _ := io.ReadAll(f); !strings.HasSuffix(want.data, string(tail)) || len(tail) != int(min(size, 3)) {
					t.Errorf("%s: %q ends with %q", what, want.path, tail)
				}
			})
		}
		readers.Wait()
	}
}

func TestAnIndexRefusesWhatHasNoOrderOfItsOwn(t *testing.T) {
	for _, format := range []Format{TarGzip, TarZstd} {
		if _, err := OpenIndex(t.Context(), save(t, pack(t, format, sample()))); !errors.Is(err, ErrCompressed) {
			t.Errorf("%s: %v", format, err)
		}
	}
	for what, data := range hostile(t) {
		if x, err := OpenIndex(t.Context(), save(t, data)); err == nil {
			x.Close()
			t.Errorf("%s: no error", what)
		}
	}
	whole := pack(t, Tar, sample())
	for _, size := range []int{0, 100, 512, len(whole) / 2, len(whole) - 1024} {
		if _, err := OpenIndex(t.Context(), save(t, whole[:size])); !errors.Is(err, ErrTruncated) {
			t.Errorf("with %d of %d bytes: %v", size, len(whole), err)
		}
	}
}

// TestAnIndexNeverLeavesItsDirectory tries the ways out.
func TestAnIndexNeverLeavesItsDirectory(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	err := errors.Join(
		os.Symlink(outside, filepath.Join(dir, "link")),
		os.Symlink(filepath.Dir(outside), filepath.Join(dir, "dir")),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
		os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	if err != nil {
		t.Fatal(err)
	}
	x := openIndex(t, dir)
	for _, name := range []string{"link", "dir/secret", "pipe", "folder", ".", "", "../secret", outside, "folder/../link", "none", "a\x00b"} {
		if f, _, err := x.Open(name); err == nil {
			f.Close()
			t.Errorf("%q opens", name)
		}
	}
	if _, _, err := x.Open("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
