package cache

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Entry is a file of the cache.
type Entry struct {
	// Digest is empty for the leftovers of a transfer that had none.
	Digest string
	// Size is in bytes.
	Size int64
	// Used is when the blob last came in or was asked for, to the hour.
	Used time.Time
	// Partial says that it is the beginning of a blob whose transfer broke off.
	Partial bool
	// Name is what the blob came in as; empty if nobody said.
	Name string

	path string
}

// List has everything in the cache, largest first.
func (c *Cache) List() ([]Entry, error) {
	names := c.names()
	var list []Entry
	for _, dir := range []string{c.blobs(), c.partials()} {
		files, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("listing the cache: %w", err)
		}
		for _, f := range files {
			info, err := f.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // another process is done with it
			}
			if err != nil {
				return nil, fmt.Errorf("listing the cache: %w", err)
			}
			e := Entry{Size: info.Size(), Used: info.ModTime(), Partial: dir == c.partials(), path: filepath.Join(dir, f.Name())}
			if digits := strings.TrimPrefix(f.Name(), "sha256-"); len(digits) == 64 {
				e.Digest = "sha256:" + digits
			}
			e.Name = names[e.Digest]
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Digest, b.Digest))
	})
	return list, nil
}
