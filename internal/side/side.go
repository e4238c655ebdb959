// Package side reads one side of a comparison: a spec, a rendered tree, a bundle, a
// lock, or any of these as a git revision has it. Whatever it was, the result is one
// Side, which also says what of it is not known.
//
// It uses no network. A bundle's texts are held against bundle.json; all else in a
// bundle is told from bundle.json alone, as inspect does.
package side

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Kind is what an argument turned out to be.
type Kind string

// The kinds.
const (
	Spec   Kind = "spec"
	Tree   Kind = "tree"
	Bundle Kind = "bundle"
	// Delta stands for the bundle that it leads to.
	Delta Kind = "delta"
	Lock  Kind = "lock"
)

// Side is what is known of one side.
type Side struct {
	// Name is the argument as it was given.
	Name string
	Kind Kind
	// Revision is the commit's full name where the side comes from git.
	Revision string
	// Cluster and Version are the bundle's; empty where nothing says so.
	Cluster, Version string
	// SpecDigest and LockDigest are "sha256:HEX", or empty.
	SpecDigest, LockDigest string
	Has                    Has
	// Texts are the rendered files by path.
	Texts map[string]Text
	// Absent are texts that belong here and are not there: those of other hosts, where
	// a bundle was unpacked for one.
	Absent map[string]bool
	// Images are sorted by name, Files by path, Packages by place, name and
	// architecture.
	Images   []Image
	Files    []File
	Packages []Package
	// Settings are the fields of the resolved spec by path; values are JSON.
	Settings map[string]string
	// Notes are what a reader should know about the side.
	Notes []string
}

// Has says what of a side is known.
type Has struct {
	Texts, Images, Files, Packages, Settings bool
	// Programs says that the satchel of the bundle itself is among the files.
	Programs bool
}

// Text is one rendered file.
type Text struct {
	Data string
	// Exec says that the file may be run.
	Exec bool
}

// Image is one image by its full upstream name.
type Image struct {
	Name string
	// Platforms are sorted; a digest is empty where it is not known.
	Platforms []Platform
	// Attached is a digest over what is carried beside the image: signatures,
	// attestations, its index. It is empty where there is none, and where it is not Known.
	Attached string
	Known    bool
}

// attached is the digest over manifests, each by its digest and the tag that it has.
func attached(list []string) string {
	if len(list) == 0 {
		return ""
	}
	slices.Sort(list)
	sum := sha256.Sum256([]byte(strings.Join(list, "\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Recipe begins the digest of a derived image that no lock has: then it is that of the
// recipe.
const Recipe = "recipe:"

// Platform is an image for one platform. Digest is the manifest's, Size what the layers
// take, each counted once.
type Platform struct {
	Platform string
	Digest   string
	Size     int64
}

// File is a fetched file by its place in the bundle. What is not known is empty.
type File struct {
	Path, URL, SHA256 string
	Size              int64
}

// Package is a package of the operating system. Place is its directory below packages/,
// such as "debian-12-amd64".
type Package struct {
	Place, Name, Version, Arch string
	SHA256                     string
	Size                       int64
}
