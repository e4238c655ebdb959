package render

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// marker is the file by which a directory is known to hold a rendered tree.
const marker = "install.sh"

// writers is how many directories or files are written at once; a tree of a thousand hosts
// has many small files, and most of the time is spent waiting for the file system.
const writers = 4

// Write makes dir hold exactly the tree. A new directory gets its name when all is in
// it; in an old one files that differ are replaced one by one, and files that the tree
// lacks are removed. A directory that holds anything but a rendered tree is refused. One
// that is there stays, also an empty one: a disk may be mounted there.
func (t Tree) Write(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return t.writeNew(dir)
	case err != nil:
		return fmt.Errorf("reading the output directory: %w", err)
	case len(entries) == 0:
		return t.writeEmpty(dir)
	case !isTree(dir):
		return fmt.Errorf("%s is not empty and holds no rendered tree; nothing was written, choose another directory", dir)
	default:
		return t.update(dir)
	}
}

// writeNew fills a directory beside dir and renames it.
func (t Tree) writeNew(dir string) error {
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("creating the output directory: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".*")
	if err != nil {
		return fmt.Errorf("creating the output directory: %w", err)
	}
	defer os.RemoveAll(temp)
	if err := t.fill(temp); err != nil {
		return fmt.Errorf("writing %s: %w", dir, err)
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", dir, err)
	}
	return os.Rename(temp, dir)
}

// writeEmpty fills an empty directory, beginning with the marker: by that the next run
// knows what this one has left, if it does not come to an end.
func (t Tree) writeEmpty(dir string) error {
	at := slices.IndexFunc(t, func(f File) bool { return f.Path == marker })
	for _, part := range []Tree{t[max(at, 0) : at+1], t} {
		if err := part.fill(dir); err != nil {
			return fmt.Errorf("writing into %s: %w", dir, err)
		}
	}
	return nil
}

func (t Tree) fill(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	files := map[string]Tree{}
	for _, f := range t {
		d := path.Dir(f.Path)
		if files[d] == nil {
			if err := root.MkdirAll(d, 0o755); err != nil {
				return err
			}
		}
		files[d] = append(files[d], f)
	}
	var work errgroup.Group
	work.SetLimit(writers)
	for d, list := range files {
		work.Go(func() error { return list.into(root, d) })
	}
	return work.Wait()
}

// into creates files of one directory. It is opened once for all: a root looks at every
// directory on the way to each name.
func (t Tree) into(root *os.Root, dir string) error {
	inner, err := root.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer inner.Close()
	for _, f := range t {
		if err := create(inner, path.Base(f.Path), f); err != nil {
			return err
		}
	}
	return nil
}

func (t Tree) update(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening the output directory: %w", err)
	}
	defer root.Close()
	stale, err := t.compare(root)
	if err != nil {
		return err
	}
	if err := each(stale, func(s Stale) error { return replace(root, s.file) }, Missing, Changed); err != nil {
		return fmt.Errorf("writing into %s: %w", dir, err)
	}
	// Afterwards, so that no directory is taken away that a new file goes into.
	for _, s := range stale {
		if s.Kind == Extra {
			if err := removeUp(root, s.Path); err != nil {
				return fmt.Errorf("removing from %s: %w", dir, err)
			}
		}
	}
	return nil
}

// each does something with every stale file of the kinds.
func each(stale []Stale, do func(Stale) error, kinds ...string) error {
	var work errgroup.Group
	work.SetLimit(writers)
	for _, s := range stale {
		if slices.Contains(kinds, s.Kind) {
			work.Go(func() error { return do(s) })
		}
	}
	return work.Wait()
}

func isTree(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, marker))
	return err == nil
}

// The kinds of difference between a tree and a directory.
const (
	Missing = "missing"
	Changed = "changed"
	Extra   = "extra"
)

// Stale is one file of a directory that is not as the tree has it.
type Stale struct {
	Path string `json:"path"`
	Kind string `json:"kind"`
	file File
}

// Compare lists what in dir is not as the tree has it, sorted by path.
func (t Tree) Compare(dir string) ([]Stale, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the tree to check: %w", err)
	}
	defer root.Close()
	return t.compare(root)
}

func (t Tree) compare(root *os.Root) ([]Stale, error) {
	var stale []Stale
	known := make(map[string]bool, len(t))
	for _, f := range t {
		known[f.Path] = true
		kind, err := difference(root, f)
		if err != nil {
			return nil, err
		}
		if kind != "" {
			stale = append(stale, Stale{Path: f.Path, Kind: kind, file: f})
		}
	}
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !known[name] {
			stale = append(stale, Stale{Path: name, Kind: Extra})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the tree: %w", err)
	}
	slices.SortFunc(stale, func(a, b Stale) int { return strings.Compare(a.Path, b.Path) })
	return stale, nil
}

// difference compares content and whether a file may be run; the other bits of a
// mode depend on umask and version control.
func difference(root *os.Root, f File) (string, error) {
	info, err := root.Lstat(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return Missing, nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the tree: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() != int64(len(f.Data)) || info.Mode()&0o100 != f.Mode&0o100 {
		return Changed, nil
	}
	data, err := root.ReadFile(f.Path)
	if err != nil {
		return "", fmt.Errorf("reading the tree: %w", err)
	}
	if !bytes.Equal(data, f.Data) {
		return Changed, nil
	}
	return "", nil
}

// replace writes a file beside its place and renames it.
func replace(root *os.Root, f File) error {
	if err := root.MkdirAll(path.Dir(f.Path), 0o755); err != nil {
		return err
	}
	temp := f.Path + ".satchel-new"
	err := create(root, temp, f)
	if err == nil {
		err = root.Rename(temp, f.Path)
	}
	if err != nil {
		root.Remove(temp)
	}
	return err
}

// create writes a file; the mode of creation is cut by the umask, so it is set again.
func create(root *os.Root, name string, f File) error {
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, f.Mode)
	if err != nil {
		return err
	}
	_, err = out.Write(f.Data)
	return errors.Join(err, out.Chmod(f.Mode), out.Close())
}

// removeUp removes a file and the directories that it leaves empty.
func removeUp(root *os.Root, name string) error {
	if err := root.Remove(name); err != nil {
		return err
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if root.Remove(dir) != nil {
			return nil
		}
	}
	return nil
}
