package cache

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func digestOf(data string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(data))) }

func open(t *testing.T) *Cache {
	t.Helper()
	c, err := Open(filepath.Join(t.TempDir(), "cache [1]"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func content(t *testing.T, c *Cache, digest string) string {
	t.Helper()
	f, err := c.Get(digest)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func partials(t *testing.T, c *Cache) int {
	t.Helper()
	entries, err := os.ReadDir(c.partials())
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// A scratch file takes bytes, and has no name that a crash would leave.
func TestAScratchFileHasNoName(t *testing.T) {
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("bytes"); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(c.partials()); err != nil || len(left) > 0 {
		t.Errorf("the cache has %v, %v", left, err)
	}
}

func TestPutBlobIsThereAndReadOnly(t *testing.T) {
	c, d := open(t), digestOf("hello")
	for range 2 {
		if err := c.Put(d, []byte("hello")); err != nil {
			t.Fatal(err)
		}
	}
	if !c.Has(d, 5) || c.Has(d, 4) || content(t, c, d) != "hello" {
		t.Error("the blob is not there as it was put")
	}
	path, _ := c.blob(d)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o444 {
		t.Errorf("mode is %v, %v; want 0444", info.Mode(), err)
	}
	if n := partials(t, c); n != 0 {
		t.Errorf("%d partial files are left", n)
	}
}

func TestWrongContentNeverBecomesABlob(t *testing.T) {
	c, d := open(t), digestOf("hello")
	if err := c.Put(d, []byte("jello")); !errors.Is(err, ErrMismatch) {
		t.Errorf("got %v, want a mismatch", err)
	}
	w, err := c.Writer(t.Context(), d, 5)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "jello")
	if err := w.Commit(); !errors.Is(err, ErrMismatch) {
		t.Errorf("got %v, want a mismatch", err)
	}
	if _, err := io.WriteString(w, "hello!"); !errors.Is(err, ErrMismatch) {
		t.Errorf("too many bytes: got %v, want a mismatch", err)
	}
	w.Close()
	if _, err := c.Get(d); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	if n := partials(t, c); n != 0 {
		t.Errorf("%d partial files are left", n)
	}
}

func TestDigestThatIsNoDigestStaysOutsideThePath(t *testing.T) {
	c := open(t)
	for _, d := range []string{"", "sha256:", "sha256:../../../etc/passwd", "sha512:" + digestOf("")[7:], digestOf("x") + "0", "sha256:" + "ABCDEF" + digestOf("x")[13:]} {
		if err := c.Put(d, nil); err == nil {
			t.Errorf("Put(%q) succeeded", d)
		}
		if _, err := c.Get(d); err == nil {
			t.Errorf("Get(%q) succeeded", d)
		}
		if _, err := c.Writer(t.Context(), d, 1); err == nil {
			t.Errorf("Writer(%q) succeeded", d)
		}
	}
}

func TestWriterGoesOnWhereAnEarlierOneStopped(t *testing.T) {
	c, d := open(t), digestOf("hello world")
	w, _ := c.Writer(t.Context(), d, 11)
	io.WriteString(w, "hello ")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w, err := c.Writer(t.Context(), d, 11)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if w.Offset() != 6 {
		t.Fatalf("offset is %d, want 6", w.Offset())
	}
	var seen int64
	w.Watch(func(n int64) { seen += n })
	io.WriteString(w, "world")
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if seen != 11 || content(t, c, d) != "hello world" {
		t.Errorf("watched %d bytes of %q", seen, content(t, c, d))
	}
	if _, err := c.Writer(t.Context(), d, 11); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a writer for a present blob: got %v, want fs.ErrExist", err)
	}
}

func TestDamagedPartialIsDroppedAndWrittenAnew(t *testing.T) {
	c, d := open(t), digestOf("hello world")
	w, _ := c.Writer(t.Context(), d, 11)
	io.WriteString(w, "hellO ")
	w.Close()
	w, _ = c.Writer(t.Context(), d, 11)
	defer w.Close()
	io.WriteString(w, "world")
	if err := w.Commit(); !errors.Is(err, ErrMismatch) || w.Offset() != 0 {
		t.Fatalf("got %v at offset %d, want a mismatch at 0", err, w.Offset())
	}
	io.WriteString(w, "hello world")
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestTempFindsItsDigest(t *testing.T) {
	c := open(t)
	w, err := c.Temp(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "hello")
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if w.Digest() != digestOf("hello") || !c.Has(w.Digest(), 5) {
		t.Error("the blob is not there")
	}
	w, _ = c.Temp(t.Context())
	io.WriteString(w, "given up")
	w.Close()
	if n := partials(t, c); n != 0 {
		t.Errorf("%d partial files are left", n)
	}
}

func TestSweepTakesLeftoversAndSparesTheLiving(t *testing.T) {
	c := open(t)
	os.WriteFile(filepath.Join(c.partials(), "new-dead"), []byte("x"), 0o600)
	w, _ := c.Temp(t.Context())
	defer w.Close()
	if _, err := Open(c.dir); err != nil {
		t.Fatal(err)
	}
	if n := partials(t, c); n != 1 {
		t.Errorf("%d partial files, want only the living one", n)
	}
	io.WriteString(w, "alive")
	if err := w.Commit(); err != nil {
		t.Error(err)
	}
}

func TestTwoWritersOfOneBlobDoNotMix(t *testing.T) {
	c, d := open(t), digestOf("hello world")
	var all sync.WaitGroup
	var wrote, present int
	var mu sync.Mutex
	for range 8 {
		all.Go(func() {
			w, err := c.Writer(t.Context(), d, 11)
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, fs.ErrExist) {
				present++
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			defer w.Close()
			io.WriteString(w, "hello world")
			if err := w.Commit(); err != nil {
				t.Error(err)
			}
			wrote++
		})
	}
	all.Wait()
	if wrote != 1 || present != 7 {
		t.Errorf("%d wrote and %d found it; want 1 and 7", wrote, present)
	}
}

func TestWaitingForALockedBlobEndsWithTheContext(t *testing.T) {
	c, d := open(t), digestOf("hello")
	w, _ := c.Writer(t.Context(), d, 5)
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := c.Writer(ctx, d, 5); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
}
