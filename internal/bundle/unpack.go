package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Unpack writes a bundle's files to the directory dir, which must not exist or
// be empty. Each file is checked on the way; dir gets its name when all are
// there. With a host, the folders of the other hosts are left out.
func Unpack(ctx context.Context, bundle, dir, host string) error {
	return Merge(ctx, []string{bundle}, dir, host)
}

// Merge is Unpack for the bundle that deltas lead to: bundles begins with a bundle, and
// each of the others is a delta of what is before it. What is unpacked is the same as if
// that bundle had been unpacked.
func Merge(ctx context.Context, bundles []string, dir, host string) error {
	return MergePart(ctx, bundles, dir, Part{Host: host})
}

// MergePart is Merge for a part of the bundle. Of a kit it is one seat's own bundle, as
// if that had been built alone.
func MergePart(ctx context.Context, bundles []string, dir string, part Part) error {
	c, err := openChain(ctx, bundles)
	if err != nil {
		return err
	}
	last := c.last()
	var t *target
	if err = c.check(); err == nil {
		t, err = last.target(part)
	}
	if err != nil {
		return fmt.Errorf("unpacking %q: %w", last.path, err)
	}
	if err := unpack(ctx, c, dir, t); err != nil {
		return fmt.Errorf("unpacking %q to %q: %w", last.path, dir, explainSpace(err, summarize(last.whole).Total, filepath.Dir(dir)))
	}
	return nil
}

func checkHost(hosts []Host, host string) error {
	var all []string
	for _, h := range hosts {
		if h.Name == host {
			return nil
		}
		all = append(all, h.Name)
	}
	if host == "" {
		return nil
	}
	return fmt.Errorf("there is no host %q in it; the hosts are %s", host, strings.Join(all, ", "))
}

// unpack fills a directory beside dir and renames it.
func unpack(ctx context.Context, c chain, dir string, t *target) (err error) {
	dir = filepath.Clean(dir)
	if err := checkEmpty(dir); err != nil {
		return err
	}
	temp, err := newTemporary(dir, os.MkdirTemp)
	if err != nil {
		return err
	}
	defer temp.release()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp.name))
		}
	}()
	if err := fillDir(ctx, c, temp.name, t); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// Removing an empty directory is all that this can do to an existing one;
	// if it is not empty by now, that fails.
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(temp.name, dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("the directory is not empty")
	}
	return err
}

func fillDir(ctx context.Context, c chain, dir string, t *target) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := newUnpacker(c, root, t)
	for number, s := range c {
		if err := u.read(ctx, number); err != nil {
			return whichPart(ctx, s.path, err)
		}
	}
	return u.finishDirs()
}
