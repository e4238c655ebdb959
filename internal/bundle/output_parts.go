package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/satchel-kit/satchel/internal/archive"
)

// replaceParts gives the output the parts that fill writes, or leaves what was there.
// The parts get their names when all are on the disk, and their list comes last: parts
// without it are not read.
func replaceParts(ctx context.Context, out Output, fill func(io.Writer) error) (all []made, err error) {
	before, err := partsThere(out.Path)
	if err != nil {
		return nil, err
	}
	t, err := newTemporary(out.Path, os.MkdirTemp)
	if err != nil {
		return nil, err
	}
	defer t.release()
	// In the end it is empty.
	defer func() { err = errors.Join(err, os.RemoveAll(t.name)) }()
	names, err := fillParts(t.name, out, fill)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return publishParts(t.name, filepath.Dir(out.Path), names, before)
}

// partsThere are the names of the parts that the output has now. What else is at one
// of its names stays there: it is not known to be in the way.
func partsThere(path string) ([]string, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%q is there already in one piece, and would be taken for the parts; remove it or choose another name", path)
	}
	before, err := archive.PartNames(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w; remove it or choose another name", err)
	}
	return before, nil
}

func fillParts(dir string, out Output, fill func(io.Writer) error) ([]string, error) {
	w, err := archive.NewPartWriter(dir, filepath.Base(out.Path), out.Part)
	if err != nil {
		return nil, err
	}
	if err := fill(w); err != nil {
		w.Close() // which may fail for the same reason
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return w.Names(), nil
}

// publishParts moves the parts to their place. names ends with the list, and so does
// before.
func publishParts(from, to string, names, before []string) ([]made, error) {
	var all []made
	for _, name := range names {
		st, err := os.Lstat(filepath.Join(from, name))
		if err != nil {
			return nil, err
		}
		all = append(all, made{filepath.Join(to, name), st})
	}
	// First the old list: whatever happens now, no list is there for other parts.
	for i := len(before) - 1; i >= 0; i-- {
		if err := os.Remove(filepath.Join(to, before[i])); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for i, name := range names {
		if err := os.Rename(filepath.Join(from, name), all[i].path); err != nil {
			for _, m := range all[:i] {
				err = errors.Join(err, os.Remove(m.path))
			}
			return nil, err
		}
	}
	return all, syncDir(to)
}
