package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// fill puts texts into a cache, the first used longest ago.
func fill(t *testing.T, c *Cache, texts ...string) {
	t.Helper()
	for i, text := range texts {
		if err := c.Put(digestOf(text), []byte(text)); err != nil {
			t.Fatal(err)
		}
		c.Name(digestOf(text), "name of\n"+text)
		path, _ := c.blob(digestOf(text))
		used := time.Now().Add(time.Duration(i-len(texts)) * 24 * time.Hour)
		if err := os.Chtimes(path, used, used); err != nil {
			t.Fatal(err)
		}
	}
}

func left(t *testing.T, c *Cache) []string {
	t.Helper()
	list, err := c.List()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range list {
		if e.Partial {
			texts = append(texts, "partial")
			continue
		}
		texts = append(texts, content(t, c, e.Digest))
		if want := "name of " + content(t, c, e.Digest); e.Name != want {
			t.Errorf("%s is named %q, want %q", e.Digest, e.Name, want)
		}
	}
	slices.Sort(texts)
	return texts
}

func TestPruneTakesTheLeastRecentlyUsed(t *testing.T) {
	day := 24 * time.Hour
	for what, test := range map[string]struct {
		policy Policy
		left   []string
	}{
		"a size":         {Policy{Max: 8}, []string{"dddd", "eeee"}},
		"an exact size":  {Policy{Max: 12}, []string{"cccc", "dddd", "eeee"}},
		"an age":         {Policy{Max: -1, Before: time.Now().Add(-3*day - time.Hour)}, []string{"cccc", "dddd", "eeee"}},
		"all":            {Policy{Max: -1, All: true}, nil},
		"all but":        {Policy{Max: -1, All: true, Keep: map[string]bool{digestOf("aaaa"): true}}, []string{"aaaa"}},
		"a size but":     {Policy{Max: 8, Keep: map[string]bool{digestOf("aaaa"): true}}, []string{"aaaa", "eeee"}},
		"nothing at all": {Policy{Max: -1}, []string{"aaaa", "bbbb", "cccc", "dddd", "eeee"}},
		"only in words":  {Policy{Max: 0, DryRun: true}, []string{"aaaa", "bbbb", "cccc", "dddd", "eeee"}},
	} {
		c := open(t)
		fill(t, c, "aaaa", "bbbb", "cccc", "dddd", "eeee")
		if _, err := c.Prune(t.Context(), test.policy, nil); err != nil {
			t.Fatal(err)
		}
		if got := left(t, c); !slices.Equal(got, test.left) {
			t.Errorf("%s leaves %q, want %q", what, got, test.left)
		}
	}
}

// What a build has looked at counts as used, so that the next trimming spares it.
func TestLookingAtABlobIsAUseOfIt(t *testing.T) {
	c := open(t)
	fill(t, c, "aaaa", "bbbb")
	if !c.Has(digestOf("aaaa"), 4) {
		t.Fatal("it is not there")
	}
	pruned, err := c.Trim(t.Context(), 4)
	if err != nil || len(pruned.Entries) != 1 || pruned.Left != 4 {
		t.Fatalf("pruned %+v, %v", pruned, err)
	}
	if got := left(t, c); !slices.Equal(got, []string{"aaaa"}) {
		t.Errorf("left are %q", got)
	}
}

func TestBeginningsOfBlobsArePrunedToo(t *testing.T) {
	c := open(t)
	w, err := c.Writer(t.Context(), digestOf("hello"), 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("he")); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if got := left(t, c); !slices.Equal(got, []string{"partial"}) {
		t.Fatalf("there are %q", got)
	}
	if _, err := c.Prune(t.Context(), Policy{Max: -1, All: true}, nil); err != nil || left(t, c) != nil {
		t.Errorf("left are %q, %v", left(t, c), err)
	}
}

// Another user of the cache, here with a lock of its own on it, counts on what it has
// seen there.
func TestNothingIsPrunedUnderOthers(t *testing.T) {
	c := open(t)
	fill(t, c, "aaaa")
	other, err := Open(c.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if pruned, err := c.Trim(t.Context(), 0); err != nil || len(pruned.Entries) != 0 {
		t.Errorf("trimming took %+v, %v", pruned, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := c.Prune(ctx, Policy{All: true}, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("pruning does not wait: %v", err)
	}
	if got := left(t, c); !slices.Equal(got, []string{"aaaa"}) {
		t.Fatalf("left are %q", got)
	}
	busy := func() { other.Close() }
	if _, err := c.Prune(t.Context(), Policy{All: true}, busy); err != nil || left(t, c) != nil {
		t.Errorf("left are %q, %v", left(t, c), err)
	}
}

func TestVerifyFindsWhatADiskHasLost(t *testing.T) {
	c := open(t)
	fill(t, c, "aaaa", "bbbb", "cccc")
	path, _ := c.blob(digestOf("bbbb"))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("bbxb"), 0o644); err != nil {
		t.Fatal(err)
	}
	var read int64
	damaged, err := c.Verify(t.Context(), func(n int64) { read += n })
	if err != nil || len(damaged) != 1 || damaged[0].Digest != digestOf("bbbb") || read != 12 {
		t.Errorf("read %d bytes: %+v, %v", read, damaged, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Verify(ctx, func(int64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A list of names that is none, or that nobody can write, costs the names alone.
func TestNamesAreNotVital(t *testing.T) {
	c := open(t)
	if err := os.WriteFile(filepath.Join(c.Dir(), "names"), make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(digestOf("a"), []byte("a")); err != nil {
		t.Fatal(err)
	}
	if list, err := c.List(); err != nil || len(list) != 1 {
		t.Errorf("listed %+v, %v", list, err)
	}
	if _, err := c.Prune(t.Context(), Policy{All: true}, nil); err != nil {
		t.Error(err)
	}
	os.Remove(filepath.Join(c.Dir(), "names"))
	os.Mkdir(filepath.Join(c.Dir(), "names"), 0o755)
	c.Name(digestOf("a"), "a")
	if _, err := c.List(); err != nil {
		t.Error(err)
	}
}
