package push

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/satchel-kit/satchel/internal/progress"
)

// replace gives path the content that fill writes, or leaves it as it was. size is
// about what is needed, for messages.
func replace(ctx context.Context, path string, size int64, fill func(*os.File) error) error {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return fmt.Errorf("%q is there already and is not a file", path)
	}
	f, err := beside(path)
	if err != nil {
		return err
	}
	defer f.Close()
	err = fill(f)
	if err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(explainSpace(err, size, filepath.Dir(path)), os.Remove(f.Name()))
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// beside opens an empty file next to path, so that the last step is a rename. Its
// name is always the same: what a killed process left is used again. The lock keeps
// two that live apart.
func beside(path string) (*os.File, error) {
	name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".pull")
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("another satchel is writing %q", path)
		}
		// A file system without locks is no reason to fail.
		mine, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		there, err := os.Lstat(name)
		if err == nil && os.SameFile(mine, there) {
			if err = f.Truncate(0); err == nil {
				return f, nil
			}
		}
		f.Close() // the other one has just finished
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
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
