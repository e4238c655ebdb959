//go:build lab && linux

package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// maker makes things in a directory, each once. A thing's name holds a checksum
// of all that it is made from, so what is there is what is wanted.
type maker struct {
	dir     string
	sources string // testdata/lab
	look    bool   // make nothing, fail with errMissing instead
	log     io.Writer
}

var errMissing = errors.New("not made yet")

// make gives the path of a thing below the directory. If it is missing, make
// builds it under another name first, so that a half-built one is never found.
func (m *maker) make(ctx context.Context, name string, build func(temp string) error) (string, error) {
	final := filepath.Join(m.dir, name)
	if _, err := os.Stat(final); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return final, err
	}
	if m.look {
		return "", errMissing
	}
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return "", fmt.Errorf("making %q: %w", name, err)
	}
	dir, err := os.MkdirTemp(m.dir, "building-")
	if err != nil {
		return "", fmt.Errorf("making %q: %w", name, err)
	}
	defer os.RemoveAll(dir)
	temp := filepath.Join(dir, filepath.Base(name))
	fmt.Fprintf(m.log, "making %s\n", name)
	begin := time.Now()
	err = build(temp)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = os.Rename(temp, final)
	}
	if err != nil {
		return "", fmt.Errorf("making %q: %w", name, err)
	}
	fmt.Fprintf(m.log, "made   %s in %.1f s\n", name, time.Since(begin).Seconds())
	return final, nil
}

// sweep removes what interrupted builds left.
func (m *maker) sweep() error {
	left, _ := filepath.Glob(filepath.Join(m.dir, "building-*")) // the pattern is good
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("removing what an interrupted build left: %w", err)
		}
	}
	return nil
}

// lockDir waits until no other process builds in the directory; closing the file
// lets the next one in.
func lockDir(ctx context.Context, dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening a lock: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("locking %q: %w", f.Name(), err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("waiting for %q, held by another build: %w", f.Name(), ctx.Err()), f.Close())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
