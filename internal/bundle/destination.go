package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// destination is a directory that something is unpacked to.
type destination struct {
	dir   string // absolute and without links, if it is there
	there bool
}

// destinationAt looks at what is at dir.
func destinationAt(dir string) (destination, error) {
	real, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		dir = filepath.Clean(dir)
		if to, err := os.Readlink(dir); err == nil {
			return destination{}, fmt.Errorf("it is a link to %q, which is not there; make that directory, or remove the link", to)
		}
		return destination{dir: dir}, nil
	}
	if err == nil {
		real, err = filepath.Abs(real)
	}
	return destination{real, true}, err
}

// disk is a directory on the disk that is written to.
func (d destination) disk() string {
	if d.there {
		return d.dir
	}
	return filepath.Dir(d.dir)
}

// take has the directory hold what fill puts into another one, or leaves it as it was.
func (d destination) take(fill func(temp string) error) error {
	if d.there {
		return d.inside(fill)
	}
	return d.beside(fill)
}

// beside fills a directory beside the destination, which then gets its name.
func (d destination) beside(fill func(temp string) error) (err error) {
	temp, err := newTemporary(d.dir, os.MkdirTemp)
	if err != nil {
		return err
	}
	defer temp.release()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp.name))
		}
	}()
	if err := fill(temp.name); err != nil {
		return err
	}
	// It fails if something is there by now.
	if err := os.Rename(temp.name, d.dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(d.dir))
}

// The names of temporaries in a directory that is filled from inside.
const (
	fillingName = "satchel"       // a tree is written to it
	wholeName   = "satchel-whole" // all was there, and moves up
)

// inside fills a directory in the destination, and then moves up what is in it. The
// destination itself stays: it may be where a disk is mounted, or somebody's own in a
// directory that only others write to.
func (d destination) inside(fill func(temp string) error) (err error) {
	sweep(filepath.Dir(d.dir), filepath.Base(d.dir)) // of a time when it was not there
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := withdraw(root); err != nil {
		return err
	}
	sweep(d.dir, fillingName)
	if err := checkEmpty(root, ""); err != nil {
		return err
	}
	temp, err := newTemporary(filepath.Join(d.dir, fillingName), os.MkdirTemp)
	if err != nil {
		return err
	}
	defer temp.release()
	name := filepath.Base(temp.name)
	err = fill(temp.name)
	if err == nil {
		err = checkEmpty(root, name)
	}
	if err == nil {
		name, err = moveUp(root, name)
	}
	return errors.Join(err, root.RemoveAll(name))
}

// checkEmpty makes sure that the directory has nothing, except what has that name.
func checkEmpty(root *os.Root, except string) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case e.Name() == except:
		case isTemporary(e, fillingName), isTemporary(e, wholeName):
			return fmt.Errorf("the directory is not empty: another satchel is unpacking into it, to %q; where none is, remove that", e.Name())
		default:
			return fmt.Errorf("the directory is not empty: %q is in it", e.Name())
		}
	}
	return nil
}
