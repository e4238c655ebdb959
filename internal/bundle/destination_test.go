package bundle

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// emptyDir is a directory with a mode that no program gives to one.
func emptyDir(t *testing.T) (string, os.FileInfo) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o751)); err != nil {
		t.Fatal(err)
	}
	return dir, must(os.Stat(dir))
}

func TestADirectoryThatIsThereStays(t *testing.T) {
	in := sample(t)
	path := build(t, in, "a.tar")
	want := listDir(t, unpacked(t, path))
	for what, to := range map[string]func(dir string) string{
		"by its name": func(dir string) string { return dir },
		"here":        func(dir string) string { t.Chdir(dir); return "." },
		"by a link": func(dir string) string {
			link := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(dir, link); err != nil {
				t.Fatal(err)
			}
			return link
		},
	} {
		dir, before := emptyDir(t)
		name := to(dir)
		if err := Unpack(t.Context(), path, name, ""); err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		after := must(os.Stat(dir))
		if !os.SameFile(before, after) || before.Mode() != after.Mode() {
			t.Errorf("%s: it is another directory, or has another mode: %v", what, after.Mode())
		}
		if st := must(os.Lstat(name)); what == "by a link" && st.Mode().Type() != os.ModeSymlink {
			t.Errorf("the link is %v now", st.Mode())
		}
		if got := listDir(t, dir); !slices.Equal(got, want) {
			t.Errorf("%s: it has %q, want %q", what, got, want)
		}
		if found := problems(t, dir); len(found) > 0 {
			t.Errorf("%s: %v", what, found)
		}
		if left := must(os.ReadDir(filepath.Dir(dir))); len(left) != 1 {
			t.Errorf("%s: beside it are %v", what, left)
		}
	}
}

func TestALinkToNowhereIsNoDirectory(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("nowhere", link); err != nil {
		t.Fatal(err)
	}
	wantError(t, Unpack(t.Context(), build(t, sample(t), "a.tar"), link, ""), `a link to "nowhere"`)
	if _, err := os.Readlink(link); err != nil {
		t.Error(err)
	}
}

func TestADirectoryThatIsThereStaysEmptyAfterAnError(t *testing.T) {
	for what, path := range badBundles(t) {
		dir, _ := emptyDir(t)
		if err := Unpack(t.Context(), path, dir, ""); err == nil {
			t.Errorf("%s: no error", what)
		}
		if left := must(os.ReadDir(dir)); len(left) > 0 {
			t.Errorf("%s: left behind: %v", what, left)
		}
	}
	dir, _ := emptyDir(t)
	path := build(t, sample(t), "a.tar")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Unpack(ctx, path, dir, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := must(os.ReadDir(dir)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// cutOff is a directory as it is when a process is killed that has moved up so many names.
func cutOff(t *testing.T, path string, moved int) (dir string, names []string) {
	t.Helper()
	dir, _ = emptyDir(t)
	temp := filepath.Join(dir, ".satchel-whole.123.tmp")
	if err := Unpack(t.Context(), path, temp, ""); err != nil {
		t.Fatal(err)
	}
	names = listsLast(must(os.ReadDir(temp)))
	for _, name := range names[:moved] {
		if err := os.Rename(filepath.Join(temp, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, names
}

func TestWhatAKilledProcessHasMovedIsTakenBack(t *testing.T) {
	in := sample(t)
	path := build(t, in, "a.tar")
	_, names := cutOff(t, path, 0)
	if want := []string{sumsName, manifestName}; !slices.Equal(names[len(names)-2:], want) {
		t.Fatalf("the last names are %q", names)
	}
	for moved := range names {
		dir, _ := cutOff(t, path, moved)
		if _, err := Verify(t.Context(), dir); err == nil {
			t.Errorf("with %d of %d names it is taken for a bundle", moved, len(names))
		}
		if err := Unpack(t.Context(), path, dir, "worker1"); err != nil {
			t.Errorf("with %d of %d names: %v", moved, len(names), err)
			continue
		}
		if found := problems(t, dir); len(found) > 0 {
			t.Error(found)
		}
		if left := listDir(t, dir); slices.ContainsFunc(left, func(n string) bool { return strings.Contains(n, "master1") || n[0] == '.' }) {
			t.Errorf("with %d of %d names it has %q", moved, len(names), left)
		}
	}
	// All have moved, and only the temporary was left.
	dir, _ := cutOff(t, path, len(names))
	wantError(t, Unpack(t.Context(), path, dir, ""), "not empty")
	if found := problems(t, dir); len(found) > 0 {
		t.Error(found)
	}
}

// Somebody else's files stay, also where an earlier run was killed.
func TestOnlyWhatWasMovedIsTakenBack(t *testing.T) {
	path := build(t, sample(t), "a.tar")
	dir, names := cutOff(t, path, 1)
	mine := []string{"mine", names[1]} // the latter was still to be moved
	for _, name := range mine {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, Unpack(t.Context(), path, dir, ""), "not empty")
	for _, name := range mine {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	// A run that was killed while it wrote has moved nothing.
	dir, _ = emptyDir(t)
	if err := Unpack(t.Context(), path, filepath.Join(dir, ".satchel.123.tmp"), ""); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "install.sh"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantError(t, Unpack(t.Context(), path, dir, ""), `"install.sh" is in it`)
	if left := listDir(t, dir); !slices.Equal(left, []string{"install.sh"}) {
		t.Errorf("left: %q", left)
	}
}

func TestTwoDoNotUnpackIntoOneDirectory(t *testing.T) {
	path := build(t, sample(t), "a.tar")
	dir, _ := emptyDir(t)
	d := must(destinationAt(dir))
	err := d.take(func(string) error {
		wantError(t, Unpack(t.Context(), path, dir, ""), "another satchel is unpacking into it")
		return errors.New("enough")
	})
	wantError(t, err, "enough")
	// Nor is anything replaced that comes while it works.
	late := filepath.Join(dir, "bundle.json")
	err = d.take(func(temp string) error {
		return errors.Join(os.WriteFile(filepath.Join(temp, "bundle.json"), []byte("new"), 0o600), os.WriteFile(late, []byte("mine"), 0o600))
	})
	wantError(t, err, "not empty")
	if got := string(must(os.ReadFile(late))); got != "mine" {
		t.Errorf("it has %q", got)
	}
	if left := listDir(t, dir); !slices.Equal(left, []string{"bundle.json"}) {
		t.Errorf("left: %q", left)
	}
}
