package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// moveUp moves what is in the temporary called name to the directory that it is in. The
// lists of all that belongs there come last, bundle.json as the very last: without them
// neither install.sh nor any command takes the directory for a bundle. The temporary has
// another name afterwards, by which withdraw knows it. After an error nothing has moved.
func moveUp(root *os.Root, name string) (renamed string, err error) {
	entries, err := fs.ReadDir(root.FS(), name)
	if err != nil {
		return name, err
	}
	whole := strings.Replace(name, fillingName, wholeName, 1)
	if err := root.Rename(name, whole); err != nil {
		return name, err
	}
	var moved []string
	defer func() {
		if err != nil {
			err = errors.Join(err, removeAll(root, moved))
		}
	}()
	for _, child := range listsLast(entries) {
		if child == manifestName {
			if err := syncRoot(root); err != nil {
				return whole, err
			}
		}
		if err := root.Rename(path.Join(whole, child), child); err != nil {
			return whole, err
		}
		moved = append(moved, child)
	}
	return whole, syncRoot(root)
}

func listsLast(entries []fs.DirEntry) []string {
	var names []string
	last := []string{sumsName, manifestName}
	for _, e := range entries {
		if !slices.Contains(last, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return append(names, last...)
}

func syncRoot(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// withdraw takes back what a process has moved up that was killed before it was done. Its
// temporary has the bundle.json still, and so tells what that was.
func withdraw(root *os.Root) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !isTemporary(e, wholeName) {
			continue
		}
		if err := withdrawOne(root, e.Name()); err != nil {
			return fmt.Errorf("clearing away what an interrupted run has left: %w", err)
		}
	}
	return nil
}

func withdrawOne(root *os.Root, temp string) error {
	dead := holdDead(path.Join(root.Name(), temp))
	if dead == nil {
		return nil // checkEmpty names it
	}
	defer dead.Close()
	names, err := movedFrom(root, temp)
	if err != nil {
		return err
	}
	if err := removeAll(root, names); err != nil {
		return err
	}
	return root.RemoveAll(temp)
}

// movedFrom are the names of what has been moved up from a temporary. It is nothing if
// bundle.json was: then all is in its place.
func movedFrom(root *os.Root, temp string) ([]string, error) {
	f, err := root.Open(path.Join(temp, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, _, err := readManifest(f)
	if err != nil {
		return nil, err
	}
	all := map[string]bool{sumsName: true, signatureName: true}
	for _, file := range m.Files {
		top, _, _ := strings.Cut(file.Path, "/")
		all[top] = true
	}
	var moved []string
	for _, name := range sortedKeys(all) {
		if _, err := root.Lstat(path.Join(temp, name)); errors.Is(err, fs.ErrNotExist) {
			moved = append(moved, name)
		}
	}
	return moved, nil
}

func removeAll(root *os.Root, names []string) error {
	var problems []error
	for _, name := range names {
		problems = append(problems, root.RemoveAll(name))
	}
	return errors.Join(problems...)
}
