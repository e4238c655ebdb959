package push

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Count is how many blobs, and how many bytes.
type Count struct {
	Blobs int   `json:"blobs"`
	Bytes int64 `json:"bytes"`
}

// Traffic says what became of blobs. A blob counts once in each repository.
type Traffic struct {
	// Pushed were sent, Mounted were taken by the registry from another of its
	// repositories, Skipped were there.
	Pushed  Count `json:"pushed"`
	Mounted Count `json:"mounted"`
	Skipped Count `json:"skipped"`
}

// tally is traffic that many goroutines count.
type tally struct {
	mu sync.Mutex
	Traffic
}

func (t *tally) add(to *Count, size int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	to.Blobs++
	to.Bytes += size
}

// shown is how many failures an error names; the rest is a number.
const shown = 5

// each does something for every item, so many at once. A failure ends nothing that
// runs; once the registry has failed, nothing more begins, because no item would
// fare better.
func each[T any](ctx context.Context, jobs int, items []T, do func(T) error) error {
	problems := make([]error, len(items))
	var begun atomic.Int64
	var hopeless atomic.Bool
	var group errgroup.Group
	group.SetLimit(max(jobs, 1))
	for i, item := range items {
		group.Go(func() error {
			if hopeless.Load() || ctx.Err() != nil {
				return nil
			}
			begun.Add(1)
			if err := do(item); err != nil {
				problems[i] = err
				hopeless.Store(hopeless.Load() || !errors.Is(err, errDamaged))
			}
			return nil
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return summary(problems, len(items)-int(begun.Load()))
}

func summary(problems []error, untried int) error {
	var all []error
	for _, err := range problems {
		if err != nil {
			all = append(all, err)
		}
	}
	if len(all) == 0 {
		return nil
	}
	err := errors.Join(all[:min(len(all), shown)]...)
	if more := len(all) - shown; more > 0 {
		err = fmt.Errorf("%w\n%d more failed", err, more)
	}
	if untried > 0 {
		err = fmt.Errorf("%w\n%d more were not tried; what has arrived is not transferred again", err, untried)
	}
	return err
}
