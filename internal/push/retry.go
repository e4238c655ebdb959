package push

import (
	"context"
	"errors"
	"hash/maphash"
	"net/http"
	"strconv"
	"time"
)

// longestPause is where the waits between attempts stop to double.
const longestPause = 30 * time.Second

// Retry tells of an attempt that failed and of the next one.
type Retry struct {
	// Err is why it failed.
	Err error
	// Wait is the time until the next attempt.
	Wait time.Duration
	// Next is the number of the next attempt, of Of without progress.
	Next, Of int
}

// attempts counts the failures in a row: a long transfer over a bad line is one of
// many failures, each with progress.
type attempts struct{ failed int }

// progressed forgets the failures so far.
func (a *attempts) progressed() { a.failed = 0 }

// retry calls do until it succeeds or there is no hope.
func (c *Client) retry(ctx context.Context, do func(*attempts) error) error {
	a := &attempts{}
	for {
		err := do(a)
		e, ok := errors.AsType[*Error](err)
		if !ok || !e.temporary || e.after > c.patience.Longest {
			return err
		}
		if a.failed++; a.failed >= c.patience.Tries {
			return err
		}
		wait := max(c.pause(a.failed), e.after)
		c.notice(Retry{Err: err, Wait: wait, Next: a.failed + 1, Of: c.patience.Tries})
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// pause is the wait after so many failures: doubling, and up to half longer by
// chance, so that many hosts that were turned away at once do not come back at once.
func (c *Client) pause(failed int) time.Duration {
	wait := min(c.patience.Pause<<min(failed-1, 16), longestPause)
	chance := maphash.Bytes(maphash.MakeSeed(), nil) // the seed is random
	return wait + time.Duration(chance%1000)*wait/2000
}

// retryAfter reads the header's two forms, seconds and a date.
func retryAfter(resp *http.Response) time.Duration {
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
