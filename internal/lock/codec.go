package lock

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Bytes is the one way in which a lock is written: indented JSON that is easy to
// review line by line, with a newline at the end.
func (l *Lock) Bytes() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // a URL may have an ampersand
	enc.SetIndent("", "  ")
	if err := enc.Encode(l.filled()); err != nil {
		panic(err) // these types can always be encoded
	}
	return b.Bytes()
}

// filled has empty lists where l has none, so that JSON never says null.
func (l *Lock) filled() *Lock {
	c := &Lock{Format: l.Format, Images: append([]Image{}, l.Images...), Files: append([]File{}, l.Files...), Packages: slices.Clone(l.Packages)}
	for i := range c.Packages {
		c.Packages[i] = c.Packages[i].filled()
	}
	for i := range c.Images {
		if from := c.Images[i].From; from != nil {
			with := *from
			with.Parts = append([]Part{}, from.Parts...)
			c.Images[i].From = &with
		}
		c.Images[i].Manifests = append([]Manifest{}, c.Images[i].Manifests...)
		for j := range c.Images[i].Manifests {
			m := &c.Images[i].Manifests[j]
			m.Layers = append([]Blob{}, m.Layers...)
		}
		c.Images[i].Attached = slices.Clone(c.Images[i].Attached)
		for j := range c.Images[i].Attached {
			a := &c.Images[i].Attached[j]
			a.Blobs = append([]Blob{}, a.Blobs...)
		}
	}
	return c
}

// Digest names the whole lock.
func (l *Lock) Digest() string {
	sum := newDigester()
	sum.Write(l.Bytes())
	return sum.digest()
}

// WriteFile writes the lock so that path has either all of it or what it had.
func (l *Lock) WriteFile(path string) error {
	if err := writeWhole(path, l.Bytes()); err != nil {
		return fmt.Errorf("writing lock %q: %w", path, err)
	}
	return nil
}

// writeWhole writes beside the path, to a name that is always the same: what a killed
// process leaves is what the next one goes on with.
func writeWhole(path string, data []byte) (err error) {
	f, err := openAlone(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp"))
	if err != nil {
		return err
	}
	defer f.Close()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := f.Truncate(0); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// openAlone opens a file, or creates it, and waits until no other process writes to it.
func openAlone(name string) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		// A file system without locks has nothing to wait for.
		for errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX), syscall.EINTR) {
		}
		mine, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if there, err := os.Lstat(name); err == nil && os.SameFile(mine, there) {
			return f, nil
		}
		f.Close() // the other has made it the final one
	}
}

type digester struct{ hash.Hash }

func newDigester() digester       { return digester{sha256.New()} }
func (d digester) digest() string { return fmt.Sprintf("sha256:%x", d.Sum(nil)) }
