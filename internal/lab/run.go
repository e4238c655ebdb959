//go:build lab && linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// runPrefix begins the name of each run's directory and control groups.
const runPrefix = "satchel-lab-"

// cleanupTime bounds the cleaning up, which goes on after the caller's context
// has ended.
const cleanupTime = 20 * time.Second

// run is one network with its hosts, and what the kernel does not clean up by
// itself: a directory and control groups, both by the same unique name.
type run struct {
	id, dir string
	lock    *os.File
}

// CacheDir is where root file systems and the disks of running hosts are:
// $SATCHEL_LAB_DIR, or satchel-lab in the user's cache directory.
func CacheDir() (string, error) {
	if dir := os.Getenv("SATCHEL_LAB_DIR"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a cache directory, set SATCHEL_LAB_DIR: %w", err)
	}
	return filepath.Join(dir, "satchel-lab"), nil
}

// newRun sweeps what dead runs left, then makes a run. A run is alive as long
// as somebody holds its lock, which the kernel lets go when a process dies.
func newRun(ctx context.Context) (*run, error) {
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	runs := filepath.Join(cache, "runs")
	if err := os.MkdirAll(runs, 0o755); err != nil {
		return nil, fmt.Errorf("making the directory of runs: %w", err)
	}
	all, err := lock(ctx, filepath.Join(runs, "lock"))
	if err != nil {
		return nil, err
	}
	defer all.Close()
	if err := sweep(ctx, runs); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(runs, runPrefix)
	if err != nil {
		return nil, fmt.Errorf("making a directory for the run: %w", err)
	}
	own, err := lock(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	_, err = own.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	return &run{id: filepath.Base(dir), dir: dir, lock: own}, err
}

// sweep removes the runs whose process is dead.
func sweep(ctx context.Context, runs string) error {
	entries, err := os.ReadDir(runs)
	if err != nil {
		return fmt.Errorf("listing runs: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), runPrefix) {
			continue
		}
		dir := filepath.Join(runs, e.Name())
		owned, err := tryLock(filepath.Join(dir, "lock"))
		if errors.Is(err, unix.EWOULDBLOCK) {
			continue // its process lives
		}
		if err != nil {
			return err
		}
		dead := &run{id: e.Name(), dir: dir, lock: owned}
		if err := dead.remove(ctx); err != nil {
			return fmt.Errorf("sweeping what a dead run left: %w", err)
		}
	}
	return nil
}

// remove ends all processes of the run and removes its control groups and its
// directory.
func (r *run) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	all, err := groupsOf(r.id)
	if err == nil {
		err = all.remove(ctx)
	}
	if err != nil {
		return errors.Join(err, r.lock.Close())
	}
	return errors.Join(os.RemoveAll(r.dir), r.lock.Close())
}

// lock waits for the file's lock; closing the file lets it go.
func lock(ctx context.Context, path string) (*os.File, error) {
	for {
		f, err := tryLock(path)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for %q, held by another run: %w", path, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening a lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %q: %w", path, err), f.Close())
	}
	return f, nil
}
