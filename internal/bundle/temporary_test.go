package bundle

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
)

func TestLeftoversOfKilledProcessesAreSwept(t *testing.T) {
	in := sample(t)
	dir := t.TempDir()
	kept := []string{".a.tar.old.tmp", ".a.tar.12", ".a.tar.gz.12.tmp", "a.tar.12.tmp", ".b.tar.12.tmp"}
	for _, name := range append(kept, ".a.tar.123.tmp", ".site.77.tmp/hosts/x") {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("cut short"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "a.tar")
	if err := Write(t.Context(), out, in, nil); err != nil {
		t.Fatal(err)
	}
	if err := Unpack(t.Context(), out, filepath.Join(dir, "site"), ""); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	want := append(kept, "a.tar", "site")
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left: %q, want %q", left, want)
	}
}

// TestALivingBuildIsNotSwept promises that two builds of one output do not take
// each other's file away.
func TestALivingBuildIsNotSwept(t *testing.T) {
	in := sample(t)
	out := filepath.Join(t.TempDir(), "a.tar")
	var once sync.Once
	watch := func(int64) {
		once.Do(func() {
			if err := Write(t.Context(), out, in, nil); err != nil {
				t.Error(err)
			}
		})
	}
	if err := Write(t.Context(), out, in, watch); err != nil {
		t.Fatal(err)
	}
	if found := problems(t, out); len(found) > 0 {
		t.Error(found)
	}
	if left := listDir(t, filepath.Dir(out)); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

func TestManyBuildsOfOneOutputAllSucceed(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 20 {
				temp, err := newTemporary(filepath.Join(dir, "site"), os.MkdirTemp)
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.Remove(temp.name); err != nil {
					t.Errorf("it was swept while it was held: %v", err)
				}
				temp.release()
			}
		})
	}
	all.Wait()
}

func TestSweepingFollowsNoLink(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	precious := filepath.Join(other, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{".a.tar.1.tmp": precious, ".a.tar.2.tmp": other} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, ".a.tar.3.tmp"), 0o600); err != nil {
		t.Fatal(err)
	}
	sweep(dir, "a.tar")
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
	if left := listDir(t, dir); len(left) != 3 {
		t.Errorf("left: %q", left)
	}
}
