package bundle

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func unpacked(t testing.TB, path string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site")
	if err := Unpack(t.Context(), path, dir, ""); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestUnpackGivesEveryFileWithItsMode(t *testing.T) {
	before := syscall.Umask(0o077)
	defer syscall.Umask(before)
	in := sample(t)
	for _, name := range []string{"a.tar", "a.tar.gz", "a.tar.zst"} {
		dir := unpacked(t, build(t, in, name))
		for _, it := range must(assemble(in)) {
			st, err := os.Stat(filepath.Join(dir, it.Path))
			if err != nil || st.Mode() != it.Mode.Perm() || st.Size() != it.Size {
				t.Errorf("%s: %s: %v, %v", name, it.Path, st, err)
			}
		}
		if found := problems(t, dir); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
		if st := must(os.Stat(filepath.Join(dir, "hosts"))); st.Mode().Perm() != 0o755 {
			t.Errorf("%s: a directory has mode %v", name, st.Mode())
		}
	}
}

func TestUnpackForOneHostLeavesTheOthersOut(t *testing.T) {
	path := build(t, sample(t), "a.tar")
	dir := filepath.Join(t.TempDir(), "site")
	if err := Unpack(t.Context(), path, dir, "worker1"); err != nil {
		t.Fatal(err)
	}
	names := listDir(t, dir)
	if !slices.Contains(names, "hosts/worker1/kubeadm.yaml") || slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "master1") }) {
		t.Errorf("got %q", names)
	}
	report, err := Verify(t.Context(), dir)
	if err != nil || len(report.Problems) > 0 || !slices.Equal(report.LeftOut, []string{"master1"}) {
		t.Errorf("verify says %+v, %v", report, err)
	}
	again := filepath.Join(t.TempDir(), "again")
	if err := Unpack(t.Context(), dir, again, "worker1"); err != nil {
		t.Errorf("unpacking what was unpacked for the host: %v", err)
	}
	wantError(t, Unpack(t.Context(), dir, again+"2", ""), "missing", "hosts/master1/")
}

func TestUnpackRefuses(t *testing.T) {
	path := build(t, sample(t), "a.tar")
	dir := t.TempDir()
	wantError(t, Unpack(t.Context(), path, filepath.Join(dir, "x"), "nobody"), `"nobody"`, "master1, worker1")

	full := filepath.Join(dir, "full")
	if err := errors.Join(os.Mkdir(full, 0o755), os.WriteFile(filepath.Join(full, "mine"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	wantError(t, Unpack(t.Context(), path, full, ""), "not empty")
	wantError(t, Unpack(t.Context(), path, filepath.Join(dir, "no", "parent"), ""), "no such file")
	if left := listDir(t, dir); !slices.Equal(left, []string{"full/mine"}) {
		t.Errorf("left behind: %q", left)
	}
}

func TestUnpackTakesAnEmptyDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := Unpack(t.Context(), build(t, sample(t), "a.tar"), dir, ""); err != nil {
		t.Fatal(err)
	}
	if found := problems(t, dir); len(found) > 0 {
		t.Error(found)
	}
}

func TestABadBundleLeavesNothingUnpacked(t *testing.T) {
	for what, path := range badBundles(t) {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			if err := Unpack(t.Context(), path, filepath.Join(dir, "site"), ""); err == nil {
				t.Error("no error")
			}
			if left := must(os.ReadDir(dir)); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestUnpackEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	path, dir := build(t, sample(t), "a.tar"), t.TempDir()
	cancel()
	if err := Unpack(ctx, path, filepath.Join(dir, "site"), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := must(os.ReadDir(dir)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOpeningWhatIsNoBundle(t *testing.T) {
	_, err := Verify(t.Context(), filepath.Join(t.TempDir(), "absent"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	_, err = Inspect(t.Context(), t.TempDir())
	wantError(t, err, "no bundle.json")
}
