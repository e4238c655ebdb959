package bundle

import (
	"bytes"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// checkImages follows the image layout from its index down to every layer, and
// compares what it finds with what bundle.json says. Contents that are damaged
// or missing were reported before; what hangs on them is passed over.
func (v *verifier) checkImages() {
	if marker := v.kept[layoutName]; marker != nil && string(marker) != layoutMarker {
		v.problem(layoutName, "is %.100q, should be %q", marker, layoutMarker)
	}
	if list := v.kept[listName]; list != nil && !bytes.Equal(list, imageList(v.source.manifest.Images)) {
		v.problem(listName, "has other images than %s", manifestName)
	}
	for _, name := range []string{layoutName, indexName, listName} {
		if _, listed := v.files[name]; !listed {
			v.problem(name, "is not in %s", manifestName)
		}
	}
	raw := v.kept[indexName]
	if raw == nil {
		return
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		v.problem(indexName, "cannot be read: %v", err)
		return
	}
	v.checkIndex(index)
}

func (v *verifier) checkIndex(index *v1.IndexManifest) {
	byName := map[string]v1.Descriptor{}
	for _, desc := range index.Manifests {
		name := desc.Annotations[refNameAnnotation]
		if _, twice := byName[name]; twice {
			v.problem(indexName, "has image %q twice", name)
		}
		if desc.Annotations[containerdAnnotation] != name {
			v.problem(indexName, "gives image %q another name for containerd: %q", name, desc.Annotations[containerdAnnotation])
		}
		byName[name] = desc
	}
	for _, image := range v.source.manifest.Images {
		desc, found := byName[image.Name]
		switch {
		case !found:
			v.problem(indexName, "lacks image %q", image.Name)
		case desc.Digest.String() != image.Digest:
			v.problem(indexName, "has %s for image %q, should have %s", desc.Digest, image.Name, image.Digest)
		default:
			v.checkImage(image, desc)
		}
		for _, a := range image.Attached {
			v.checkAttached(image, a)
		}
		delete(byName, image.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		v.problem(indexName, "has image %q, which is not in %s", name, manifestName)
	}
}

// checkImage looks at an image's platforms.
func (v *verifier) checkImage(image Image, desc v1.Descriptor) {
	v.checkDescriptor(indexName, desc)
	if !desc.MediaType.IsIndex() {
		v.checkPlatforms(image, indexName, []v1.Descriptor{desc})
		return
	}
	path := blobPath(image.Digest)
	raw := v.kept[path]
	if raw == nil {
		return
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		v.problem(path, "cannot be read as an image index: %v", err)
		return
	}
	v.checkPlatforms(image, path, index.Manifests)
}

// checkAttached looks at what nothing in the image layout leads to.
func (v *verifier) checkAttached(image Image, a Attached) {
	path := blobPath(a.Digest)
	raw := v.kept[path]
	if raw == nil {
		return
	}
	if types.MediaType(a.MediaType).IsIndex() {
		// It may name what the bundle lacks, and the platforms were looked at before.
		if _, err := v1.ParseIndexManifest(bytes.NewReader(raw)); err != nil {
			v.problem(path, "cannot be read as an image index: %v", err)
		}
		return
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		v.problem(path, "cannot be read as a manifest: %v", err)
		return
	}
	var blobs []string
	for _, desc := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		v.checkDescriptor(path, desc)
		if digest := desc.Digest.String(); !slices.Contains(blobs, digest) {
			blobs = append(blobs, digest)
		}
	}
	if !slices.Equal(blobs, a.Blobs) {
		v.problem(path, "is attached to image %q and has other blobs than %s", image.Name, manifestName)
	}
}

func (v *verifier) checkPlatforms(image Image, path string, descs []v1.Descriptor) {
	same := slices.EqualFunc(descs, image.Platforms, func(d v1.Descriptor, p Platform) bool {
		return d.Platform != nil && d.Platform.String() == p.Platform && d.Digest.String() == p.Digest
	})
	if !same {
		v.problem(path, "has other platforms of image %q than %s", image.Name, manifestName)
		return
	}
	for i, desc := range descs {
		v.checkDescriptor(path, desc)
		v.checkManifest(image.Platforms[i])
	}
}

func (v *verifier) checkManifest(p Platform) {
	path := blobPath(p.Digest)
	raw := v.kept[path]
	if raw == nil {
		return
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		v.problem(path, "cannot be read as an image manifest: %v", err)
		return
	}
	same := slices.EqualFunc(m.Layers, p.Layers, func(d v1.Descriptor, digest string) bool { return d.Digest.String() == digest })
	if !same || m.Config.Digest.String() != p.Config {
		v.problem(path, "has another config or other layers than %s", manifestName)
		return
	}
	for _, desc := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		v.checkDescriptor(path, desc)
	}
}

// checkDescriptor makes sure that what the document in path points to is a file
// of the bundle with the size announced. Its digest is its name, and the
// content was compared with that.
func (v *verifier) checkDescriptor(path string, desc v1.Descriptor) {
	file, found := v.files[blobPath(desc.Digest.String())]
	switch {
	case !found:
		v.problem(path, "points to %s, which is not in the bundle", desc.Digest)
	case file.Size != desc.Size:
		v.problem(path, "gives %s %d bytes, it has %d", desc.Digest, desc.Size, file.Size)
	}
}
