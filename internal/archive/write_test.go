package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var formats = []Format{Tar, TarGzip, TarZstd}

func text(path, content string) Entry {
	return Entry{Path: path, Mode: 0o644, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

// noise is half text and half random, so that compressors have real choices.
func noise(path string, size int, seed uint64) Entry {
	rnd := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, size)
	for i := range data {
		data[i] = "satchel packs"[i%13]
		if i/4096%2 == 0 {
			data[i] = byte(rnd.Uint32())
		}
	}
	return Entry{Path: path, Mode: 0o755, Size: int64(size), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

func sample() []Entry {
	return []Entry{
		text("bundle.json", "{}"),
		text("empty", ""),
		text("hosts/"+strings.Repeat("long/", 50)+"name", "long names need an extended header"),
		noise("files/big", 5<<20+17, 7),
		text("z", strings.Repeat("z", 512)),
	}
}

func pack(t testing.TB, format Format, entries []Entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := Write(t.Context(), &buf, format, entries); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestTheSameEntriesGiveTheSameBytesAtAnyParallelism(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			t.Setenv("TZ", "Asia/Kathmandu")
			var sums [][32]byte
			for _, procs := range []int{1, 2, 2, 8} {
				before := runtime.GOMAXPROCS(procs)
				sums = append(sums, sha256.Sum256(pack(t, format, sample())))
				runtime.GOMAXPROCS(before)
			}
			for i, sum := range sums {
				if sum != sums[0] {
					t.Errorf("run %d gave %x, run 0 gave %x", i, sum, sums[0])
				}
			}
		})
	}
}

func TestEntriesHaveNoOwnerNoTimeAndNoNames(t *testing.T) {
	tr := tar.NewReader(bytes.NewReader(pack(t, Tar, sample())))
	for range sample() {
		hdr, err := tr.Next()
		if err != nil {
			t.Fatal(err)
		}
		if hdr.Uid != 0 || hdr.Gid != 0 || hdr.Uname != "" || hdr.Gname != "" || hdr.ModTime.Unix() != 0 || hdr.Typeflag != tar.TypeReg {
			t.Errorf("header of %s: %+v", hdr.Name, hdr)
		}
	}
}

func TestOtherTarProgramsReadTheArchive(t *testing.T) {
	program, err := exec.LookPath("tar")
	if err != nil {
		t.Skip("tar is not installed")
	}
	for _, format := range []Format{Tar, TarGzip} {
		path := filepath.Join(t.TempDir(), "a"+string(format))
		if err := os.WriteFile(path, pack(t, format, sample()), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(program, "-tf", path).CombinedOutput()
		if err != nil {
			t.Fatalf("tar: %v\n%s", err, out)
		}
		if got := strings.Count(string(out), "\n"); got != len(sample()) {
			t.Errorf("tar lists %d entries, want %d", got, len(sample()))
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	boom := errors.New("boom")
	with := func(change func(*Entry)) []Entry {
		e := text("a", "abc")
		change(&e)
		return []Entry{e}
	}
	for name, test := range map[string]struct {
		entries []Entry
		want    string
	}{
		"a path that leaves":           {with(func(e *Entry) { e.Path = "../a" }), "clean relative path"},
		"an absolute path":             {with(func(e *Entry) { e.Path = "/a" }), "clean relative path"},
		"a path that is not clean":     {with(func(e *Entry) { e.Path = "a//b" }), "clean relative path"},
		"the root":                     {with(func(e *Entry) { e.Path = "." }), "clean relative path"},
		"an empty path":                {with(func(e *Entry) { e.Path = "" }), "empty"},
		"a backslash":                  {with(func(e *Entry) { e.Path = `a\b` }), "backslash"},
		"a NUL":                        {with(func(e *Entry) { e.Path = "a\x00b" }), "control"},
		"a newline":                    {with(func(e *Entry) { e.Path = "a\nb" }), "control"},
		"a very long path":             {with(func(e *Entry) { e.Path = strings.Repeat("a", 2000) }), "longer than"},
		"a setuid mode":                {with(func(e *Entry) { e.Mode = 0o4755 }), "mode"},
		"a negative size":              {with(func(e *Entry) { e.Size = -1 }), "size"},
		"a content that is shorter":    {with(func(e *Entry) { e.Size = 4 }), "1 bytes shorter"},
		"a content that is longer":     {with(func(e *Entry) { e.Size = 2 }), "longer than the 2 bytes"},
		"a content that cannot open":   {with(func(e *Entry) { e.Open = func() (io.ReadCloser, error) { return nil, boom } }), `content of "a": boom`},
		"the same path twice":          {[]Entry{text("a", ""), text("a", "")}, "twice"},
		"a file that is a directory":   {[]Entry{text("a/b", ""), text("a", "")}, "twice"},
		"a directory that is a file":   {[]Entry{text("a", ""), text("a/b/c", "")}, "is a file already"},
		"a content that breaks midway": {with(func(e *Entry) { e.Open = broken(boom) }), `content of "a": boom`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, format := range formats {
				err := Write(t.Context(), io.Discard, format, test.entries)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: got error %v, want one with %q", format, err, test.want)
				}
			}
		})
	}
}

func broken(err error) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("a"), iotestErr{err})), nil
	}
}

type iotestErr struct{ err error }

func (r iotestErr) Read([]byte) (int, error) { return 0, r.err }

// limited is a disk of a certain size.
type limited struct {
	left int
	lie  bool
}

var errFull = errors.New("disk full")

func (l *limited) Write(p []byte) (int, error) {
	if len(p) <= l.left {
		l.left -= len(p)
		return len(p), nil
	}
	n := l.left
	l.left = 0
	if l.lie {
		return n, nil
	}
	return n, errFull
}

func TestNoFailureOfTheWriterIsLost(t *testing.T) {
	entries := []Entry{text("a", "abc"), noise("b", 3<<20, 3)}
	for _, format := range formats {
		full := len(pack(t, format, entries))
		for _, size := range []int{0, 1, 511, 1024, full / 2, full - 1025, full - 512, full - 1} {
			for _, lie := range []bool{false, true} {
				if err := Write(t.Context(), &limited{size, lie}, format, entries); err == nil {
					t.Errorf("%s of %d bytes on a disk of %d (short writes: %v): no error", format, full, size, lie)
				}
			}
		}
		if err := Write(t.Context(), &limited{full, false}, format, entries); err != nil {
			t.Errorf("%s of %d bytes on a disk of %d: %v", format, full, full, err)
		}
	}
}

func TestWriteEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	opened := 0
	entries := sample()
	for i := range entries {
		open := entries[i].Open
		entries[i].Open = func() (io.ReadCloser, error) {
			if opened++; opened == 4 {
				cancel()
			}
			return open()
		}
	}
	if err := Write(ctx, io.Discard, Tar, entries); !errors.Is(err, context.Canceled) || opened != 4 {
		t.Errorf("got %v after %d entries", err, opened)
	}
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]Format{
		"a.tar": Tar, "dir.tar.gz/a.tar": Tar, "a.tar.gz": TarGzip, "a.tar.zst": TarZstd,
		"a.tgz": "", "a.zip": "", "tar": "", "": "", "a.TAR": "",
	} {
		got, err := FormatOf(name)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v", name, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), ".tar, .tar.gz or .tar.zst") {
			t.Errorf("%q: the error does not list the formats: %v", name, err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, format := range formats {
		b.Run(string(format), func(b *testing.B) {
			entries := []Entry{noise("a", 32<<20, 1)}
			b.SetBytes(entries[0].Size)
			b.ReportAllocs()
			for b.Loop() {
				if err := Write(b.Context(), io.Discard, format, entries); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
