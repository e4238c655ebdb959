package upstream

import (
	"context"
	"net/url"
	"sync"

	"golang.org/x/sync/semaphore"
)

// perHost is how many large contents one server sends at once: more of them share the
// same line, and to the server it is rude.
const perHost = 6

// large is the size from which a content counts. What is smaller, and every manifest and
// token, passes by, so that it never waits behind gigabytes.
const large = 1 << 20

// limits bounds what comes in at once from each server.
type limits struct {
	mu    sync.Mutex
	hosts map[string]*semaphore.Weighted
}

// wait takes part in the limit of an address until done is called. A size of -1 is not
// known.
func (l *limits) wait(ctx context.Context, address string, size int64) (done func(), err error) {
	if size >= 0 && size < large {
		return func() {}, nil
	}
	s := l.of(address)
	if err := s.Acquire(ctx, 1); err != nil {
		return nil, context.Cause(ctx)
	}
	return func() { s.Release(1) }, nil
}

func (l *limits) of(address string) *semaphore.Weighted {
	host := hostOf(address)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts[host] == nil {
		if l.hosts == nil {
			l.hosts = map[string]*semaphore.Weighted{}
		}
		l.hosts[host] = semaphore.NewWeighted(perHost)
	}
	return l.hosts[host]
}

// hostOf is the host and port of an address.
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Host
	}
	return address
}
