package bundle

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/lock"
)

// layoutMarker is the content of images/oci-layout
// (https://github.com/opencontainers/image-spec/blob/main/image-layout.md).
const layoutMarker = `{"imageLayoutVersion":"1.0.0"}`

// Skopeo finds an image in a layout by the first annotation, containerd names it
// by the second. Both take the full upstream name, which the kubelet asks for.
const (
	refNameAnnotation    = "org.opencontainers.image.ref.name"
	containerdAnnotation = "io.containerd.image.name"
)

// layout is what an OCI image layout needs besides the images' own blobs.
type layout struct {
	index  []byte
	images []Image
	// sparse has indexes made here: the upstream index of an image would name
	// platforms that the bundle lacks.
	sparse [][]byte
}

func newLayout(locked []lock.Image) (*layout, error) {
	sorted := slices.SortedFunc(slices.Values(locked), func(a, b lock.Image) int { return cmp.Compare(a.Name, b.Name) })
	l := &layout{images: []Image{}}
	index := emptyIndex()
	for _, image := range sorted {
		desc, err := l.add(image)
		if err != nil {
			return nil, fmt.Errorf("laying out image %q: %w", image.Name, err)
		}
		desc.Annotations = map[string]string{refNameAnnotation: image.Name, containerdAnnotation: image.Name}
		index.Manifests = append(index.Manifests, desc)
	}
	var err error
	l.index, err = json.Marshal(index)
	return l, err
}

// add returns the descriptor that stands for the image in index.json.
func (l *layout) add(image lock.Image) (v1.Descriptor, error) {
	if len(image.Manifests) == 0 {
		return v1.Descriptor{}, fmt.Errorf("the lock has no platform for it")
	}
	index := emptyIndex()
	listed := Image{Name: image.Name}
	for _, m := range image.Manifests {
		desc, err := describe(m)
		if err != nil {
			return v1.Descriptor{}, err
		}
		index.Manifests = append(index.Manifests, desc)
		listed.Platforms = append(listed.Platforms, platformOf(m))
	}
	// Skopeo passes over whatever in index.json has not an OCI type, and many
	// images still have Docker's. Inside of an index it takes both.
	desc := index.Manifests[0]
	if len(index.Manifests) > 1 || desc.MediaType != types.OCIManifestSchema1 {
		var err error
		if desc, err = l.addSparse(index); err != nil {
			return v1.Descriptor{}, err
		}
	}
	listed.Digest = desc.Digest.String()
	for _, a := range image.Attached {
		attached := Attached{a.MediaType, a.Digest, a.Subject, a.Tag, a.ArtifactType, a.Annotations, []string{}}
		for _, b := range a.Blobs {
			attached.Blobs = append(attached.Blobs, b.Digest)
		}
		listed.Attached = append(listed.Attached, attached)
	}
	l.images = append(l.images, listed)
	return desc, nil
}

func (l *layout) addSparse(index *v1.IndexManifest) (v1.Descriptor, error) {
	raw, err := json.Marshal(index)
	if err != nil {
		return v1.Descriptor{}, err
	}
	l.sparse = append(l.sparse, raw)
	return v1.Descriptor{
		MediaType: types.OCIImageIndex,
		Size:      int64(len(raw)),
		Digest:    v1.Hash{Algorithm: "sha256", Hex: hexSum(raw)},
	}, nil
}

// imageList is the content of images/list: one line an image, sorted by name, for
// the scripts of hosts, which cannot read JSON.
func imageList(images []Image) []byte {
	var out strings.Builder
	for _, image := range images {
		out.WriteString(image.Digest + " " + image.Name + "\n")
	}
	return []byte(out.String())
}

func emptyIndex() *v1.IndexManifest {
	return &v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}}
}

func describe(m lock.Manifest) (v1.Descriptor, error) {
	digits, err := hexDigits(m.Digest)
	if err != nil {
		return v1.Descriptor{}, err
	}
	platform, err := v1.ParsePlatform(m.Platform)
	if err != nil || platform.OS == "" || platform.Architecture == "" {
		return v1.Descriptor{}, fmt.Errorf("reading platform %q: it is not OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT", m.Platform)
	}
	return v1.Descriptor{
		MediaType: types.MediaType(m.MediaType),
		Size:      m.Size,
		Digest:    v1.Hash{Algorithm: "sha256", Hex: digits},
		Platform:  platform,
	}, nil
}

func platformOf(m lock.Manifest) Platform {
	p := Platform{Platform: m.Platform, Digest: m.Digest, Config: m.Config.Digest, Layers: []string{}}
	for _, layer := range m.Layers {
		p.Layers = append(p.Layers, layer.Digest)
	}
	return p
}
