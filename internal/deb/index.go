package deb

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
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
type entry struct{ name, version, arch, stanza string }

func newIndex(repository, arch string) *Index {
	return &Index{Repository: repository, Arch: arch, byName: map[string][]int32{}, provided: map[string][]int32{}}
}

// Len is the number of packages.
func (x *Index) Len() int { return len(x.entries) }

// Lookup is all versions of a package, newest first.
func (x *Index) Lookup(name string) ([]*Package, error) {
	return x.packages(x.byName[name])
}

func (x *Index) packages(numbers []int32) ([]*Package, error) {
	var list []*Package
	for _, n := range numbers {
		p, err := x.open(n)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	slices.SortStableFunc(list, func(a, b *Package) int { return Compare(b.Version, a.Version) })
	return list, nil
}

// open parses a package.
func (x *Index) open(n int32) (*Package, error) {
	p, err := newPackage(x.entries[n].stanza)
	if err != nil {
		return nil, fmt.Errorf("reading the index of %s: %w", x.Repository, err)
	}
	if p.Filename == "" {
		return p, nil
	}
	if p.Filename, err = cleanFile(p.Filename); err != nil {
		return nil, fmt.Errorf("reading the index of %s: package %s: %w", x.Repository, p, err)
	}
	p.URL = join(x.Repository, p.Filename)
	return p, nil
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
		x.insert(entry{string(id.name), string(id.version), string(id.arch), string(buf)}, string(id.provides))
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

// ReadPackages makes an index of one file of packages, without a signature: for a
// file whose bytes were checked already.
func ReadPackages(r io.Reader, repository, arch string) (*Index, error) {
	x := newIndex(repository, arch)
	if err := x.add(r); err != nil {
		return nil, fmt.Errorf("reading the packages of %s: %w", repository, err)
	}
	return x, nil
}
