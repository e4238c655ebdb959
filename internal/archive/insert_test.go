package archive

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// little is sample with less in it.
func little() []Entry {
	entries := sample()
	entries[3] = noise(entries[3].Path, 200<<10+17, 7)
	return entries
}

// inserted runs Insert, and returns what is in the new file.
func inserted(t *testing.T, path, after string, e Entry) ([]byte, error) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var seen int64
	if err := Insert(t.Context(), path, out, after, e, func(n int64) { seen += n }); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	if format, _ := Detect(path); format == Tar && seen != int64(len(data)) {
		t.Errorf("%d bytes were told, %d written", seen, len(data))
	}
	return data, nil
}

func TestAnInsertedEntryIsAsIfItHadBeenWritten(t *testing.T) {
	news := map[string]Entry{
		"small": text("new", "news"), "empty": text("new", ""), "a block": text("new", strings.Repeat("n", 512)),
		"a long name": text(strings.Repeat("new/", 60)+"n", "news"), "large": noise("new", 100<<10+1, 3),
	}
	for _, format := range formats {
		for what, e := range news {
			for i, after := range little() {
				if format != Tar && i != 1 {
					continue // it takes longer, and is the same tar inside
				}
				got, err := inserted(t, save(t, pack(t, format, little())), after.Path, e)
				want := pack(t, format, slices.Insert(little(), i+1, e))
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s, %s behind %q: %v, %d bytes, should be %d", format, what, after.Path, err, len(got), len(want))
				}
			}
		}
	}
}

// TestAnEntryThatIsThereGivesWay is for all places where it can be.
func TestAnEntryThatIsThereGivesWay(t *testing.T) {
	news := text("new", "news")
	for _, format := range formats {
		for i := range len(little()) + 1 {
			old := slices.Insert(little(), i, noise("new", 3000, 5))
			for j, after := range little() {
				if format != Tar && j != 1 {
					continue
				}
				got, err := inserted(t, save(t, pack(t, format, old)), after.Path, news)
				if want := pack(t, format, slices.Insert(little(), j+1, news)); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s, old at %d, new behind %q: %v, %d bytes, should be %d", format, i, after.Path, err, len(got), len(want))
				}
			}
		}
	}
}

func TestWhatOtherProgramsHaveWrittenStaysAsItIs(t *testing.T) {
	// GNU tar fills the last record of 20 blocks.
	padded := append(pack(t, Tar, little()), make([]byte, 7*blockSize)...)
	got, err := inserted(t, save(t, padded), "empty", text("new", "news"))
	want := append(pack(t, Tar, slices.Insert(little(), 2, text("new", "news"))), make([]byte, 7*blockSize)...)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, %d bytes, should be %d", err, len(got), len(want))
	}
}

func TestInsertRefuses(t *testing.T) {
	whole := pack(t, Tar, little())
	parts := filepath.Join(t.TempDir(), "p.tar")
	w, err := NewPartWriter(filepath.Dir(parts), filepath.Base(parts), MinPart)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(whole); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		path, after, want string
		e                 Entry
	}{
		"no such entry":   {save(t, whole), "nothing", `there is no entry "nothing"`, text("new", "")},
		"a bad name":      {save(t, whole), "empty", `inserting "../new"`, text("../new", "")},
		"cut short":       {save(t, whole[:len(whole)-600]), "empty", ErrTruncated.Error(), text("new", "")},
		"cut in the zstd": {save(t, cutShort(pack(t, TarZstd, little()))), "empty", "reading archive", text("new", "")},
		"no archive":      {save(t, bytes.Repeat([]byte("x"), 2000)), "empty", "it is none of", text("new", "")},
		"a directory":     {t.TempDir(), "empty", "it is a directory", text("new", "")},
		"in parts":        {parts, "empty", "it is in parts", text("new", "")},
		"not there":       {filepath.Join(t.TempDir(), "none"), "empty", "no such file", text("new", "")},
	} {
		if _, err := inserted(t, c.path, c.after, c.e); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", what, err, c.want)
		}
	}
}

func cutShort(data []byte) []byte { return data[:len(data)/2] }

func TestNoFailureOfTheDiskIsLost(t *testing.T) {
	for _, format := range formats {
		path := save(t, pack(t, format, little()))
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skip("there is no /dev/full: ", err)
		}
		defer full.Close()
		if err := Insert(t.Context(), path, full, "empty", text("new", "news"), func(int64) {}); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("%s: got %v", format, err)
		}
	}
}

func TestTheNameOfAnArchiveInParts(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "a.tar")
	for _, name := range []string{whole + ".001", whole + ".002", PartList(whole)} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other := save(t, nil)
	for path, want := range map[string]string{whole: whole, whole + ".001": whole, whole + ".002": whole, other: other, "none": "none"} {
		if got := Whole(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestInsertEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, format := range formats {
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		if err := Insert(ctx, save(t, pack(t, format, little())), out, "empty", text("new", ""), func(int64) {}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", format, err)
		}
	}
}
