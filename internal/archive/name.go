package archive

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// maxName is far below what file systems allow, and far above what a bundle
// needs.
const maxName = 1024

// CheckName says what is wrong with an entry's path. A good one stays inside
// the directory it is unpacked to on every system, and fits on one line of a
// checksum list.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("checking entry name: the name is empty")
	case len(name) > maxName:
		return fmt.Errorf("checking entry name %.40q…: longer than %d bytes", name, maxName)
	case strings.ContainsFunc(name, func(r rune) bool { return r == '\\' || r < 0x20 || r == 0x7f }):
		return fmt.Errorf("checking entry name %q: it has a backslash or a control character", name)
	case name == "." || !fs.ValidPath(name):
		return fmt.Errorf("checking entry name %q: it must be a clean relative path without %q", name, "..")
	}
	return nil
}

// maxEntries bounds the memory that a hostile archive can make the names take.
const maxEntries = 1 << 20

// names remembers the entries that were seen: true for a file, false for a
// directory on the way to one.
type names map[string]bool

func (n names) add(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if _, seen := n[name]; seen {
		return fmt.Errorf("checking entry name %q: it occurs twice", name)
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		isFile, seen := n[dir]
		if isFile {
			return fmt.Errorf("checking entry name %q: %q is a file already", name, dir)
		}
		if seen {
			break
		}
		n[dir] = false
	}
	n[name] = true
	if len(n) > maxEntries {
		return fmt.Errorf("checking entry name %q: more than %d entries", name, maxEntries)
	}
	return nil
}
