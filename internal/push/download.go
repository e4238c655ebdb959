package push

import (
	"context"
	"errors"
	"io/fs"

	"github.com/satchel-kit/satchel/internal/cache"
)

// download is one blob on its way into the cache.
type download struct {
	*session
	store *cache.Cache
	// what has the digest, the size and the name; it cannot be opened.
	what  content
	watch func(int64)
}

// run brings the blob into the cache, from where an earlier run broke off. If what
// was there from it is wrong, all of it is brought anew, once.
func (d *download) run(ctx context.Context) error {
	w, err := d.store.Writer(ctx, d.what.digest, d.what.size)
	if errors.Is(err, fs.ErrExist) && !d.store.Has(d.what.digest, d.what.size) {
		// There, but not whole: what a crash or a damaged disk leaves.
		if err = d.store.Drop(d.what.digest); err == nil {
			w, err = d.store.Writer(ctx, d.what.digest, d.what.size)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster
	}
	if err != nil {
		return err
	}
	defer w.Close()
	w.Watch(d.watch)
	resumed := w.Offset() > 0
	for {
		if err = d.Copy(ctx, d.URL("blobs/"+d.what.digest), d.what.size, w); err == nil {
			err = w.Commit()
		}
		if !errors.Is(err, cache.ErrMismatch) || !resumed {
			return err
		}
		resumed = false
	}
}
