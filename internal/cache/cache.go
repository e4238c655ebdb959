// Package cache is the content-addressed store on the build machine: blobs
// named by their SHA-256, shared by images and files, and the beginnings of
// blobs whose transfer broke off. It knows nothing of networks or formats.
//
// A blob is in blobs/sha256 only after its bytes have hashed to its name. Presence and
// size decide whether it has to be fetched, and nothing else: whoever uses the bytes for
// good (packing, installing) hashes them once more, because disks decay and power fails.
//
// Many processes may use one cache. Only who has it alone removes what is whole. Where a
// file system has no locks, nobody can have it alone, and each writes to files of its own.
package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Cache is a store in one directory. It may be used from many goroutines, and
// many processes may use one directory.
type Cache struct {
	dir  string
	held *os.File // locked; nil for a cache that cannot be written to
	// noLocks is why the file system has no locks, or nil.
	noLocks error

	mu    sync.Mutex
	named map[string]string // by digest; nil until it is read
}

// fresh is how exact the time is at which a blob was last used: to set it at each use
// would be work for nothing.
const fresh = time.Hour

// Open opens the store in dir and creates what is missing of it.
func Open(dir string) (*Cache, error) { return openWith(dir, syscall.Flock) }

func openWith(dir string, flock func(fd, how int) error) (*Cache, error) {
	c := &Cache{dir: dir}
	for _, d := range []string{c.blobs(), c.partials()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("opening cache %q: %w", dir, explain(err))
		}
	}
	if err := c.hold(flock); err != nil {
		return nil, fmt.Errorf("opening cache %q: %w", dir, explain(err))
	}
	if err := c.sweep(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening cache %q: %w", dir, err), c.Close())
	}
	return c, nil
}

// Dir is where the cache is.
func (c *Cache) Dir() string { return c.dir }

// Has tells whether the blob is there with that size, and counts as a use of it. It
// costs one stat.
func (c *Cache) Has(digest string, size int64) bool {
	path, err := c.blob(digest)
	if err != nil {
		return false
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != size {
		return false
	}
	if now := time.Now(); now.Sub(info.ModTime()).Abs() > fresh {
		// In a cache that belongs to another user it stays old; so be it.
		_ = os.Chtimes(path, time.Time{}, now)
	}
	return true
}

// Get opens a blob for reading. The error wraps fs.ErrNotExist if the blob is
// absent.
func (c *Cache) Get(digest string) (*os.File, error) {
	path, err := c.blob(digest)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s from the cache: %w", digest, err)
	}
	return f, nil
}

// Put stores a small blob, such as a manifest, whose bytes are at hand.
func (c *Cache) Put(digest string, data []byte) error {
	if _, err := c.blob(digest); err != nil || c.Has(digest, int64(len(data))) {
		return err
	}
	// Two that put one blob write it twice, each to a file of its own: for
	// small blobs that is simpler than waiting for each other.
	w, err := c.Temp(context.Background())
	if err != nil {
		return err
	}
	defer w.Close()
	w.want, w.size = digest, int64(len(data))
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("storing %s: %w", digest, err)
	}
	return w.Commit()
}

// Scratch makes an empty file where the cache has its room. It has no name any more, so
// that it is gone once it is closed, also by a crash.
func (c *Cache) Scratch() (*os.File, error) {
	f, err := os.CreateTemp(c.partials(), "new-*")
	if err != nil {
		return nil, fmt.Errorf("creating a file in the cache: %w", explain(err))
	}
	if err := os.Remove(f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Drop forgets a blob, for instance a damaged one.
func (c *Cache) Drop(digest string) error {
	path, err := c.blob(digest)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("dropping %s from the cache: %w", digest, err)
	}
	return nil
}

func (c *Cache) blobs() string    { return filepath.Join(c.dir, "blobs", "sha256") }
func (c *Cache) partials() string { return filepath.Join(c.dir, "partial") }

// blob is where a blob lies. Only a well-formed digest becomes part of a path.
func (c *Cache) blob(digest string) (string, error) {
	digits, ok := strings.CutPrefix(digest, "sha256:")
	if !ok || len(digits) != 64 || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", fmt.Errorf("digest %q is not \"sha256:\" and 64 lower-case hexadecimal digits", digest)
	}
	return filepath.Join(c.blobs(), digits), nil
}
