package bundle

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/satchel-kit/satchel/internal/archive"
)

// Spares makes sure that the output takes nothing away from the base of the delta that
// is to be in it: a delta is worth nothing without that. base is empty for none.
func (o Output) Spares(base string) error {
	if base == "" {
		return nil
	}
	if filepath.Clean(base) == filepath.Clean(o.Path) {
		return o.inPlaceOf(base, o.Path)
	}
	if st, err := os.Stat(base); err == nil && st.IsDir() {
		return o.outside(st, base)
	}
	files, err := archive.Files(base)
	if err != nil {
		return nil // opening it says what is wrong with it
	}
	mine := []string{o.Path}
	if o.Part > 0 {
		mine = append(mine, archive.PartFiles(o.Path)...)
	}
	for _, file := range files {
		for _, name := range mine {
			if sameFile(file, name) {
				return o.inPlaceOf(base, name)
			}
		}
	}
	return nil
}

func (o Output) inPlaceOf(base, name string) error {
	return fmt.Errorf("the delta would take the place of %q, a file of the base %q that it is made for, and be worth nothing without it: choose another output than %q", name, base, o.Path)
}

// outside makes sure that the output is not below an unpacked base: it would be a file
// that does not belong there, or one in the place of the base's own.
func (o Output) outside(base os.FileInfo, path string) error {
	dir, err := realDir(o.Path)
	if err != nil {
		return nil // writing says what is wrong with it
	}
	for {
		if st, err := os.Stat(dir); err == nil && os.SameFile(st, base) {
			return fmt.Errorf("%q is inside of the base %q that the delta is made for, where it does not belong: choose another output", o.Path, path)
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil
		}
		dir = up
	}
}

// realDir is the directory of a file, absolute and without links.
func realDir(path string) (string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
