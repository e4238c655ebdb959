package cache

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// openWithoutLocks opens a cache as on NFS whose lock service does not run.
func openWithoutLocks(t *testing.T, dir string) *Cache {
	t.Helper()
	c, err := openWith(dir, func(int, int) error { return syscall.ENOLCK })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestWithoutLocksTheCacheIsUsable(t *testing.T) {
	c, d := openWithoutLocks(t, filepath.Join(t.TempDir(), "cache")), digestOf("hello world")
	if err := c.Put(digestOf("a"), []byte("a")); err != nil {
		t.Fatal(err)
	}
	// Two write one blob at once, each to a file of its own; one breaks off.
	one, err := c.Writer(t.Context(), d, 11)
	if err != nil {
		t.Fatal(err)
	}
	other, err := c.Writer(t.Context(), d, 11)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []*Writer{one, other} {
		if _, err := io.WriteString(w, "hello "); err != nil {
			t.Fatal(err)
		}
	}
	if n := partials(t, c); n != 2 {
		t.Errorf("they write to %d files", n)
	}
	if _, err := io.WriteString(one, "world"); err != nil {
		t.Fatal(err)
	}
	if err := one.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(other.Restart(), other.Close()); err != nil {
		t.Fatal(err)
	}
	if got := content(t, c, d); got != "hello world" {
		t.Errorf("the blob is %q", got)
	}
	if n := partials(t, c); n != 0 {
		t.Errorf("%d files are left", n)
	}
	if _, err := c.Writer(t.Context(), d, 11); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
	// What breaks off is not for a later run, which could not tell that it is alone.
	w, err := c.Writer(t.Context(), digestOf("bytes"), 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "by"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || partials(t, c) != 0 {
		t.Errorf("%d files are left, %v", partials(t, c), err)
	}
}

func TestWithoutLocksNothingIsPruned(t *testing.T) {
	c := openWithoutLocks(t, t.TempDir())
	if err := c.Put(digestOf("a"), []byte("a")); err != nil {
		t.Fatal(err)
	}
	_, pruned := c.Prune(t.Context(), Policy{All: true}, func() { t.Error("it waits") })
	_, trimmed := c.Trim(t.Context(), 0)
	for _, err := range []error{pruned, trimmed} {
		if !errors.Is(err, syscall.ENOLCK) || !strings.Contains(err.Error(), "--cache") || !strings.Contains(err.Error(), c.Dir()) {
			t.Errorf("it says %v", err)
		}
	}
	if !c.Has(digestOf("a"), 1) {
		t.Error("it is gone")
	}
}

func TestWithoutLocksOnlyOldLeftoversAreSwept(t *testing.T) {
	dir := t.TempDir()
	c := openWithoutLocks(t, dir)
	w, err := c.Temp(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	old := filepath.Join(c.partials(), "new-1")
	past := time.Now().Add(-abandoned - time.Minute)
	if err := errors.Join(os.WriteFile(old, nil, 0o600), os.Chtimes(old, past, past)); err != nil {
		t.Fatal(err)
	}
	openWithoutLocks(t, dir)
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the leftover is there: %v", err)
	}
	if _, err := os.Stat(w.file.Name()); err != nil {
		t.Error(err)
	}
}
