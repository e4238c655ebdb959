package cache

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxNote is more than any note has.
const maxNote = 1 << 20

// Note is a small text that an earlier run has left under a name for later ones. No work
// is lost with it but its own: nil says that there is none, or none that can be read.
func (c *Cache) Note(name string) []byte {
	f, err := os.Open(c.note(name))
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxNote+1))
	if err != nil || len(data) > maxNote {
		return nil
	}
	return data
}

// SetNote leaves a note in place of what was under the name. Empty data removes it.
func (c *Cache) SetNote(name string, data []byte) error {
	path := c.note(name)
	if len(data) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing a note from the cache: %w", err)
		}
		return nil
	}
	if err := c.writeNote(path, data); err != nil {
		return fmt.Errorf("leaving a note in the cache: %w", explain(err))
	}
	return nil
}

func (c *Cache) writeNote(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return c.replace(path, data)
}

// note is where a note lies. No part of its name becomes one of a path.
func (c *Cache) note(name string) string {
	return filepath.Join(c.dir, "notes", fmt.Sprintf("%x", sha256.Sum256([]byte(name))))
}
