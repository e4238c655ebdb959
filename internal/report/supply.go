package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/derive"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/plan"
)

// Image is one image for one platform. Digest and size are empty where the lock does
// not know them.
type Image struct {
	Name, Tag, Platform, Digest string
	Layers                      int
	Size                        int64
	// Made is the image that satchel makes it from.
	Made string
	// Beside is how many signatures, attestations and indexes are carried with it.
	Beside int
}

// File is one file that the bundle carries.
type File struct {
	Path, URL, SHA256 string
	Size              int64
}

// addImages lists what the plan needs and takes from the lock what it knows.
func (c *Cluster) addImages(l *lock.Lock) {
	locked := map[string]*lock.Image{}
	for i := range l.Images {
		locked[l.Images[i].Name] = &l.Images[i]
	}
	blobs := map[string]int64{}
	for i := range c.plan.Images {
		want := &c.plan.Images[i]
		known := locked[want.Name]
		if known == nil || !about(known, want) {
			known = &lock.Image{}
		}
		for _, a := range known.Attached {
			note(blobs, a.Blobs, []lock.Blob{a.Blob})
		}
		for _, platform := range want.Platforms {
			image := newImage(want, known, platform, blobs)
			c.LargestImage = max(c.LargestImage, image.Size)
			c.Images = append(c.Images, image)
		}
	}
	c.ImageBytes = total(blobs)
}

// about tells whether an image that satchel makes was locked as it is made now.
func about(known *lock.Image, want *plan.Image) bool {
	if want.Recipe == nil || known.From == nil {
		return want.Recipe == nil && known.From == nil
	}
	return known.From.Base == want.Recipe.Base && known.From.Recipe == derive.Digest(want.Recipe)
}

// newImage is an image for one platform; its blobs are added to those of all.
func newImage(want *plan.Image, known *lock.Image, platform string, blobs map[string]int64) Image {
	image := Image{Platform: platform, Beside: len(known.Attached)}
	image.Name, image.Tag = reference(want.Name)
	image.Tag = cmp.Or(want.Tag, image.Tag)
	if want.Recipe != nil {
		image.Made = want.Recipe.Base
	}
	for _, m := range known.Manifests {
		if m.Platform != platform {
			continue
		}
		layers := map[string]int64{}
		note(layers, m.Layers)
		note(blobs, m.Layers, []lock.Blob{m.Blob, m.Config})
		image.Digest, image.Layers, image.Size = m.Digest, len(m.Layers), total(layers)
	}
	return image
}

// note notes the sizes of blobs, of each once.
func note(sizes map[string]int64, lists ...[]lock.Blob) {
	for _, b := range slices.Concat(lists...) {
		sizes[b.Digest] = b.Size
	}
}

func total(sizes map[string]int64) (sum int64) {
	for _, size := range sizes {
		sum += size
	}
	return sum
}

// reference takes a full name apart into repository and tag or digest.
func reference(name string) (repository, tag string) {
	if repository, digest, ok := strings.Cut(name, "@"); ok {
		return repository, digest
	}
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[:i], name[i+1:]
	}
	return name, ""
}

func (c *Cluster) addFiles(l *lock.Lock) {
	locked := map[string]lock.File{}
	for _, f := range l.Files {
		locked[f.Path] = f
	}
	for _, want := range c.plan.Files {
		f := File{Path: want.Path, URL: want.URL}
		// A lock of another release says nothing about this file.
		if known := locked[want.Path]; known.URL == want.URL {
			f.SHA256, f.Size = known.SHA256, known.Size
		}
		c.FileBytes += f.Size
		c.LargestFile = max(c.LargestFile, f.Size)
		c.Files = append(c.Files, f)
	}
}
