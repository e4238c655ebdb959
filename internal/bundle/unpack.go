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
	c, err := openChain(ctx, bundles)
	if err != nil {
		return err
	}
	last := c.last()
	if err = c.check(); err == nil {
		err = last.checkHost(host)
	}
	if err != nil {
		return fmt.Errorf("unpacking %q: %w", last.path, err)
	}
	if err := unpack(ctx, c, dir, host); err != nil {
		return fmt.Errorf("unpacking %q to %q: %w", last.path, dir, explainSpace(err, summarize(last.whole).Total, filepath.Dir(dir)))
	}
	return nil
}

func (s *source) checkHost(host string) error {
	var all []string
	for _, h := range s.manifest.Hosts {
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
func unpack(ctx context.Context, c chain, dir, host string) (err error) {
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
	if err := fillDir(ctx, c, temp.name, host); err != nil {
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

func fillDir(ctx context.Context, c chain, dir, host string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := newUnpacker(c, root, host)
	for number, s := range c {
		if err := u.read(ctx, number); err != nil {
			return whichPart(ctx, s.path, err)
		}
	}
	return u.finishDirs()
}
