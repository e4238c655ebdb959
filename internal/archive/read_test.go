package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// stored is what a reader sees of an entry.
type stored struct {
	path string
	mode fs.FileMode
	data string
}

func readAll(ctx context.Context, path string) ([]stored, error) {
	var all []stored
	err := Read(ctx, path, func(e Entry) error {
		rc, err := e.Open()
		if err != nil {
			return err
		}
		defer rc.Close()
		data, err := io.ReadAll(rc)
		all = append(all, stored{e.Path, e.Mode, string(data)})
		return err
	})
	return all, err
}

func save(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadGivesWhatWasWritten(t *testing.T) {
	for _, format := range formats {
		got, err := readAll(t.Context(), save(t, pack(t, format, sample())))
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		for i, e := range sample() {
			rc, _ := e.Open()
			data, _ := io.ReadAll(rc)
			if want := (stored{e.Path, e.Mode, string(data)}); got[i] != want {
				t.Errorf("%s: entry %d is %q with mode %o and %d bytes", format, i, got[i].path, got[i].mode, len(got[i].data))
			}
		}
	}
}

func TestReadSkipsContentsThatNobodyOpens(t *testing.T) {
	for _, format := range formats {
		count := 0
		err := Read(t.Context(), save(t, pack(t, format, sample())), func(Entry) error { count++; return nil })
		if err != nil || count != len(sample()) {
			t.Errorf("%s: %d entries, %v", format, count, err)
		}
	}
}

func TestVisitEndsTheReading(t *testing.T) {
	path := save(t, pack(t, TarZstd, sample()))
	boom := errors.New("boom")
	for want, ret := range map[error]error{nil: fs.SkipAll, boom: boom} {
		count := 0
		if err := Read(t.Context(), path, func(Entry) error { count++; return ret }); err != want || count != 1 {
			t.Errorf("visit returned %v: Read returned %v after %d entries", ret, err, count)
		}
	}
}

func TestAnArchiveCutShortSaysSo(t *testing.T) {
	entries := []Entry{text("a", "abc"), text("b", strings.Repeat("\x00", 2048)), text("c", strings.Repeat("c", 512))}
	for _, format := range formats {
		whole := pack(t, format, entries)
		step := 1
		if format == Tar {
			step = 37 // and every block boundary, below
		}
		for cut := 0; cut < len(whole); cut++ {
			if cut%step != 0 && cut%512 != 0 {
				continue
			}
			err := readStream(t.Context(), bytes.NewReader(whole[:cut]), func(e Entry) error { return drain(e) })
			if err == nil {
				t.Fatalf("%s cut to %d of %d bytes: no error", format, cut, len(whole))
			}
			if !errors.Is(err, ErrTruncated) {
				t.Errorf("%s cut to %d of %d bytes: %v", format, cut, len(whole), err)
			}
		}
	}
}

func drain(e Entry) error {
	rc, err := e.Open()
	if err != nil {
		return err
	}
	defer rc.Close()
	_, err = io.Copy(io.Discard, rc)
	return err
}

func rawTar(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, hdr := range headers {
		if err := tw.WriteHeader(&hdr); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(tw, zeros{}, hdr.Size); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func hostile(t testing.TB) map[string][]byte {
	file := func(name string) tar.Header { return tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg} }
	kind := func(flag byte) []byte {
		return rawTar(t, tar.Header{Name: "x", Linkname: "/etc/passwd", Typeflag: flag})
	}
	good := rawTar(t, file("a"))
	return map[string][]byte{
		"traversal":            rawTar(t, file("../../etc/passwd")),
		"hidden traversal":     rawTar(t, file("a/../../b")),
		"absolute":             rawTar(t, file("/etc/passwd")),
		"backslash":            rawTar(t, file(`a\..\b`)),
		"dot":                  rawTar(t, file("./a")),
		"duplicate":            rawTar(t, file("a"), file("b"), file("a")),
		"file below file":      rawTar(t, file("a"), file("a/b")),
		"symbolic link":        kind(tar.TypeSymlink),
		"hard link":            kind(tar.TypeLink),
		"character device":     kind(tar.TypeChar),
		"block device":         kind(tar.TypeBlock),
		"pipe":                 kind(tar.TypeFifo),
		"directory":            rawTar(t, tar.Header{Name: "d/", Typeflag: tar.TypeDir}),
		"data after the end":   append(bytes.Clone(good), "hidden"...),
		"entry after the end":  append(bytes.Clone(good), rawTar(t, file("b"))...),
		"size beyond the data": lyingSize(good),
		"garbage":              bytes.Repeat([]byte("garbage "), 200),
		"empty":                {},
		"gzip of garbage":      gz(t, bytes.Repeat([]byte("garbage "), 200)),
		"gzip and garbage":     append(gz(t, good), "garbage"...),
		"gzip checksum":        flip(gz(t, good), -6),
		"zstd of nothing":      {0x28, 0xb5, 0x2f, 0xfd},
	}
}

// lyingSize announces a terabyte where nothing is.
func lyingSize(archive []byte) []byte {
	b := bytes.Clone(archive)
	copy(b[124:136], "\x80\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00")
	copy(b[148:156], "        ")
	sum := 0
	for _, c := range b[:512] {
		sum += int(c)
	}
	digits := []byte("000000\x00 ")
	for i := 5; i >= 0; i-- {
		digits[i] = byte('0' + sum%8)
		sum /= 8
	}
	copy(b[148:156], digits)
	return b
}

func gz(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	_, err := zw.Write(data)
	if err := errors.Join(err, zw.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func flip(data []byte, at int) []byte {
	data[len(data)+at] ^= 1
	return data
}

func TestHostileArchivesAreErrors(t *testing.T) {
	for name, data := range hostile(t) {
		t.Run(name, func(t *testing.T) {
			all, err := readAll(t.Context(), save(t, data))
			if err == nil {
				t.Fatalf("no error, and %d entries", len(all))
			}
			if strings.Contains(err.Error(), "handling file") {
				t.Errorf("the error speaks the library's words: %v", err)
			}
			t.Log(err)
		})
	}
}

func TestADirectoryReadsLikeAnArchive(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]fs.FileMode{"b": 0o644, "a/z": 0o755, "a/b/c": 0o600} {
		path := filepath.Join(dir, name)
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(name), 0o600), os.Chmod(path, mode))
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := readAll(t.Context(), dir)
	want := []stored{{"a/b/c", 0o600, "a/b/c"}, {"a/z", 0o755, "a/z"}, {"b", 0o644, "b"}}
	if err != nil || len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestADirectoryWithOtherThanFilesIsAnError(t *testing.T) {
	for name, make := range map[string]func(string) error{
		"link to a file":      func(p string) error { return os.Symlink("/etc/hostname", p) },
		"link to a directory": func(p string) error { return os.Symlink("/etc", p) },
		"pipe":                func(p string) error { return syscall.Mkfifo(p, 0o600) },
	} {
		dir := t.TempDir()
		if err := make(filepath.Join(dir, "x")); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(t.Context(), dir); err == nil || !strings.Contains(err.Error(), `"x"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadingSomethingElseIsAnError(t *testing.T) {
	if _, err := readAll(t.Context(), filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(t.Context(), pipe); err == nil || !strings.Contains(err.Error(), "neither a file nor a directory") {
		t.Errorf("pipe: %v", err)
	}
}

func TestReadEndsWithTheContext(t *testing.T) {
	path := save(t, pack(t, Tar, sample()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := Read(ctx, path, func(e Entry) error {
		cancel()
		return drain(e)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// FuzzRead promises that no input makes the reader panic, show a name that
// leaves the root, or show more content than it announced.
func FuzzRead(f *testing.F) {
	for _, format := range formats {
		f.Add(pack(f, format, []Entry{text("bundle.json", "{}"), text("a/b", "abc")}))
	}
	for _, data := range hostile(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		seen := map[string]bool{}
		err := readStream(t.Context(), bytes.NewReader(data), func(e Entry) error {
			if !fs.ValidPath(e.Path) || strings.ContainsAny(e.Path, "\\\x00\n") || seen[e.Path] {
				t.Errorf("bad name %q", e.Path)
			}
			seen[e.Path] = true
			rc, err := e.Open()
			if err != nil {
				return err
			}
			defer rc.Close()
			// Compressed zeros can be long; the fuzzer need not read them all.
			n, err := io.Copy(io.Discard, io.LimitReader(rc, 1<<20))
			if err == nil && n != e.Size && n < 1<<20 {
				t.Errorf("%q has %d bytes, announced %d", e.Path, n, e.Size)
			}
			return err
		})
		_ = err
	})
}
