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
	"context"
	"io"
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
	// Modules are the streams of modules that are enabled beside the default ones, such as
	// "container-tools:4.0".
	Modules []string
	// ModuleHotfixes lets no module hide packages of this repository, as module_hotfixes=1
	// does. It is for repositories of vendors, such as Docker's.
	ModuleHotfixes bool
}

// Fetcher brings a file of a repository by its URL. Its error is fs.ErrNotExist where
// the repository does not have the file. Nothing else about the answer is trusted.
type Fetcher func(ctx context.Context, url string) (io.ReadCloser, error)
