package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/satchel-kit/satchel/internal/archive"
	"github.com/satchel-kit/satchel/internal/bundle"
)

// What others than the owner and the group of a file may do, and of a directory: go
// through it.
const (
	mayRead fs.FileMode = 0o004
	mayRun  fs.FileMode = 0o001
)

// servedFiles are the files that serving a bundle reads, and the directories in it that
// they are in.
func servedFiles(path string, m *bundle.Manifest) ([]string, error) {
	unpacked, err := archive.Unpacked(path)
	if err != nil {
		return nil, err
	}
	if !unpacked {
		return archive.Files(path)
	}
	files := []string{path, filepath.Join(path, "bundle.json")}
	seen := map[string]bool{".": true}
	for _, file := range m.Files {
		if top, _, _ := strings.Cut(file.Path, "/"); top != "images" && top != "files" && top != "packages" {
			continue
		}
		files = append(files, filepath.Join(path, file.Path))
		for dir := filepath.Dir(file.Path); !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			files = append(files, filepath.Join(path, dir))
		}
	}
	return files, nil
}

// openToAll makes sure that everybody may go through all directories on the way to a
// path, and do with the file what need says.
func openToAll(path string, need fs.FileMode) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // an archive in parts has no file of its name, and verify finds what a bundle lacks
	}
	if err != nil {
		return err
	}
	if info.Mode()&need != need {
		return fmt.Errorf("%q has mode %#o", path, info.Mode().Perm())
	}
	// What a link on the way leads to has directories above it, too.
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for _, dir := range append(above(path), above(real)...) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if info.IsDir() && info.Mode()&mayRun == 0 {
			return fmt.Errorf("the directory %q has mode %#o", dir, info.Mode().Perm())
		}
	}
	return nil
}

// above is a path and all directories above it.
func above(path string) []string {
	path = filepath.Clean(path)
	dirs := []string{path}
	for dir := filepath.Dir(path); dir != dirs[len(dirs)-1]; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}
