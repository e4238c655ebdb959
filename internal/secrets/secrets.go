// Package secrets makes, splits and reads the secrets of a cluster. They live in
// one file of NAME=VALUE lines, encrypted with age if that is wanted, apart from the spec, the tree and the bundle,
// whose files have only marks, @secret:NAME@, that install.sh fills on the host.
// It is the only package that uses randomness. It must never print a value or
// put one into an error.
package secrets

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Set holds secrets by name.
type Set map[string]string

// mark is how a rendered file names a secret.
var mark = regexp.MustCompile(`@secret:([a-z0-9-]+)@`)

var line = regexp.MustCompile(`^([a-z0-9-]+)=(\S+)$`)

// Names are the names of the secrets, sorted.
func (s Set) Names() []string { return slices.Sorted(maps.Keys(s)) }

// Bytes is the content of a secrets file.
func (s Set) Bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "# Secrets of a cluster. Keep this file away from the bundle and from version control.")
	for _, name := range s.Names() {
		fmt.Fprintf(&b, "%s=%s\n", name, s[name])
	}
	return b.Bytes()
}

// Read reads a secrets file; identity is the file of who can decrypt it, or "". Errors
// name the line, never its content.
func Read(path, identity string) (Set, error) {
	data, err := os.ReadFile(path)
	if err == nil {
		data, err = decrypt(path, data, identity)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the secrets: %w", err)
	}
	set := Set{}
	scan := bufio.NewScanner(bytes.NewReader(data))
	scan.Buffer(nil, 1<<20)
	for n := 1; scan.Scan(); n++ {
		text := scan.Text()
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		m := line.FindStringSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("reading the secrets: %s:%d is not NAME=VALUE", path, n)
		}
		if _, twice := set[m[1]]; twice {
			return nil, fmt.Errorf("reading the secrets: %s:%d gives %s a second time", path, n, m[1])
		}
		set[m[1]] = m[2]
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("reading the secrets: %s: %w", path, err)
	}
	return set, nil
}

// WriteFile writes the set to a new file that only its owner can read, encrypted if
// there are recipients. An existing file is never replaced: the secrets in it may be
// those of a running cluster.
func (s Set) WriteFile(path string, to Recipients) error {
	data, err := to.encrypt(s.Bytes())
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists; its secrets may be in use, so it stays as it is. Name another file with -o", path)
	}
	if err != nil {
		return fmt.Errorf("creating the secrets file: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		os.Remove(path)
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return nil
}

// Marks are the names of the secrets that a text needs, sorted.
func Marks(text []byte) []string {
	var names []string
	for _, m := range mark.FindAllSubmatch(text, -1) {
		names = append(names, string(m[1]))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Part takes the named secrets out of the set.
func (s Set) Part(names []string) (Set, error) {
	part := Set{}
	for _, name := range names {
		value, ok := s[name]
		if !ok {
			return nil, fmt.Errorf("the secrets lack %s; make it, and keep the others, with satchel secrets new --from these", name)
		}
		part[name] = value
	}
	return part, nil
}
