package fetch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/upstream"
)

// workers is how many blobs come in at once, over all servers together.
const workers = 8

// Delivery is a fetch under way, so that what has come in can be packed while the rest
// comes.
type Delivery struct {
	arrivals map[string]*arrival // by digest
	ended    chan struct{}
	err      error // once it ended
}

// arrival is one item on its way.
type arrival struct {
	there  chan struct{} // closed once it is in the cache
	hashed bool
}

// Start begins to bring items into the cache, in their order.
func Start(ctx context.Context, client *upstream.Client, store *cache.Cache, items []lock.Item, bars *progress.Bars) *Delivery {
	d := &Delivery{arrivals: map[string]*arrival{}, ended: make(chan struct{})}
	for _, i := range items {
		d.arrivals[i.Digest] = &arrival{there: make(chan struct{})}
	}
	f := &fetcher{client: client, store: store, bars: bars}
	go func() {
		d.err = d.run(ctx, f, items)
		close(d.ended)
	}()
	return d
}

// Wait waits for everything.
func (d *Delivery) Wait() error {
	<-d.ended
	return d.err
}

// Await waits until a blob is in the cache, if it is one of those on their way. It
// tells whether this process has just hashed it.
func (d *Delivery) Await(ctx context.Context, digest string) (hashed bool, err error) {
	a := d.arrivals[digest]
	if a == nil {
		return false, nil
	}
	select {
	case <-a.there:
		return a.hashed, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-d.ended:
	}
	select {
	case <-a.there:
		return a.hashed, nil
	default:
		return false, fmt.Errorf("waiting for %s: %w", digest, d.err)
	}
}

func (d *Delivery) run(ctx context.Context, f *fetcher, items []lock.Item) error {
	problems := make([]error, len(items))
	var begun atomic.Int64
	var hopeless atomic.Bool
	var group errgroup.Group
	group.SetLimit(workers)
	for i, item := range items {
		group.Go(func() error {
			// Once a server is out of reach, or the disk full, nothing more begins:
			// no item would fare better than this one.
			if hopeless.Load() || ctx.Err() != nil {
				return nil
			}
			begun.Add(1)
			a := d.arrivals[item.Digest]
			a.hashed, problems[i] = f.item(ctx, item)
			if problems[i] == nil {
				close(a.there)
			} else if upstream.Temporary(problems[i]) || cache.Full(problems[i]) {
				hopeless.Store(true)
			}
			return nil
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := errors.Join(problems...)
	if full := slices.IndexFunc(problems, cache.Full); full >= 0 {
		err = problems[full] // the others that ran met the same disk
	}
	if rest := len(items) - int(begun.Load()); err != nil && rest > 0 {
		err = fmt.Errorf("%w\n%d more were not tried; what has arrived is kept for the next run", err, rest)
	}
	return err
}
