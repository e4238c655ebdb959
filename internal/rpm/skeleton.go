package rpm

import (
	"context"
	"errors"
	"io"
	"time"
)

var errUnfinished = errors.New("this part is still to come")

// Index is what a repository has for one architecture.
type Index struct {
	Repository string
	Arch       string
	Release    Release
}

// Release is what a repository says of itself.
type Release struct {
	URL      string
	Revision string
	SHA256   string
	SignedBy []string
}

// Open reads what a repository has for one architecture, by RPM's name for it, such as
// x86_64 or aarch64.
func Open(ctx context.Context, repo Repository, arch string, fetch Fetcher, now time.Time) (*Index, error) {
	return nil, errUnfinished
}

// Package is a package of a repository, or one that is installed.
type Package struct {
	Name, Epoch, Version, Release, Architecture string
	// Filename is relative to the URL of the repository, and URL is whole.
	Filename string
	URL      string
	Size     int64
	// SHA256 or SHA512 is the checksum that the repository gives; the other is empty.
	SHA256, SHA512 string
	// Repository is the URL of the one that has the package.
	Repository string
}

// EVR is the whole version, such as "2.2.8-3.el9", or "1:2.2.8-3.el9" with an epoch.
func (p *Package) EVR() string { return "" }

// Installed are the packages that a host has.
type Installed struct{}

// Len is the number of packages.
func (i *Installed) Len() int { return 0 }

// Packages are sorted by name, then architecture.
func (i *Installed) Packages() []*Package { return nil }

// ReadInstalled reads what a host has.
func ReadInstalled(r io.Reader) (*Installed, error) { return nil, errUnfinished }

// Minimal is the baseline of a minimal system.
func Minimal(indexes []*Index) (*Installed, error) { return nil, errUnfinished }

// Request is what a host should get.
type Request struct {
	// Names are such as "keepalived", "kubelet-1.34.4" for one version, or "/usr/bin/socat".
	Names []string
	// Prefer are names of packages that go first wherever there is a choice.
	Prefer []string
}

// Resolve chooses what has to be added to the installed packages, sorted by name.
func Resolve(indexes []*Index, installed *Installed, req Request) ([]*Package, error) {
	return nil, errUnfinished
}

// PackageFile is a .rpm of a private repository.
type PackageFile struct {
	// Path is relative to the repository, such as packages/keepalived-2.2.8-3.el9.x86_64.rpm.
	Path   string
	SHA256 string
	Size   int64
	Open   func() (io.ReadCloser, error)
}

// IndexFile is one that WriteRepository made, with its path in the repository.
type IndexFile struct {
	Path string
	Data []byte
}

// WriteRepository makes the indexes of a private repository.
func WriteRepository(files []PackageFile) ([]IndexFile, error) { return nil, errUnfinished }

// VerifyPackage checks the signature of a .rpm, and that the whole of it is what was
// signed. The result are the fingerprints of the keys whose signatures are good.
func VerifyPackage(r io.Reader, keys []byte, now time.Time) (by []string, err error) {
	return nil, errUnfinished
}
