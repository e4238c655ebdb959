package cache

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Name remembers, for people who look at the cache, what a blob came in as. Nothing
// depends on it, so that a failure is none.
func (c *Cache) Name(digest, name string) {
	name = strings.Join(strings.Fields(name), " ")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.named == nil {
		c.named = c.names()
	}
	if c.named[digest] == name {
		return
	}
	c.named[digest] = name
	f, err := os.OpenFile(c.nameFile(), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return
	}
	// One write of one line: those of several processes do not mix.
	_, _ = f.WriteString(digest + " " + name + "\n")
	_ = f.Close()
}

// names has what blobs came in as, by digest; the last word counts.
func (c *Cache) names() map[string]string {
	all := map[string]string{}
	f, err := os.Open(c.nameFile())
	if err != nil {
		return all
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if digest, name, ok := strings.Cut(lines.Text(), " "); ok {
			all[digest] = name
		}
	}
	return all
}

// forget drops the names of what is gone. It is called by who has the cache alone.
func (c *Cache) forget() error {
	old, err := os.Open(c.nameFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer old.Close()
	var kept bytes.Buffer
	lines := bufio.NewScanner(old)
	for lines.Scan() {
		digest, _, _ := strings.Cut(lines.Text(), " ")
		if path, err := c.blob(digest); err == nil {
			if _, err := os.Stat(path); err == nil {
				fmt.Fprintln(&kept, lines.Text())
			}
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		kept.Reset() // nothing of ours
	}
	return c.replace(c.nameFile(), kept.Bytes())
}

func (c *Cache) nameFile() string { return filepath.Join(c.dir, "names") }

// replace writes a small file as a whole.
func (c *Cache) replace(path string, data []byte) error {
	// Below partials, so that a sweep finds what a killed process leaves.
	f, err := os.CreateTemp(c.partials(), "new-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(data))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
