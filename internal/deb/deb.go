// Package deb reads Debian and Ubuntu repositories, chooses the packages that a host
// lacks, and writes the indexes of a private repository. It needs neither apt nor
// dpkg, so that a bundle for Debian can be made on any machine.
//
// It must not use the network: a [Fetcher] brings the bytes, and everything that it
// brings is checked here, from the repository's signature down to the checksum of a
// package. It must not install, remove or downgrade anything either; it only says
// what to add to a host that is known by its [Installed] packages.
//
// One architecture is looked at in one call, together with "all". A package of a
// foreign architecture never satisfies anything.
package deb

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
)

// Repository is where packages come from, as in a line of sources.list.
type Repository struct {
	// URL is what the suites and the file names of packages are relative to, such
	// as http://deb.debian.org/debian.
	URL string
	// Suites are such as "bookworm". The suite of a flat repository ends with "/".
	Suites []string
	// Components are such as "main". A flat repository has none.
	Components []string
	// Keys are the OpenPGP keys that may sign, ASCII-armored or binary, one or more.
	Keys []byte
	// AnyAge lets Valid-Until be in the past. It is for snapshots, which never change:
	// for any other repository it lets a mirror hold back security updates.
	AnyAge bool
}

// Fetcher brings a file of a repository by its URL. Its error is fs.ErrNotExist where
// the repository does not have the file, which is no failure by itself: there may be
// the same file in another compression. Nothing else about the answer is trusted.
type Fetcher func(ctx context.Context, url string) (io.ReadCloser, error)

// Package is a binary package of a repository, or one that is installed.
type Package struct {
	Name         string
	Version      string
	Architecture string
	Source       string
	MultiArch    string
	Priority     string
	Section      string
	Essential    bool

	PreDepends, Depends, Recommends       []Alternatives
	Conflicts, Breaks, Replaces, Provides []Relation

	// Filename is relative to the URL of the repository, and URL is whole.
	Filename string
	URL      string
	Size     int64
	SHA256   string
	// Stanza has the fields that are about installing, in the repository's words.
	// Those for people, like Description, are not kept.
	Stanza string

	// Repository is the URL of the one that has the package.
	Repository string

	// held is a package that the host's administrator wants to stay as it is.
	held bool
}

// String is such as "keepalived 1:2.2.7-1".
func (p *Package) String() string { return p.Name + " " + p.Version }

// newPackage reads a stanza that was trimmed.
func newPackage(stanza string) (*Package, error) {
	p := &Package{Stanza: stanza}
	err := eachField(stanza, func(name, value string) (err error) {
		switch name {
		case "Package":
			p.Name = value
		case "Version":
			p.Version = value
		case "Architecture":
			p.Architecture = value
		case "Source":
			p.Source = value
		case "Multi-Arch":
			p.MultiArch = value
		case "Priority":
			p.Priority = value
		case "Section":
			p.Section = value
		case "Essential":
			p.Essential = value == "yes"
		case "Filename":
			p.Filename = value
		case "Size":
			p.Size, err = parseSize(value)
		case "SHA256":
			p.SHA256 = value
		case "Pre-Depends":
			p.PreDepends, err = parseDepends(value)
		case "Depends":
			p.Depends, err = parseDepends(value)
		case "Recommends":
			p.Recommends, err = parseDepends(value)
		case "Conflicts":
			p.Conflicts, err = parseRelations(value)
		case "Breaks":
			p.Breaks, err = parseRelations(value)
		case "Replaces":
			p.Replaces, err = parseRelations(value)
		case "Provides":
			p.Provides, err = parseRelations(value)
			// A range of versions cannot be provided; apt passes over it as well.
			p.Provides = slices.DeleteFunc(p.Provides, func(r Relation) bool { return r.Op != "" && r.Op != "=" })
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		return nil
	})
	if err == nil {
		err = checkVersion(p.Version)
	}
	if err != nil {
		return nil, fmt.Errorf("package %s: %w", p, err)
	}
	return p, nil
}

// native tells whether the package is of an architecture, or of all.
func (p *Package) native(arch string) bool { return p.Architecture == arch || p.Architecture == "all" }

// dependency is a clause of a field.
type dependency struct {
	field        string
	alternatives Alternatives
}

// dependencies are all clauses that have to hold for the package to work.
func (p *Package) dependencies() iter.Seq[dependency] {
	return func(yield func(dependency) bool) {
		for _, a := range p.PreDepends {
			if !yield(dependency{"Pre-Depends", a}) {
				return
			}
		}
		for _, a := range p.Depends {
			if !yield(dependency{"Depends", a}) {
				return
			}
		}
	}
}

// conflict is a relation that must not be met by another package.
type conflict struct {
	field string
	Relation
}

func (p *Package) conflicts() iter.Seq[conflict] {
	return func(yield func(conflict) bool) {
		for _, r := range p.Conflicts {
			if !yield(conflict{"Conflicts", r}) {
				return
			}
		}
		for _, r := range p.Breaks {
			if !yield(conflict{"Breaks", r}) {
				return
			}
		}
	}
}

// of tells whose conflict it is.
func (c conflict) of(p *Package) string { return fmt.Sprintf("%s %s: %s", p, c.field, c.Relation) }

// meets tells whether the package, if it is there, meets a dependency of a package of an
// architecture. One of another architecture does if it says so itself, or is asked for
// by its architecture (Debian's specification of Multi-Arch).
func (p *Package) meets(r Relation, arch string) bool {
	if p.native(arch) || p.MultiArch == "foreign" || r.Qualifier == p.Architecture || r.Qualifier == "any" {
		return p.matches(r)
	}
	return false
}

// matches tells whether the package is what a relation names, itself or by what it
// provides. The rules are those of Debian's policy, chapter 7: a relation with a
// version is met by a provided name only if that one has a version too.
func (p *Package) matches(r Relation) bool {
	if p.Name == r.Name && r.allows(p.Version) && p.qualifies(r.Qualifier) {
		return true
	}
	for _, v := range p.Provides {
		if !r.itself && v.Name == r.Name && (r.Op == "" || v.Version != "" && r.allows(v.Version)) &&
			(p.qualifies(r.Qualifier) || r.Qualifier != "" && v.Qualifier == r.Qualifier) {
			return true
		}
	}
	return false
}

// qualifies tells whether the package may answer for "name:qualifier". Packages of
// "all" count as those of the host's own architecture, which is the only one here.
func (p *Package) qualifies(qualifier string) bool {
	switch qualifier {
	case "", "native":
		return true
	case "any":
		return p.MultiArch == "allowed"
	}
	return p.Architecture == qualifier || p.Architecture == "all"
}
