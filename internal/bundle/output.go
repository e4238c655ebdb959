package bundle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/satchel-kit/satchel/internal/progress"
)

// replace gives path the content that fill writes, or leaves it as it was.
func replace(ctx context.Context, path string, fill func(*os.File) error) error {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return fmt.Errorf("%q is there already and is not a file", path)
	}
	var f *os.File
	t, err := newTemporary(path, func(dir, pattern string) (name string, err error) {
		if f != nil {
			f.Close() // a sweep was faster
		}
		if f, err = os.CreateTemp(dir, pattern); err == nil {
			name = f.Name()
		}
		return name, err
	})
	if err != nil {
		return err
	}
	defer t.release()
	err = fill(f)
	if err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = os.Rename(t.name, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(t.name))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// explainSpace adds what to do about a disk that is too small.
func explainSpace(err error, size int64, dir string) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: up to %s are needed in %q; free them or choose another place", err, progress.Bytes(size), dir)
	case errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: up to %s are needed as one file in %q; a FAT32 disk takes 4 GiB a file, exFAT and ext4 take more", err, progress.Bytes(size), dir)
	}
	return err
}
