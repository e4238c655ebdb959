package cache

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// openFor opens the file for a blob that is going to lie at final, which goes on where an
// earlier one broke off if it can be locked. The error is fs.ErrExist once final is there.
func (c *Cache) openFor(ctx context.Context, final string) (*os.File, error) {
	if c.noLocks == nil {
		return openLocked(ctx, filepath.Join(c.partials(), "sha256-"+filepath.Base(final)), final)
	}
	if _, err := os.Stat(final); err == nil {
		return nil, fs.ErrExist
	}
	return c.create(ctx)
}

// openLocked opens partial under an exclusive lock, and creates it if need be.
// The error is fs.ErrExist once final is there.
func openLocked(ctx context.Context, partial, final string) (*os.File, error) {
	for {
		if _, err := os.Stat(final); err == nil {
			return nil, fs.ErrExist
		}
		f, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		held, err := holdAt(f, partial)
		if held {
			return f, unlessThere(f, final)
		}
		f.Close()
		if err = errors.Join(err, pause(ctx, 50*time.Millisecond)); err != nil {
			return nil, err
		}
	}
}

// unlessThere looks again, under the lock, whether another process was faster.
func unlessThere(f *os.File, final string) error {
	if _, err := os.Stat(final); err != nil {
		return nil
	}
	return errors.Join(fs.ErrExist, os.Remove(f.Name()), f.Close())
}

// create creates a new file with a name of its own, locked, so that another process's
// sweep leaves it alone.
func (c *Cache) create(ctx context.Context) (*os.File, error) {
	dir := c.partials()
	if c.noLocks != nil {
		return os.CreateTemp(dir, "new-*")
	}
	for {
		f, err := os.CreateTemp(dir, "new-*")
		if err != nil {
			return nil, err
		}
		held, err := holdAt(f, f.Name())
		if held {
			return f, nil
		}
		f.Close()
		if err = errors.Join(err, pause(ctx, time.Millisecond)); err != nil {
			return nil, err
		}
	}
}

// holdAt tries to lock f and tells whether f is locked and still the file at
// path: its last owner may have renamed or removed it before the lock came free.
func holdAt(f *os.File, path string) (bool, error) {
	if held, err := lock(f); !held {
		return false, err
	}
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there), nil
}

// lock takes the exclusive lock on f if nobody has it.
func lock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}

// abandoned is how long nobody has written to a file that nobody will.
const abandoned = 24 * time.Hour

// sweep removes what killed processes have left in files of their own: nobody could go on
// with it.
func (c *Cache) sweep() error {
	entries, err := os.ReadDir(c.partials())
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "new-") {
			continue
		}
		name := filepath.Join(c.partials(), e.Name())
		if c.noLocks != nil {
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > abandoned {
				os.Remove(name)
			}
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			continue // its owner was faster
		}
		if held, _ := lock(f); held {
			os.Remove(name)
		}
		f.Close()
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
