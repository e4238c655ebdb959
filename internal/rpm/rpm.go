// Package rpm reads RPM repositories, chooses the packages that a host lacks, and writes
// the indexes of a private repository. It needs neither dnf nor rpm, so that a bundle for
// Rocky Linux or CentOS can be made on any machine.
//
// It must not use the network: a [Fetcher] brings the bytes, and everything that it
// brings is checked here, from the repository's signature down to the checksum of a
// package. It must not install, remove or downgrade anything either; it only says
// what to add to a host that is known by its [Installed] packages.
//
// One architecture is looked at in one call, together with "noarch". A package of another
// architecture, such as i686 on x86_64, never satisfies anything.
package rpm

import (
	"cmp"
	"context"
	"io"
	"slices"

	"github.com/satchel-kit/satchel/internal/repository"
)

// Repository is where packages come from, as in a file of /etc/yum.repos.d.
type Repository struct {
	// URL is what repodata/repomd.xml and the file names of packages are relative to, as
	// in baseurl, without variables such as $releasever.
	URL string
	// Keys are the OpenPGP keys that may sign, ASCII-armored or binary, one or more.
	Keys []byte
	// SignedMetadata says that repodata/repomd.xml.asc must be there and be good, as
	// repo_gpgcheck=1 does. Without it, only the signatures of the packages themselves
	// vouch for anything: see [VerifyPackage].
	SignedMetadata bool
	// Unsigned says that nothing vouches for the repository. It has no keys then.
	Unsigned bool
	// Modules are the streams of modules that are enabled in place of the default ones, or
	// beside them, such as "container-tools:4.0".
	Modules []string
	// ModuleHotfixes lets no module hide packages of this repository, as module_hotfixes=1
	// does. It is for repositories of vendors, such as Docker's.
	ModuleHotfixes bool
}

// Fetcher brings a file of a repository by its URL. Its error is fs.ErrNotExist where
// the repository does not have the file. Nothing else about the answer is trusted.
type Fetcher func(ctx context.Context, url string) (io.ReadCloser, error)

// Package is a package of a repository, or one that is installed.
type Package struct {
	Name         string
	Epoch        string // "0" if it has none
	Version      string
	Release      string
	Architecture string
	Source       string // the file name of the source package

	Requires, Provides, Conflicts, Obsoletes []Relation
	// Files are those that the index lists, or that something asked for.
	Files []string

	// Filename is relative to the URL of the repository, and URL is whole.
	Filename string
	URL      string
	Size     int64
	// SHA256 or SHA512 is the checksum that the repository gives; the other is empty.
	SHA256, SHA512 string

	// Repository is the URL of the one that has the package.
	Repository string

	// base is where the file is, if that is not the repository.
	base string
	// known tells that the relations are those of the package itself, not guessed.
	known bool
	// rules are what has to hold while the package is there.
	rules []clause
	// offers are the package's name, its provided names and its files, each once.
	offers []string
	// against are the names whose arrival may break a rule, each once.
	against []string
}

// EVR is the whole version, such as "2.2.8-3.el9", or "1:2.2.8-3.el9" with an epoch.
func (p *Package) EVR() string { return joinEVR(p.Epoch, p.Version, p.Release) }

// String is such as "keepalived-2.2.8-3.el9.x86_64".
func (p *Package) String() string { return p.Name + "-" + p.EVR() + "." + p.Architecture }

// url is where the package is, if it is in a repository.
func (p *Package) url() string {
	if p.Filename == "" {
		return ""
	}
	return repository.Join(cmp.Or(p.base, p.Repository), p.Filename)
}

// native tells whether the package is of an architecture, or of all.
func (p *Package) native(arch string) bool {
	return p.Architecture == arch || p.Architecture == "noarch"
}

// prepare works out what the resolver asks a package for.
func (p *Package) prepare() error {
	p.URL = p.url()
	p.rules, p.offers, p.against = nil, nil, nil
	for _, f := range []struct {
		name string
		list []Relation
	}{{"Requires", p.Requires}, {"Conflicts", p.Conflicts}, {"Obsoletes", p.Obsoletes}} {
		for _, r := range f.list {
			if r.isInternal() {
				continue
			}
			r.itself = f.name == "Obsoletes"
			list, err := newClauses(f.name, r)
			if err != nil {
				return err
			}
			p.rules = append(p.rules, list...)
		}
	}
	seen := map[string]bool{}
	add := func(to *[]string, name string) {
		if !seen[name] {
			seen[name] = true
			*to = append(*to, name)
		}
	}
	add(&p.offers, p.Name)
	for _, r := range p.Provides {
		add(&p.offers, r.Name)
	}
	for _, f := range p.Files {
		add(&p.offers, f)
	}
	clear(seen)
	for _, c := range p.rules {
		for _, t := range c.none {
			for _, name := range t.names() {
				add(&p.against, name)
			}
		}
	}
	return nil
}

// matches tells whether the package is what a relation names, itself, by what it provides
// or by its files.
func (p *Package) matches(r Relation) bool {
	if p.Name == r.Name && r.overlaps(Relation{Op: "=", Version: p.EVR()}) {
		return true
	}
	if r.itself {
		return false
	}
	for _, v := range p.Provides {
		if v.Name == r.Name && r.overlaps(v) {
			return true
		}
	}
	return r.Op == "" && isPath(r.Name) && slices.Contains(p.Files, r.Name)
}

// obsoletes tells whether the package replaces another.
func (p *Package) obsoletes(o *Package) bool {
	return p.Name != o.Name && slices.ContainsFunc(p.Obsoletes, func(r Relation) bool {
		r.itself = true
		return o.matches(r)
	})
}
