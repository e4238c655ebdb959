package fetch

import (
	"context"
	"fmt"
	"sync"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/upstream"
)

// Jobs is how many contents come in at once, over all servers together, unless the
// caller says otherwise.
const Jobs = 8

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
func Start(ctx context.Context, client *upstream.Client, store *cache.Cache, items []lock.Item, jobs int, bars *progress.Bars) *Delivery {
	d := &Delivery{arrivals: map[string]*arrival{}, ended: make(chan struct{})}
	for _, i := range items {
		d.arrivals[i.Digest] = &arrival{there: make(chan struct{})}
	}
	f := &fetcher{client: client, store: store, jobs: jobs, bars: bars}
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
	q := &queue{items: items, lost: map[string]bool{}}
	var all sync.WaitGroup
	for i := range f.jobs + smallJobs {
		next := q.largest
		if i >= f.jobs {
			next = q.smallest
		}
		all.Go(func() {
			for item, more := next(f.host); more && ctx.Err() == nil; item, more = next(f.host) {
				a := d.arrivals[item.Digest]
				hashed, err := f.item(ctx, item)
				if a.hashed = hashed; err == nil {
					close(a.there)
				}
				q.done(f.host(item), err)
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return q.verdict()
}
