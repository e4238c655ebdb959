package deb

import (
	"context"
	"errors"
	"time"
)

// Open reads what a repository has for one architecture, such as amd64.
func Open(ctx context.Context, repo Repository, arch string, fetch Fetcher, now time.Time) (*Index, error) {
	return nil, errors.ErrUnsupported
}
