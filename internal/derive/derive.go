// Package derive makes an image out of another one, as a Dockerfile without RUN
// does, but with no daemon: the layers of the base stay as they are, one layer of
// files lies above them, and the config says what the recipe says.
//
// It is bytes in, bytes out: it knows no network, store, lock or clock. Locks name
// what it makes, so it must make the same bytes from the same input on every
// machine and with every release of Go.
package derive

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/satchel-kit/satchel/internal/plan"
)

// Base is the base image for one platform, byte for byte as upstream has it.
type Base struct {
	// Platform is such as "linux/amd64".
	Platform string
	// MediaType is the manifest's.
	MediaType        string
	Manifest, Config []byte
}

// Image is a derived image.
type Image struct {
	// Digest is that of the index, or of the manifest if there is one platform.
	Digest string
	// Manifests has one entry a platform, sorted by platform.
	Manifests []Manifest
	// Layer is the digest of the layer of files, the last one of each manifest; it
	// is empty if the recipe has no files.
	Layer string
	// Blobs is all that the image has and its base has not: the layer, configs,
	// manifests and the index.
	Blobs []Blob
}

// Manifest is a derived image for one platform.
type Manifest struct {
	Platform, MediaType string
	Blob
}

// Blob is content and its digest.
type Blob struct {
	Digest string
	Data   []byte
}

func newBlob(data []byte) Blob {
	return Blob{Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(data)), Data: data}
}

// Make makes the image for the platforms of its base.
func Make(recipe *plan.Recipe, bases []Base) (*Image, error) {
	if err := Check(recipe); err != nil {
		return nil, fmt.Errorf("reading the recipe: %w", err)
	}
	above, err := newAddition(recipe)
	if err != nil {
		return nil, err
	}
	img := &Image{}
	if above.hasLayer() {
		img.Layer = above.layer.Digest
		img.Blobs = append(img.Blobs, above.layer)
	}
	for _, base := range slices.SortedFunc(slices.Values(bases), func(a, b Base) int { return cmp.Compare(a.Platform, b.Platform) }) {
		config, manifest, err := above.onto(base)
		if err != nil {
			return nil, fmt.Errorf("reading base %q for %s: %w", recipe.Base, base.Platform, err)
		}
		img.Manifests = append(img.Manifests, Manifest{Platform: base.Platform, MediaType: base.MediaType, Blob: manifest})
		img.Blobs = append(img.Blobs, config, manifest)
	}
	return img, img.seal()
}

// seal gives the image its digest, and an index if it has several platforms.
func (img *Image) seal() error {
	switch len(img.Manifests) {
	case 0:
		return fmt.Errorf("the base is there for no platform")
	case 1:
		img.Digest = img.Manifests[0].Digest
		return nil
	}
	index, err := newIndex(img.Manifests)
	if err != nil {
		return err
	}
	img.Digest = index.Digest
	img.Blobs = append(img.Blobs, index)
	return nil
}

// addition is what lies above the base; it is the same for every platform.
type addition struct {
	recipe *plan.Recipe
	digest string // the recipe's
	layer  Blob   // as it is stored; no data if there are no files
	diffID string // of the layer's tar, before it was wrapped in gzip
}

func newAddition(recipe *plan.Recipe) (*addition, error) {
	a := &addition{recipe: recipe, digest: Digest(recipe)}
	if len(recipe.Files) == 0 {
		return a, nil
	}
	var err error
	if a.layer, a.diffID, err = newLayer(recipe.Files); err != nil {
		return nil, fmt.Errorf("making the layer: %w", err)
	}
	return a, nil
}

func (a *addition) hasLayer() bool { return a.layer.Data != nil }

// onto makes the config and the manifest for one platform.
func (a *addition) onto(base Base) (config, manifest Blob, err error) {
	below, err := readManifest(base)
	if err != nil {
		return Blob{}, Blob{}, fmt.Errorf("manifest: %w", err)
	}
	data, err := a.config(base.Config, len(below.Layers))
	if err != nil {
		return Blob{}, Blob{}, fmt.Errorf("config: %w", err)
	}
	config = newBlob(data)
	return config, a.manifest(base, below, config), nil
}
