package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func packFile(t testing.TB, format Format, entries []Entry) (string, error) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "a"+string(format)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Name(), WriteFile(t.Context(), f, format, entries, nil)
}

// mixed has small and large entries in an order that makes stretches of every kind.
func mixed() []Entry {
	entries := sample()
	for i := range 30 {
		entries = append(entries, noise(fmt.Sprintf("mixed/%02d", i), (i%5)*(i%5)*300_000+i, uint64(i)))
	}
	return append(entries, noise("mixed/exact", stretchSize, 1), text("mixed/last", ""))
}

func TestAFileGetsTheBytesOfAStreamAtAnyParallelism(t *testing.T) {
	for _, format := range formats {
		for what, entries := range map[string][]Entry{
			"mixed": mixed(), "none": nil, "one": {text("a", "b")}, "an empty one": {text("a", "")}, "a large one": {noise("a", 9<<20, 1)},
		} {
			want := pack(t, format, entries)
			for _, procs := range []int{1, 2, 8} {
				before := runtime.GOMAXPROCS(procs)
				path, err := packFile(t, format, entries)
				runtime.GOMAXPROCS(before)
				if err != nil {
					t.Fatal(err)
				}
				got, err := os.ReadFile(path)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s with %s, %d at once: other bytes, %d and %d of them: %v", format, what, procs, len(got), len(want), err)
				}
			}
		}
	}
}

func TestStretchesCoverTheWholeTar(t *testing.T) {
	entries := mixed()
	all, _, size, err := layout(entries)
	if err != nil {
		t.Fatal(err)
	}
	at, n := int64(0), 0
	for _, s := range all {
		if s.begin != at || s.size <= 0 || len(s.entries) == 0 || s.entries[0].Path != entries[n].Path {
			t.Errorf("a stretch begins at %d, not %d: %+v", s.begin, at, s)
		}
		at += s.size
		n += len(s.entries)
	}
	if n != len(entries) || at+endMarker != size || int64(len(pack(t, Tar, entries))) != size || len(all) < 8 {
		t.Errorf("%d stretches have %d entries and %d bytes, not %d and %d", len(all), n, at+endMarker, len(entries), size)
	}
	_, _, _, err = layout([]Entry{{Path: "a", Mode: 0o644, Size: 1 << 62}, {Path: "b", Mode: 0o644, Size: 1 << 62}})
	if err == nil || !strings.Contains(err.Error(), "larger together") {
		t.Errorf("more than a disk can have: %v", err)
	}
}

func TestWriteFileRefusesWhatWriteRefuses(t *testing.T) {
	boom := errors.New("boom")
	for what, test := range map[string]struct {
		change func(*Entry)
		want   string
	}{
		"a path that leaves":           {func(e *Entry) { e.Path = "../a" }, "clean relative path"},
		"a content that is shorter":    {func(e *Entry) { e.Size++ }, `content of "mixed/29": it is 1 bytes shorter`},
		"a content that is longer":     {func(e *Entry) { e.Size-- }, `content of "mixed/29": it is longer than the`},
		"a content that cannot open":   {func(e *Entry) { e.Open = func() (io.ReadCloser, error) { return nil, boom } }, `content of "mixed/29": boom`},
		"a content that breaks midway": {func(e *Entry) { e.Open = broken(boom) }, `content of "mixed/29": boom`},
	} {
		entries := mixed()
		test.change(&entries[len(entries)-3])
		if _, err := packFile(t, Tar, entries); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %s", what, err, test.want)
		}
	}
}

func TestWriteFileEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	entries := mixed()
	open := entries[7].Open
	entries[7].Open = func() (io.ReadCloser, error) { cancel(); return open() }
	f, err := os.Create(filepath.Join(t.TempDir(), "a.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := WriteFile(ctx, f, Tar, entries, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := WriteFile(done, f, Tar, []Entry{text("a", "")}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("begun when all was over: %v", err)
	}
}

// BenchmarkWriteFile shows what is left when the contents come from memory: no
// reading, no hashing.
func BenchmarkWriteFile(b *testing.B) {
	var entries []Entry
	for i := range 8 {
		entries = append(entries, noise(fmt.Sprint("a", i), 16<<20, uint64(i)))
	}
	f, err := os.Create(filepath.Join(b.TempDir(), "a.tar"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	b.SetBytes(128 << 20)
	for b.Loop() {
		if err := errors.Join(f.Truncate(0), WriteFile(b.Context(), f, Tar, entries, nil)); err != nil {
			b.Fatal(err)
		}
	}
}
