package deb

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Installed are the packages that a host has. It does not change any more.
type Installed struct {
	// packages are sorted by name, then architecture.
	packages []*Package
}

// Packages are sorted by name, then architecture.
func (i *Installed) Packages() []*Package { return slices.Clone(i.packages) }

// newInstalled sorts packages, and refuses two of one name and architecture.
func newInstalled(packages []*Package) (*Installed, error) {
	slices.SortFunc(packages, byName)
	for n := 1; n < len(packages); n++ {
		if byName(packages[n-1], packages[n]) == 0 {
			return nil, fmt.Errorf("%s and %s are both said to be installed", packages[n-1], packages[n])
		}
	}
	return &Installed{packages}, nil
}

func byName(a, b *Package) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	return strings.Compare(a.Architecture, b.Architecture)
}

// ReadInstalled reads what a host has: its /var/lib/dpkg/status, or lines of a name, a
// version and an architecture, as this prints them on the host:
//
//	dpkg-query -W -f='${db:Status-Abbrev}${Package} ${Version} ${Architecture}\n' | sed -n 's/^.i //p'
//
// The status says more: what the installed packages depend on and conflict with, and
// which of them are held. With lines, [Resolve] takes that from the repositories, for
// the packages whose versions these still have.
func ReadInstalled(r io.Reader) (*Installed, error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the installed packages: %w", err)
	}
	line, _, _ := bytes.Cut(bytes.TrimLeft(head, " \t\r\n"), []byte("\n"))
	read := readStatus
	if !bytes.Contains(line, []byte(": ")) {
		read = readLines
	}
	packages, err := read(b)
	if err == nil && len(packages) == 0 {
		err = errors.New("there are none: this should be /var/lib/dpkg/status of a host, or lines of a name, a version and an architecture")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the installed packages: %w", err)
	}
	i, err := newInstalled(packages)
	if err != nil {
		return nil, fmt.Errorf("reading the installed packages: %w", err)
	}
	return i, nil
}

func readStatus(r io.Reader) ([]*Package, error) {
	var packages []*Package
	var problems []error
	var buf []byte
	for s := newStanzas(r); ; {
		stanza, err := s.next()
		if errors.Is(err, io.EOF) {
			return packages, errors.Join(problems...)
		}
		if err != nil {
			return nil, err
		}
		var id identity
		if buf, id, err = trim(buf[:0], stanza); err != nil {
			return nil, fmt.Errorf("the paragraph at line %d: %w", s.first, err)
		}
		here, held, err := state(string(id.status))
		if err == nil && !here {
			continue
		}
		var p *Package
		if err == nil {
			err = id.check()
		}
		if err == nil {
			p, err = newPackage(string(buf))
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("the paragraph at line %d: package %.60s: %w", s.first, id.name, err))
			continue
		}
		p.held = held
		packages = append(packages, p)
	}
}

// state reads a field Status: what is wanted, whether there is an error, what is. A
// package that is half installed satisfies nothing, and nothing can be installed
// beside it before it is mended.
func state(status string) (here, held bool, err error) {
	f := strings.Fields(status)
	if len(f) != 3 {
		return false, false, fmt.Errorf("%.60q in the field Status is not such as \"install ok installed\"", status)
	}
	switch f[2] {
	case "not-installed", "config-files":
		return false, false, nil
	case "installed", "triggers-awaited", "triggers-pending":
		if f[1] == "ok" {
			return true, f[0] == "hold", nil
		}
	}
	return false, false, fmt.Errorf("it is %q in the field Status: on that host, run dpkg --configure --pending and apt-get --fix-broken install first", status)
}

func readLines(r io.Reader) ([]*Package, error) {
	var packages []*Package
	var problems []error
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		f := strings.Fields(s.Text())
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 {
			problems = append(problems, fmt.Errorf("line %d: %.100q is not a name, a version and an architecture", n, s.Text()))
			continue
		}
		name, _, _ := strings.Cut(f[0], ":") // "libc6:amd64", as dpkg-query prints some
		err := identity{name: []byte(name), version: []byte(f[1]), arch: []byte(f[2])}.check()
		if err == nil {
			err = checkVersion(f[1])
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		packages = append(packages, &Package{Name: name, Version: f[1], Architecture: f[2]})
	}
	return packages, errors.Join(append(problems, s.Err())...)
}
