package imagefile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The annotations by which the tools name an image in a layout, the more exact first.
var nameAnnotations = []string{"io.containerd.image.name", "org.opencontainers.image.ref.name"}

// referenceType is on what BuildKit writes about an image
// (https://docs.docker.com/build/metadata/attestations/attestation-storage/).
const referenceType = "vnd.docker.reference.type"

// readLayout reads an OCI image layout
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md).
func readLayout(t tree, data []byte) ([]*Image, error) {
	if err := checkMarker(t); err != nil {
		return nil, err
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading index.json: %w", err)
	}
	var images []*Image
	var beside []about
	for _, e := range entries(index.Manifests) {
		i, err := layoutImage(t, e)
		if err != nil {
			return nil, err
		}
		if a := (about{i, e.ending}); a.isOne() {
			beside = append(beside, a)
		} else {
			images = append(images, i)
		}
	}
	for _, i := range images {
		i.beside = beside
	}
	return images, nil
}

func checkMarker(t tree) error {
	data, err := readFile(t, "oci-layout")
	if err != nil {
		return err
	}
	var marker struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := json.Unmarshal(data, &marker); err != nil {
		return fmt.Errorf("reading oci-layout: %w", err)
	}
	if marker.Version != "1.0.0" {
		return fmt.Errorf("the image layout has version %.20q, and only 1.0.0 is known", marker.Version)
	}
	return nil
}

// entry is one image of an index.json.
type entry struct {
	names []string
	// parts is one descriptor, or one for each platform: some tools write no index for
	// those, but a descriptor for each under one name or under none.
	parts []v1.Descriptor
	// ending is set for what cosign has to say about an image.
	ending string
}

func entries(all []v1.Descriptor) []*entry {
	var list []*entry
	for _, d := range all {
		if !d.MediaType.IsImage() && !d.MediaType.IsIndex() || d.Annotations[referenceType] != "" {
			continue // what is about an image is none
		}
		names, ending := namesOf(d), cosignKinds[d.Annotations["kind"]]
		again := func(e *entry) bool { return len(e.parts) == 1 && e.parts[0].Digest == d.Digest }
		if i := slices.IndexFunc(list, again); i >= 0 {
			list[i].names = append(list[i].names, names...)
			continue
		}
		if i := slices.IndexFunc(list, func(e *entry) bool { return e.hasPlatform(names, d) }); i >= 0 {
			list[i].parts = append(list[i].parts, d)
			continue
		}
		list = append(list, &entry{names, []v1.Descriptor{d}, ending})
	}
	return list
}

// hasPlatform tells whether a descriptor is the same image for another platform.
func (e *entry) hasPlatform(names []string, d v1.Descriptor) bool {
	if d.Platform == nil || !d.MediaType.IsImage() || !slices.Equal(e.names, names) {
		return false
	}
	return !slices.ContainsFunc(e.parts, func(o v1.Descriptor) bool {
		return o.Platform == nil || !o.MediaType.IsImage() || o.Platform.Equals(*d.Platform)
	})
}

func namesOf(d v1.Descriptor) []string {
	var names []string
	for _, key := range nameAnnotations {
		if name := d.Annotations[key]; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func layoutImage(t tree, e *entry) (*Image, error) {
	i := &Image{tree: t, Names: e.names}
	if len(e.parts) > 1 {
		data, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: e.parts})
		i.Top = newDocument(data, types.OCIImageIndex)
		return i, err
	}
	d := e.parts[0]
	var err error
	if i.Top, err = i.Document(d.Digest.String()); err != nil {
		return nil, err
	}
	if int64(len(i.Top.Bytes)) != d.Size {
		return nil, fmt.Errorf("%s has %d bytes, and index.json says %d", d.Digest, len(i.Top.Bytes), d.Size)
	}
	i.Top.MediaType = d.MediaType
	return i, nil
}

// mediaTypeOf is what a document says that it is, or what it looks like.
func mediaTypeOf(data []byte) types.MediaType {
	var head struct {
		MediaType types.MediaType `json:"mediaType"`
		Manifests json.RawMessage `json:"manifests"`
	}
	if json.Unmarshal(data, &head) != nil || head.MediaType == "" {
		if head.Manifests != nil {
			return types.OCIImageIndex
		}
		return types.OCIManifestSchema1
	}
	return head.MediaType
}
