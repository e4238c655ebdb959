package bundle

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

// made is a file of an output, as it was when its last byte was on the disk.
type made struct {
	path string
	info fs.FileInfo
}

// replace gives path the content that fill writes, or leaves it as it was.
func replace(ctx context.Context, path string, fill func(*os.File) error) (made, error) {
	m := made{path: path}
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return m, fmt.Errorf("%q is there already and is not a file", path)
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
		return m, err
	}
	defer t.release()
	err = fill(f)
	if err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	if err == nil {
		m.info, err = f.Stat()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = os.Rename(t.name, path)
	}
	if err != nil {
		return m, errors.Join(err, os.Remove(t.name))
	}
	return m, syncDir(filepath.Dir(path))
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
		return fmt.Errorf("%w: up to %s are needed as one file in %q; a FAT32 disk takes less than 4 GiB a file (--split 4G makes such parts), exFAT and ext4 take more", err, progress.Bytes(size), dir)
	}
	return err
}
