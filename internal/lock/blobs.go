package lock

import (
	"cmp"
	"slices"
)

// Item is one distinct blob and a place where upstream has it.
type Item struct {
	Digest string
	Size   int64
	// Image is the upstream name of an image that has the blob; empty for a file.
	Image string
	// Manifest is set for what registries serve as a manifest, not as a blob.
	Manifest bool
	// URL is where a file is; empty for a part of an image.
	URL string
}

// Reference names the content by digest in its image's repository.
func (i Item) Reference() (string, error) { return withDigest(i.Image, i.Digest) }

// Digest is the file's SHA-256 in the form of an OCI digest.
func (f File) Digest() string { return "sha256:" + f.SHA256 }

// Blobs lists what the lock names, each distinct content once, sorted by digest.
func (l *Lock) Blobs() []Item {
	var all []Item
	for _, img := range l.Images {
		for _, m := range img.Manifests {
			all = append(all, Item{Digest: m.Digest, Size: m.Size, Image: img.Name, Manifest: true})
			for _, b := range m.blobs()[1:] {
				all = append(all, Item{Digest: b.Digest, Size: b.Size, Image: img.Name})
			}
		}
	}
	for _, f := range l.Files {
		all = append(all, Item{Digest: f.Digest(), Size: f.Size, URL: f.URL})
	}
	slices.SortStableFunc(all, func(a, b Item) int { return cmp.Compare(a.Digest, b.Digest) })
	return slices.CompactFunc(all, func(a, b Item) bool { return a.Digest == b.Digest })
}
