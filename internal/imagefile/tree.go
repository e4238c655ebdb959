package imagefile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// tree gives files by their paths. The error of Open wraps fs.ErrNotExist if there is no
// such file.
type tree interface {
	Open(path string) (io.ReadCloser, int64, error)
	Close() error
}

func openTree(ctx context.Context, root *os.Root, path string, scratch Scratch) (tree, error) {
	// Not waiting for a pipe.
	f, err := root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no such file or directory beside the spec: %w", err)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		below, err := root.OpenRoot(path)
		return dirTree{below}, errors.Join(err, f.Close())
	case !info.Mode().IsRegular():
		err = errors.New("it is neither a file nor a directory")
	default:
		if f, err = plain(ctx, f, scratch); err != nil {
			break
		}
		var t *tarTree
		if t, err = newTarTree(f); err == nil {
			return t, nil
		}
	}
	return nil, errors.Join(err, f.Close())
}

// dirTree is a directory; links that lead out of it lead nowhere.
type dirTree struct{ root *os.Root }

func (d dirTree) Close() error { return d.root.Close() }

func (d dirTree) Open(path string) (io.ReadCloser, int64, error) {
	f, err := d.root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is not a regular file", path)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}
