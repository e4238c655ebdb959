package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// hold takes part in the lock of the whole cache, which every user of it shares. Who
// removes blobs that others may count on has it alone. A cache that cannot be written
// to, such as one on a read-only disk, needs no lock: nobody removes anything there.
func (c *Cache) hold(flock func(fd, how int) error) error {
	path := filepath.Join(c.dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		f, err = os.Open(path)
		if err != nil {
			return nil
		}
	}
	if err != nil {
		return err
	}
	for {
		err := flock(int(f.Fd()), syscall.LOCK_SH)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		// It waits for a lock, so that any other error is about locks as such: NFS, FUSE
		// and others may have none.
		c.held, c.noLocks = f, err
		return nil
	}
}

// Close lets go of the cache, so that others may tidy it up.
func (c *Cache) Close() error {
	if c.held == nil {
		return nil
	}
	err := c.held.Close()
	c.held = nil
	return err
}

// alone tries to have the cache without any other process in it. share undoes it.
func (c *Cache) alone() (bool, error) {
	if c.held == nil {
		return false, fmt.Errorf("the cache %q cannot be written to", c.dir)
	}
	if c.noLocks != nil {
		return false, fmt.Errorf("the cache %q is on a file system without locks (%w), where it cannot be told whether another satchel counts on what is in it: nothing was removed. Choose another place for it with --cache, or remove the directory while no satchel runs", c.dir, c.noLocks)
	}
	return lock(c.held)
}

// waitAlone is alone once all others are gone. busy is called once if there are any.
func (c *Cache) waitAlone(ctx context.Context, busy func()) error {
	for first := true; ; first = false {
		held, err := c.alone()
		if held || err != nil {
			return err
		}
		// The failed attempt may have cost the shared lock (flock(2)); there is
		// nothing yet that would need it.
		if first && busy != nil {
			busy()
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}
