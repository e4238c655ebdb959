package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Policy says what may go. What is in Keep never does.
type Policy struct {
	// All takes everything.
	All bool
	// Max is how many bytes may stay, or negative for any number; the least recently
	// used goes first.
	Max int64
	// Before takes what was last used before then, unless it is zero.
	Before time.Time
	// Keep has digests.
	Keep map[string]bool
	// DryRun removes nothing.
	DryRun bool
}

// Pruned is what a policy takes, and how many bytes stay.
type Pruned struct {
	Entries []Entry
	Left    int64
}

// Prune removes what a policy lets go. It waits until no other process uses the cache,
// as those count on what they have seen there; busy is called if there are any.
func (c *Cache) Prune(ctx context.Context, p Policy, busy func()) (*Pruned, error) {
	if err := c.waitAlone(ctx, busy); err != nil {
		return nil, err
	}
	return c.prune(ctx, p)
}

// Trim removes the least recently used until no more than max bytes are left, unless
// another process uses the cache: the last one to leave tidies up.
func (c *Cache) Trim(ctx context.Context, max int64) (*Pruned, error) {
	if held, err := c.alone(); !held {
		return &Pruned{}, err
	}
	return c.prune(ctx, Policy{Max: max})
}

func (c *Cache) prune(ctx context.Context, p Policy) (*Pruned, error) {
	entries, err := c.List()
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return a.Used.Compare(b.Used) })
	result := &Pruned{}
	for _, e := range entries {
		result.Left += e.Size
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			return result, context.Cause(ctx)
		}
		tooMuch := p.Max >= 0 && result.Left > p.Max
		if p.Keep[e.Digest] || !p.All && !tooMuch && !e.Used.Before(p.Before) {
			continue
		}
		if !p.DryRun {
			if err := os.Remove(e.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return result, fmt.Errorf("removing %s from the cache: %w", cmp.Or(e.Digest, e.path), err)
			}
		}
		result.Entries = append(result.Entries, e)
		result.Left -= e.Size
	}
	if !p.DryRun && len(result.Entries) > 0 {
		err = c.forget()
	}
	return result, err
}
