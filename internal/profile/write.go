package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Taken is the names that are there already, so that nothing was written.
type Taken struct {
	Paths []string
}

func (e *Taken) Error() string {
	const what = "there already; nothing was written, choose an empty directory"
	if len(e.Paths) == 1 {
		return e.Paths[0] + " is " + what
	}
	return fmt.Sprintf("%d files are %s:\n%s", len(e.Paths), what, strings.Join(e.Paths, "\n"))
}

// Write puts the profile into dir, which is made where it is not there, and gives back
// the paths of the files. cluster replaces the cluster's name unless it is empty.
//
// All files are written below another name first, where check may refuse them; its
// error is given back as it is. Nothing that is in dir is replaced: where one of the
// files is there, or other CUE that would become a part of the spec, the error is
// *Taken. After any error dir is as it was.
func (p Profile) Write(dir, cluster string, check func(dir string) error) (written []string, err error) {
	dir = filepath.Clean(dir)
	if err := p.vacant(dir); err != nil {
		return nil, err
	}
	made, err := makeDirs(dir)
	defer func() {
		if err != nil {
			removeAll(made)
		}
	}()
	if err != nil {
		return nil, fmt.Errorf("making the directory %s: %w", dir, err)
	}
	stage, err := os.MkdirTemp(dir, ".satchel-init-*")
	if err != nil {
		return nil, fmt.Errorf("writing into %s: %w", dir, err)
	}
	defer os.RemoveAll(stage)
	if err := p.fill(stage, cluster); err != nil {
		return nil, fmt.Errorf("writing the profile %s into %s: %w", p.Name, dir, err)
	}
	if err := check(stage); err != nil {
		return nil, err
	}
	return p.place(stage, dir)
}

// vacant makes sure that nothing is where the files go.
func (p Profile) vacant(dir string) error {
	var taken []string
	for _, file := range p.Files {
		at, err := occupied(dir, file)
		if err != nil {
			return fmt.Errorf("looking into %s: %w", dir, err)
		}
		if at != "" {
			taken = append(taken, at)
		}
	}
	others, err := otherSpecs(dir)
	if err != nil {
		return fmt.Errorf("looking into %s: %w", dir, err)
	}
	taken = unique(append(taken, others...))
	if len(taken) > 0 {
		return &Taken{taken}
	}
	return nil
}

// otherSpecs are the files of a directory that CUE takes for one package together.
func otherSpecs(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".cue" && !e.IsDir() && strings.Trim(e.Name()[:1], "._") != "" {
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	return found, nil
}

// occupied is the path of what is in the way of a file: the file itself, or something
// that is no directory where one has to be.
func occupied(dir, file string) (string, error) {
	at := dir
	for _, part := range strings.Split("./"+file, "/") {
		at = filepath.Join(at, part)
		info, err := os.Stat(at)
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Lstat(at); err == nil {
				return at, nil // a link to nowhere
			}
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if !info.IsDir() {
			return at, nil
		}
	}
	return at, nil // a directory of the file's name
}

// fill writes all files below dir, to the disk and not only to its cache: a name that
// a file gets later must not outlive its content.
func (p Profile) fill(dir, cluster string) error {
	for _, file := range p.Files {
		text, err := p.text(file, cluster)
		if err != nil {
			return err
		}
		name := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		_, err = out.Write(text)
		if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
			return err
		}
	}
	return nil
}

// place moves the files from stage to dir, the spec last: without it a directory is
// none. Each name is taken with an empty file first, which fails where there is one by
// now, and which renaming may replace on every file system.
func (p Profile) place(stage, dir string) (written []string, err error) {
	var undo []string
	defer func() {
		if err != nil {
			removeAll(undo)
		}
	}()
	for _, file := range specLast(p.Files) {
		at := filepath.Join(dir, filepath.FromSlash(file))
		made, err := makeDirs(filepath.Dir(at))
		undo = append(undo, made...)
		if err != nil {
			return nil, fmt.Errorf("making the directory of %s: %w", at, err)
		}
		taken, err := os.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			return nil, &Taken{[]string{at}}
		}
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", at, err)
		}
		undo = append(undo, at)
		err = errors.Join(taken.Close(), os.Rename(filepath.Join(stage, filepath.FromSlash(file)), at))
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", at, err)
		}
	}
	for _, file := range p.Files {
		written = append(written, filepath.Join(dir, filepath.FromSlash(file)))
	}
	return written, nil
}

func specLast(files []string) []string {
	var others []string
	for _, f := range files {
		if f != specFile {
			others = append(others, f)
		}
	}
	return append(others, specFile)
}

// makeDirs makes a directory and those above it, and gives back those that it made,
// even after an error.
func makeDirs(dir string) (made []string, err error) {
	var missing []string
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		missing = append(missing, at)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		err := os.Mkdir(missing[i], 0o755)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return made, err
		}
		if err == nil {
			made = append(made, missing[i])
		}
	}
	return made, nil
}

// removeAll takes away what was made, the last first. A directory that somebody else
// has put something into stays.
func removeAll(paths []string) {
	for i := len(paths) - 1; i >= 0; i-- {
		os.Remove(paths[i])
	}
}

func unique(paths []string) []string {
	var all []string
	seen := map[string]bool{}
	for _, p := range paths {
		if !seen[p] {
			seen[p] = true
			all = append(all, p)
		}
	}
	return all
}
