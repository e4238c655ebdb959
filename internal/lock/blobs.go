package lock

import (
	"cmp"
	"fmt"
	"slices"
)

// Item is one distinct blob, and a place where upstream has it or what satchel makes
// it of.
type Item struct {
	Digest string
	Size   int64
	// Image is the name of an image that has the blob; empty for a file.
	Image string
	// Manifest is set for what registries serve as a manifest, not as a blob.
	Manifest bool
	// Config is set for the config of an image. It and the manifests say what the rest
	// is, and are small.
	Config bool
	// URL is where a file is; empty for a part of an image.
	URL string
	// Package is set for a package of the operating system. The indexes of the bundle's
	// repositories are made of what is in them.
	Package bool
	// Use says for what a package is, such as "package socat 1.7 of debian-12-amd64".
	Use string
	// Of is set for what satchel makes itself: no network has it, but upstream has
	// these, of which Make makes it. It is empty, and not nil, for what Unpack takes
	// from an archive.
	Of []Item
}

// Reference names the content by digest in its image's repository.
func (i Item) Reference() (string, error) { return withDigest(i.Image, i.Digest) }

// Digest is the file's SHA-256 in the form of an OCI digest.
func (f File) Digest() string { return "sha256:" + f.SHA256 }

// Blobs lists what a bundle needs of the lock, each distinct content once, sorted by
// digest.
func (l *Lock) Blobs() []Item {
	var all []Item
	for _, img := range l.Images {
		all = append(all, img.items()...)
	}
	for _, f := range l.Files {
		all = append(all, Item{Digest: f.Digest(), Size: f.Size, URL: f.URL})
	}
	for _, s := range l.Packages {
		for _, p := range s.Packages {
			all = append(all, Item{Digest: p.Digest(), Size: p.Size, URL: p.URL, Package: true, Use: fmt.Sprintf("package %s %s of %s", p.Name, p.Version, s.Place)})
		}
	}
	slices.SortStableFunc(all, func(a, b Item) int { return cmp.Compare(a.Digest, b.Digest) })
	return slices.CompactFunc(all, func(a, b Item) bool { return a.Digest == b.Digest })
}

func (img Image) items() []Item {
	var all, of []Item
	layersOf := img.Name
	if img.From != nil {
		of, layersOf = img.From.items(), img.From.Base
	}
	if img.Archive != nil {
		of = []Item{} // of nothing that a network has
	}
	for _, m := range img.Manifests {
		all = append(all,
			Item{Digest: m.Digest, Size: m.Size, Image: img.Name, Manifest: true, Of: of},
			Item{Digest: m.Config.Digest, Size: m.Config.Size, Image: img.Name, Config: true, Of: of})
		for _, b := range m.Layers {
			item := Item{Digest: b.Digest, Size: b.Size, Image: layersOf}
			if img.Archive != nil || img.From != nil && b.Digest == img.From.Layer {
				item.Image, item.Of = img.Name, of
			}
			all = append(all, item)
		}
	}
	for _, a := range img.Attached { // of a derived image there is nothing
		all = append(all, Item{Digest: a.Digest, Size: a.Size, Image: img.Name, Manifest: true, Of: of})
		for _, b := range a.Blobs {
			all = append(all, Item{Digest: b.Digest, Size: b.Size, Image: img.Name, Of: of})
		}
	}
	return all
}

// items are the base's manifests and configs.
func (f *From) items() []Item {
	var all []Item
	for _, p := range f.Parts {
		all = append(all,
			Item{Digest: p.Manifest.Digest, Size: p.Manifest.Size, Image: f.Base, Manifest: true},
			Item{Digest: p.Config.Digest, Size: p.Config.Size, Image: f.Base, Config: true})
	}
	return all
}
