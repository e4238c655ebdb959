package cache

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNotesAreKeptByTheirNames(t *testing.T) {
	dir := t.TempDir()
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/out/a.tar", "../../x", ""} {
		if got := c.Note(name); got != nil {
			t.Errorf("%q: there is %q before any note", name, got)
		}
		for _, text := range []string{"one", "two"} {
			if err := c.SetNote(name, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Note("../../x"); string(got) != "two" {
		t.Errorf("got %q", got)
	}
	if err := again.SetNote("../../x", nil); err != nil {
		t.Fatal(err)
	}
	if err := again.SetNote("../../x", nil); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
	if again.Note("../../x") != nil || again.Note("") == nil {
		t.Error("another note was removed")
	}
	for _, sub := range []string{"partial", "blobs/sha256"} {
		if left, _ := os.ReadDir(filepath.Join(dir, sub)); len(left) > 0 {
			t.Errorf("left in %s: %v", sub, left)
		}
	}
}

func TestANoteThatIsTooLargeIsNone(t *testing.T) {
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetNote("a", make([]byte, maxNote+1)); err != nil {
		t.Fatal(err)
	}
	if got := c.Note("a"); got != nil {
		t.Errorf("got %d bytes", len(got))
	}
}
