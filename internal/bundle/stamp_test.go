package bundle

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/render"
)

// stamped builds a bundle that is large enough for a stamp.
func stamped(t *testing.T, part int64) (*Draft, Output) {
	t.Helper()
	in := sample(t)
	addFile(t, &in, "files/large", make([]byte, stampFrom))
	out := Output{filepath.Join(t.TempDir(), "a.tar"), part}
	d := must(Prepare(in))
	if d.Current(t.Context(), out) {
		t.Fatal("it is current before it is there")
	}
	if err := d.Write(t.Context(), out, nil); err != nil {
		t.Fatal(err)
	}
	if !d.Current(t.Context(), out) {
		t.Skip("the file system keeps no times that are fine enough")
	}
	return d, out
}

func TestAnOutputThatNobodyTouchedIsCurrent(t *testing.T) {
	for _, part := range []int64{0, 5e6} {
		d, out := stamped(t, part)
		if !must(Prepare(d.in)).Current(t.Context(), out) {
			t.Error("another run does not know it")
		}
		t.Chdir(filepath.Dir(out.Path))
		if !d.Current(t.Context(), Output{"a.tar", part}) {
			t.Error("its relative name is another")
		}
		if d.Current(t.Context(), Output{out.Path, part + 1e6}) {
			t.Error("it is in parts of another size")
		}
	}
}

// TestWhateverIsDoneToAnOutputShows does what programs and people do to files. None of
// it may pass, even where size and times are what they were.
func TestWhateverIsDoneToAnOutputShows(t *testing.T) {
	for what, touch := range map[string]func(path string) error{
		"one bit": flipMiddle,
		"one bit, and the old time": func(path string) error {
			st, err := os.Stat(path)
			return errors.Join(err, flipAt(path, 12345), os.Chtimes(path, st.ModTime(), st.ModTime()))
		},
		"written with what it has": func(path string) error { return errors.Join(flipAt(path, 99), flipAt(path, 99)) },
		"a copy in its place": func(path string) error {
			data, err := os.ReadFile(path)
			return errors.Join(err, os.Remove(path), os.WriteFile(path, data, 0o644))
		},
		"moved and back":        func(path string) error { return errors.Join(os.Rename(path, path+"x"), os.Rename(path+"x", path)) },
		"only its time":         func(path string) error { return os.Chtimes(path, time.Now(), time.Now()) },
		"cut short":             func(path string) error { return os.Truncate(path, 1000) },
		"cut and as long again": func(path string) error { return errors.Join(os.Truncate(path, 1000), os.Truncate(path, 18e6)) },
		"gone":                  os.Remove,
		"a link in its place": func(path string) error {
			return errors.Join(os.Rename(path, path+"x"), os.Symlink(path+"x", path))
		},
	} {
		t.Run(what, func(t *testing.T) {
			for _, part := range []int64{0, 5e6} {
				d, out := stamped(t, part)
				path := out.Path
				if part > 0 {
					path += ".002"
				}
				if err := touch(path); err != nil {
					t.Fatal(err)
				}
				if d.Current(t.Context(), out) {
					t.Error("it passes for what was built")
				}
			}
		})
	}
}

func flipAt(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	b[0] ^= 1
	_, again := f.WriteAt(b, at)
	return errors.Join(err, again, f.Close())
}

func TestOtherContentIsNotCurrent(t *testing.T) {
	d, out := stamped(t, 0)
	for what, change := range map[string]func(*Input){
		"a text": func(in *Input) {
			in.Tree[3] = render.File{Path: "install.sh", Mode: 0o755, Data: []byte("#!/bin/sh\n")}
		},
		"a mode":      func(in *Input) { in.Tree[0].Mode = 0o755 },
		"a version":   func(in *Input) { in.Meta.Satchel = "v9" },
		"a signature": func(in *Input) { in.Sign = func([]byte) ([]byte, error) { return []byte("signed"), nil } },
		"a delta":     func(in *Input) { *in = since(t, *in, out.Path) },
		"a program": func(in *Input) {
			in.Programs = nil
			addProgram(t, in, "bin/satchel-amd64", []byte("other"))
		},
		"another cache": func(in *Input) { in.Cache = openCache(t) },
	} {
		in := clone(d.in)
		change(&in)
		if must(Prepare(in)).Current(t.Context(), out) {
			t.Errorf("%s: it passes for what was built before", what)
		}
	}
}

func TestANoteThatIsNoneIsNoStamp(t *testing.T) {
	d, out := stamped(t, 0)
	name := noteName(out.Path)
	good := string(d.in.Cache.Note(name))
	var s stamp
	if err := json.Unmarshal([]byte(good), &s); err != nil || len(s.Files) != 1 {
		t.Fatalf("the note is %q", good)
	}
	for what, text := range map[string]string{
		"nothing": "", "no JSON": "x", "null": "null", "an object": "{}", "no files": strings.Replace(good, `"files":[{`, `"files":[],"x":[{`, 1),
		"of another": strings.Replace(good, "a.tar", "b.tar", 1),
	} {
		if err := d.in.Cache.SetNote(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if d.Current(t.Context(), out) {
			t.Errorf("%s is taken for a stamp", what)
		}
	}
}
