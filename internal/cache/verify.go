package cache

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// ErrDamaged is wrapped by the errors about blobs whose bytes are no longer those
// that came in. Such a blob is dropped, so that the next fetch heals the cache.
var ErrDamaged = errors.New("damaged in the cache")

// Verify hashes every blob with all cores and returns those that are damaged, largest
// first. watch is called with the number of bytes read, one call at a time.
func (c *Cache) Verify(ctx context.Context, watch func(n int64)) ([]Entry, error) {
	list, err := c.List()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	damaged := make([]bool, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, e := range list {
		if e.Partial {
			continue // nobody takes it for whole
		}
		group.Go(func() (err error) {
			damaged[i], err = e.damaged(ctx, func(n int64) { mu.Lock(); defer mu.Unlock(); watch(n) })
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	i := -1
	return slices.DeleteFunc(list, func(Entry) bool { i++; return !damaged[i] }), nil
}

func (e *Entry) damaged(ctx context.Context, watch func(n int64)) (bool, error) {
	f, err := os.Open(e.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // another process has dropped it
	}
	if err != nil {
		return false, fmt.Errorf("verifying the cache: %w", err)
	}
	defer f.Close()
	sum := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		n, err := f.Read(buf)
		sum.Write(buf[:n])
		watch(int64(n))
		switch {
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case errors.Is(err, io.EOF):
			return fmt.Sprintf("sha256:%x", sum.Sum(nil)) != e.Digest, nil
		case err != nil:
			// A sector that cannot be read is damage as well.
			return true, nil
		}
	}
}
