package fetch

import (
	"context"
	"fmt"
	"sync"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/disk"
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
	ctx     context.Context
	cancel  context.CancelFunc
	fetcher *fetcher
	items   []lock.Item
	begun   bool

	arrivals map[string]*arrival // by digest
	ended    chan struct{}
	err      error // once it ended
}

// arrival is one item on its way.
type arrival struct {
	there chan struct{} // closed once it is where it should be
	how   outcome
}

// outcome says how an item came.
type outcome struct {
	hashed bool // by this process
	placed bool
}

// New is a delivery of items into the cache, in their order, that has not begun.
func New(ctx context.Context, client *upstream.Client, store *cache.Cache, items []lock.Item, jobs int, bars *progress.Bars) *Delivery {
	ctx, cancel := context.WithCancel(ctx)
	d := &Delivery{
		ctx: ctx, cancel: cancel, fetcher: &fetcher{client: client, store: store, jobs: jobs, bars: bars}, items: items,
		arrivals: map[string]*arrival{}, ended: make(chan struct{}),
	}
	for _, i := range items {
		d.arrivals[i.Digest] = &arrival{there: make(chan struct{})}
	}
	return d
}

// OnlyPlaced has what has a place go there alone, and not into the cache.
func (d *Delivery) OnlyPlaced() { d.fetcher.onlyPlaced = true }

// Begin begins. What place has a writer for is written there too, on its way into the
// cache; place is called from several goroutines.
func (d *Delivery) Begin(place func(digest string) *disk.Writer) {
	d.begun, d.fetcher.place = true, place
	go func() {
		d.err = d.run(d.ctx, d.fetcher)
		close(d.ended)
	}()
}

// Stop ends what has not come yet, and returns when nothing is written any more. A
// delivery must be stopped, also one that is over.
func (d *Delivery) Stop() {
	d.cancel()
	_ = d.Wait()
}

// Wait waits for everything, if it has begun.
func (d *Delivery) Wait() error {
	if !d.begun {
		return nil
	}
	<-d.ended
	return d.err
}

// Await waits for a blob, if it is one of those on their way. It tells whether this
// process has just hashed it, and whether it is in its place.
func (d *Delivery) Await(ctx context.Context, digest string) (hashed, placed bool, err error) {
	a := d.arrivals[digest]
	if a == nil {
		return false, false, nil
	}
	select {
	case <-a.there:
		return a.how.hashed, a.how.placed, nil
	case <-ctx.Done():
		return false, false, context.Cause(ctx)
	case <-d.ended:
	}
	select {
	case <-a.there:
		return a.how.hashed, a.how.placed, nil
	default:
		return false, false, fmt.Errorf("waiting for %s: %w", digest, d.err)
	}
}

func (d *Delivery) run(ctx context.Context, f *fetcher) error {
	q := &queue{items: d.items, lost: map[string]bool{}}
	var all sync.WaitGroup
	for i := range f.jobs + smallJobs {
		next := q.largest
		if i >= f.jobs {
			next = q.smallest
		}
		all.Go(func() {
			for item, more := next(f.host); more && ctx.Err() == nil; item, more = next(f.host) {
				a := d.arrivals[item.Digest]
				how, err := f.item(ctx, item)
				if a.how = how; err == nil {
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
