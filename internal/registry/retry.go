package registry

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Retry tells of an attempt that failed and of the next one.
type Retry struct {
	// Err is why it failed.
	Err error
	// Wait is the time until the next attempt.
	Wait time.Duration
	// Next is the number of the next attempt, of Of without progress.
	Next, Of int
}

// Attempts is a back-off with jitter that gives up after so many failures in a
// row. It is a type of its own because the library counts failures in total, and
// a long transfer over a bad line is one of many failures, each with progress.
type Attempts struct {
	*backoff.ExponentialBackOff
	allowed, failed int
}

// NextBackOff implements backoff.BackOff.
func (a *Attempts) NextBackOff() time.Duration {
	if a.failed++; a.failed >= a.allowed {
		return backoff.Stop
	}
	return a.ExponentialBackOff.NextBackOff()
}

// Progressed forgets the failures so far.
func (a *Attempts) Progressed() {
	a.failed = 0
	a.Reset()
}

// Retry calls do until it succeeds or there is no hope.
func (s *Session) Retry(ctx context.Context, do func(*Attempts) error) error {
	patience := s.client.settings.Patience
	a := &Attempts{ExponentialBackOff: backoff.NewExponentialBackOff(), allowed: patience.Tries}
	a.InitialInterval, a.Multiplier, a.MaxInterval = patience.Pause, 2, 30*time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		return struct{}{}, patience.verdict(do(a))
	}, backoff.WithBackOff(a), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, wait time.Duration) {
		s.client.settings.Notice(Retry{Err: err, Wait: wait, Next: a.failed + 1, Of: a.allowed})
	}))
	if late, ok := errors.AsType[*postponed](err); ok {
		return late.err
	}
	return err
}

// verdict tells the library what to do after an error.
func (p Patience) verdict(err error) error {
	e, ok := errors.AsType[*Error](err)
	switch {
	case err == nil:
		return nil
	case !ok || !e.Temporary || e.after > p.Longest:
		return backoff.Permanent(err)
	case e.after > 0:
		return &postponed{err: err, RetryAfterError: &backoff.RetryAfterError{Duration: e.after}}
	}
	return err
}

// postponed is an error whose server said when to come again.
type postponed struct {
	*backoff.RetryAfterError
	err error
}

func (p *postponed) Error() string { return p.err.Error() }
func (p *postponed) Unwrap() error { return p.RetryAfterError }
