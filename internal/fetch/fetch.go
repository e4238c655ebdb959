// Package fetch brings everything that a lock names and upstream has into the
// cache: each distinct blob once, exactly as the lock has it. It decides nothing
// about names and tags, and reads no spec and no plan. Of the images that satchel
// makes it fetches what they are made of; lock.Make does the rest.
package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/disk"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/upstream"
)

// Missing lists what has to come from upstream for the cache to have all of a lock,
// largest first.
func Missing(store *cache.Cache, l *lock.Lock) []lock.Item {
	var items []lock.Item
	seen := map[string]bool{}
	add := func(i lock.Item) {
		if !seen[i.Digest] && !store.Has(i.Digest, i.Size) {
			seen[i.Digest] = true
			items = append(items, i)
		}
	}
	for _, i := range l.Blobs() {
		switch {
		case i.Of == nil:
			add(i)
		case !store.Has(i.Digest, i.Size):
			for _, part := range i.Of {
				add(part)
			}
		}
	}
	// A large blob that begins last would run alone at the end.
	slices.SortStableFunc(items, func(a, b lock.Item) int { return cmp.Compare(b.Size, a.Size) })
	return items
}

// Split takes apart what says what a bundle consists of, manifests and configs (and
// packages, of which the indexes of their repositories are made), and what it consists
// of.
func Split(items []lock.Item) (descriptions, contents []lock.Item) {
	for _, i := range items {
		if i.Manifest || i.Config || i.Package {
			descriptions = append(descriptions, i)
		} else {
			contents = append(contents, i)
		}
	}
	return descriptions, contents
}

// Fetch brings items into the cache. What has come stays there when something else
// fails or the context ends, and a later call goes on from it.
func Fetch(ctx context.Context, client *upstream.Client, store *cache.Cache, items []lock.Item, jobs int, bars *progress.Bars) error {
	d := New(ctx, client, store, items, jobs, bars)
	defer d.Stop()
	d.Begin(func(string) *disk.Writer { return nil })
	return d.Wait()
}

type fetcher struct {
	client *upstream.Client
	store  *cache.Cache
	jobs   int
	bars   *progress.Bars

	place      func(digest string) *disk.Writer
	onlyPlaced bool
}

// host is the server that is asked for an item.
func (f *fetcher) host(item lock.Item) string {
	if item.URL != "" {
		return f.client.Host(item.URL, "")
	}
	return f.client.Host(item.Image, item.Digest)
}

func (f *fetcher) item(ctx context.Context, item lock.Item) (how outcome, err error) {
	bar := f.bars.Start(title(item), item.Size)
	defer func() { bar.Done(err) }()
	if item.Manifest {
		err = f.manifest(ctx, item, bar)
	} else {
		how, err = f.blob(ctx, item, bar)
	}
	switch {
	case errors.Is(err, cache.ErrMismatch):
		return outcome{}, named(item, f.mismatch(item, err))
	case item.Package && upstream.NotFound(err):
		return outcome{}, named(item, fmt.Errorf("%w; where its repository has gone on since it was locked, run `satchel lock`", err))
	}
	if err == nil && !(how.placed && f.onlyPlaced) {
		f.store.Name(item.Digest, cmp.Or(item.URL, item.Image))
	}
	return how, err
}

// named begins an error with what the item is for, where that is known.
func named(item lock.Item, err error) error {
	if item.Use == "" {
		return err
	}
	return fmt.Errorf("%s: %w", item.Use, err)
}

func (f *fetcher) mismatch(item lock.Item, err error) error {
	asked := f.client.Where(item.URL, "")
	if item.URL == "" {
		asked = f.client.Where(item.Image, item.Digest)
	}
	return fmt.Errorf("fetching %q from %s: %w (upstream or its mirror has other content than satchel.lock; check it, and run `satchel lock` if the change is right)",
		cmp.Or(item.URL, item.Image), asked, err)
}

func (f *fetcher) manifest(ctx context.Context, item lock.Item, bar *progress.Bar) error {
	name, err := item.Reference()
	if err != nil {
		return err
	}
	m, err := f.client.Manifest(ctx, name)
	if err != nil {
		return err
	}
	if int64(len(m.Bytes)) != item.Size {
		return fmt.Errorf("%w: %s has %d bytes, and the lock says %d", cache.ErrMismatch, item.Digest, len(m.Bytes), item.Size)
	}
	bar.Add(item.Size)
	return f.store.Put(item.Digest, m.Bytes)
}

// blob downloads a blob to where it belongs: into the cache, to its place, or both.
func (f *fetcher) blob(ctx context.Context, item lock.Item, bar *progress.Bar) (outcome, error) {
	place := f.place(item.Digest)
	if f.onlyPlaced && place != nil {
		w := cache.Passing(item.Digest, item.Size, place)
		return outcome{hashed: true, placed: true}, f.download(ctx, item, w, bar)
	}
	w, err := f.store.Writer(ctx, item.Digest, item.Size)
	if errors.Is(err, fs.ErrExist) && !f.store.Has(item.Digest, item.Size) {
		// There, but not whole: what a crash or a damaged disk leaves.
		if err = f.store.Drop(item.Digest); err == nil {
			w, err = f.store.Writer(ctx, item.Digest, item.Size)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return outcome{}, nil // another process was faster
	}
	if err != nil {
		return outcome{}, err
	}
	defer w.Close()
	if place != nil {
		if err := w.Also(place); err != nil {
			return outcome{}, err
		}
	}
	return outcome{hashed: true, placed: place != nil}, f.download(ctx, item, w, bar)
}

// download fills w. When the beginning from an earlier run turns out wrong it is dropped
// and the blob downloaded whole, once.
func (f *fetcher) download(ctx context.Context, item lock.Item, w *cache.Writer, bar *progress.Bar) error {
	w.Watch(bar.Add)
	resumed := w.Offset() > 0
	err := f.downloadOnce(ctx, item, w)
	if errors.Is(err, cache.ErrMismatch) && resumed {
		err = f.downloadOnce(ctx, item, w)
	}
	return err
}

func (f *fetcher) downloadOnce(ctx context.Context, item lock.Item, w *cache.Writer) error {
	var err error
	if item.URL != "" {
		err = f.client.File(ctx, item.URL, item.Size, w)
	} else {
		err = f.client.Blob(ctx, item.Image, item.Digest, item.Size, w)
	}
	if err != nil {
		return err
	}
	return w.Commit()
}

// title names an item for people: the last part of a URL, or an image and the
// beginning of the digest.
func title(item lock.Item) string {
	if item.URL != "" {
		return path.Base(item.URL)
	}
	digits := strings.TrimPrefix(item.Digest, "sha256:")
	return item.Image + " " + digits[:min(12, len(digits))]
}
