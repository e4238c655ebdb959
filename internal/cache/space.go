package cache

import (
	"errors"
	"fmt"
	"syscall"
)

// Full tells whether an error is about a disk without room. Trying the next blob
// is then of no use.
func Full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// explain adds what to do about a full disk.
func explain(err error) error {
	if Full(err) {
		return fmt.Errorf("%w (make room there, or choose another place for the cache with --cache)", err)
	}
	return err
}
