package deb

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/satchel-kit/satchel/internal/repository"
)

// Index is what a repository has for one architecture. It does not change any more,
// so that many may read it at once.
type Index struct {
	// Repository is the URL, for messages, and what files are relative to.
	Repository string
	Arch       string
	// Releases are the suites that were read.
	Releases []Release

	entries  []entry
	byName   map[string][]int32
	provided map[string][]int32
}

// Release is what a suite says of itself, after its signature was checked.
type Release struct {
	URL        string
	Suite      string
	Codename   string
	Date       time.Time
	ValidUntil time.Time // zero if the suite does not say
	// SHA256 is that of the signed text, which names all else by its checksum.
	SHA256 string
	// SignedBy are the fingerprints of the keys whose signatures are good.
	SignedBy []string
}

// entry is a package before anybody asks for it. Most are never asked for, so what
// they depend on is not even parsed.
type entry struct {
	name, version, arch, stanza string
	// essential packages are in every system of a distribution, and base ones in every
	// minimal system.
	essential, base bool
}

// String names the repository and its suites.
func (x *Index) String() string {
	var suites []string
	for _, r := range x.Releases {
		if name := cmp.Or(r.Codename, r.Suite); name != "" && !slices.Contains(suites, name) {
			suites = append(suites, name)
		}
	}
	if len(suites) == 0 {
		return x.Repository
	}
	return fmt.Sprintf("%s (%s)", x.Repository, strings.Join(suites, ", "))
}

func newIndex(repository, arch string) *Index {
	return &Index{Repository: repository, Arch: arch, byName: map[string][]int32{}, provided: map[string][]int32{}}
}

// Len is the number of packages.
func (x *Index) Len() int { return len(x.entries) }

// open parses a package.
func (x *Index) open(n int32) (*Package, error) {
	p, err := newPackage(x.entries[n].stanza)
	if err != nil {
		return nil, fmt.Errorf("reading the index of %s: %w", x.Repository, err)
	}
	p.Repository = x.Repository
	switch {
	case p.Filename == "":
		err = errors.New("it has no field Filename")
	case !isSHA256(p.SHA256):
		err = fmt.Errorf("%.70q in the field SHA256 is no SHA-256, and older checksums are not trusted", p.SHA256)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the index of %s: package %s: %w", x.Repository, p, err)
	}
	if p.Filename, err = repository.CleanFile(p.Filename); err != nil {
		return nil, fmt.Errorf("reading the index of %s: package %s: %w", x.Repository, p, err)
	}
	p.URL = repository.Join(x.Repository, p.Filename)
	return p, nil
}

// minimal are the names of the packages of a minimal system, if this is the index of a
// distribution.
func (x *Index) minimal() []string {
	var names []string
	distribution := false
	for _, e := range x.entries {
		distribution = distribution || e.essential
		if e.base {
			names = append(names, e.name)
		}
	}
	if !distribution {
		return nil
	}
	return names
}

// add reads a file of packages. Those of other architectures are passed over: flat
// repositories have all in one file.
func (x *Index) add(r io.Reader) error {
	s := newStanzas(r)
	var buf []byte
	for {
		stanza, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var id identity
		if buf, id, err = trim(buf[:0], stanza); err == nil {
			err = id.check()
		}
		if err != nil {
			return fmt.Errorf("the paragraph at line %d: %w", s.first, err)
		}
		if arch := string(id.arch); arch != x.Arch && arch != "all" {
			continue
		}
		e := entry{name: string(id.name), version: string(id.version), arch: string(id.arch), stanza: string(buf)}
		e.essential = string(id.essential) == "yes"
		e.base = e.essential || rank(string(id.priority)) <= rank("important")
		x.insert(e, string(id.provides))
	}
}

// insert keeps the first of two that are the same package: suites repeat what others
// have, and the order of suites is the order of trust.
func (x *Index) insert(e entry, provides string) {
	for _, n := range x.byName[e.name] {
		if o := x.entries[n]; o.version == e.version && o.arch == e.arch {
			return
		}
	}
	n := int32(len(x.entries))
	x.entries = append(x.entries, e)
	x.byName[e.name] = append(x.byName[e.name], n)
	for _, name := range providedNames(provides) {
		if !slices.Contains(x.provided[name], n) {
			x.provided[name] = append(x.provided[name], n)
		}
	}
}
