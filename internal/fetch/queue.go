package fetch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/upstream"
)

const (
	// smallJobs come on top of the others and take small items alone, which would wait
	// behind gigabytes else.
	smallJobs = 2
	smallSize = 1 << 20
)

// queue has what is still to come, largest first. Once a server is out of reach nothing
// more is asked of it, and once the disk is full of nobody: no item would fare better.
type queue struct {
	mu       sync.Mutex
	items    []lock.Item
	lost     map[string]bool // hosts
	full     error
	problems []error
	skipped  int
}

// largest takes the first item that may still come.
func (q *queue) largest(host func(lock.Item) string) (lock.Item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) > 0 {
		item := q.items[0]
		q.items = q.items[1:]
		if q.hopeful(host(item)) {
			return item, true
		}
	}
	return lock.Item{}, false
}

// smallest takes the last one, as long as it is small.
func (q *queue) smallest(host func(lock.Item) string) (lock.Item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) > 0 && q.items[len(q.items)-1].Size < smallSize {
		item := q.items[len(q.items)-1]
		q.items = q.items[:len(q.items)-1]
		if q.hopeful(host(item)) {
			return item, true
		}
	}
	return lock.Item{}, false
}

func (q *queue) hopeful(host string) bool {
	if q.full != nil || q.lost[host] {
		q.skipped++
		return false
	}
	return true
}

func (q *queue) done(host string, err error) {
	if err == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.problems = append(q.problems, err)
	if upstream.Temporary(err) {
		q.lost[host] = true
	}
	if cache.Full(err) && q.full == nil {
		q.full = err // the others that run meet the same disk
	}
}

// verdict is everything that went wrong, in an order that does not depend on chance.
func (q *queue) verdict() error {
	slices.SortFunc(q.problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	err := errors.Join(q.problems...)
	if q.full != nil {
		err = q.full
	}
	if err != nil && q.skipped > 0 {
		err = fmt.Errorf("%w\n%d more were not tried; what has arrived is kept for the next run", err, q.skipped)
	}
	return err
}
