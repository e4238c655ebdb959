// Package bundle packs the rendered tree and everything that the lock names into
// the one archive that is carried to the hosts, and checks, inspects and unpacks
// such archives.
//
// It uses no network, clock or randomness: the same input gives the same bytes.
// It fetches nothing; a blob that the cache lacks is an error. Nothing that it
// writes gets its final name before all of it is checked and on disk.
package bundle

import (
	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/render"
)

// Meta is what bundle.json says about the bundle as a whole.
type Meta struct {
	Name    string
	Version string
	// Spec is the digest, "sha256:HEX", of what the tree was rendered from.
	Spec string
	// Satchel is the version of the program.
	Satchel string
	Hosts   []Host
	// Seats are the clusters of a kit, by number.
	Seats []Seat
}

// Input is everything that a bundle is made of.
type Input struct {
	Meta  Meta
	Tree  render.Tree
	Lock  *lock.Lock
	Cache *cache.Cache
	// Programs are those that satchel itself brings along.
	Programs []Program
	// Describe, if not nil, makes a text of the bundle out of the lines of SHA256SUMS
	// that all other files have in it, except bundle.json.
	Describe func(sums []byte) (render.File, error)
	// Sign, if not nil, makes the signature of SHA256SUMS.
	Sign func(sums []byte) ([]byte, error)
	// Base is what the receiver has; then the bundle is a delta.
	Base *Base
}

// The places of a bundle that have a meaning here.
const (
	imagesDir  = "images/"
	layoutName = imagesDir + "oci-layout"
	indexName  = imagesDir + "index.json"
	listName   = imagesDir + "list"
	blobsDir   = imagesDir + "blobs/sha256/"

	filesDir    = "files/"
	packagesDir = "packages/"
	programsDir = "bin/"
	hostsDir    = "hosts/"
)
