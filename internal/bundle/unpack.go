package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/satchel-kit/satchel/internal/archive"
)

// Unpack writes a bundle's files to the directory dir, which must not exist or
// be empty. Each file is checked on the way; dir gets its name when all are
// there. With a host, the folders of the other hosts are left out.
func Unpack(ctx context.Context, bundle, dir, host string) error {
	s, err := open(ctx, bundle)
	if err != nil {
		return err
	}
	if err := s.checkHost(host); err != nil {
		return fmt.Errorf("unpacking %q: %w", bundle, err)
	}
	if err := unpack(ctx, s, dir, host); err != nil {
		return fmt.Errorf("unpacking %q to %q: %w", bundle, dir, explainSpace(err, summarize(s.manifest).Total, filepath.Dir(dir)))
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
func unpack(ctx context.Context, s *source, dir, host string) (err error) {
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
	if err := fillDir(ctx, s, temp.name, host); err != nil {
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

func fillDir(ctx context.Context, s *source, dir, host string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := newUnpacker(s, root, host)
	defer u.hasher.Close()
	if err := archive.Read(ctx, s.path, u.entry); err != nil {
		return err
	}
	if err := u.checkAll(); err != nil {
		return err
	}
	return u.finishDirs()
}
