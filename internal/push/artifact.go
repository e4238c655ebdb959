package push

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/registry"
)

// ArtifactType says that an OCI artifact is a bundle. Its manifest has an empty
// config (https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage),
// a first layer that is a tar of all small files, and each large file as a layer of
// its own, so that two versions of a bundle share what is the same in them.
const ArtifactType = "application/vnd.satchel.bundle.v1"

const (
	treeType  = "application/vnd.satchel.bundle.tree.v1.tar"
	fileType  = "application/octet-stream"
	emptyType = "application/vnd.oci.empty.v1+json"
	treeTitle = "tree.tar"

	titleKey   = "org.opencontainers.image.title"
	versionKey = "org.opencontainers.image.version"
	// specKey and lockKey have digests, positionKey the number of the file in the
	// archive, counted from 0.
	specKey     = "vnd.satchel.bundle.spec"
	lockKey     = "vnd.satchel.bundle.lock"
	positionKey = "vnd.satchel.bundle.position"
)

// emptyConfig is the content of every artifact's config.
var emptyConfig = []byte("{}")

// large is the size from which on a file is a layer of its own, and maxLayers how
// many files are, the largest first: then the manifest stays far below the size that
// registries accept.
const (
	large     = 128 << 10
	maxLayers = 4000
)

// placed is a large file and its number in the archive.
type placed struct {
	entry
	position int
}

// split separates the large files from the others; both stay in order.
func split(entries []entry) (small []entry, big []placed) {
	for i, e := range entries {
		if e.data == nil && e.Size >= large {
			big = append(big, placed{e, i})
		}
	}
	slices.SortFunc(big, func(a, b placed) int { return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.position, b.position)) })
	big = big[:min(len(big), maxLayers)]
	slices.SortFunc(big, func(a, b placed) int { return cmp.Compare(a.position, b.position) })
	alone := map[int]bool{}
	for _, b := range big {
		alone[b.position] = true
	}
	for i, e := range entries {
		if !alone[i] {
			small = append(small, e)
		}
	}
	return small, big
}

// artifact is a bundle as a registry has it.
type artifact struct {
	tree v1.Descriptor
	big  []placed
	// annotations are those of the whole.
	annotations map[string]string
}

func describeBundle(m *bundle.Manifest) map[string]string {
	return map[string]string{titleKey: m.Name, versionKey: m.Version, specKey: m.Spec, lockKey: m.Lock}
}

// encode writes the manifest. The same bundle gives the same bytes.
func (a *artifact) encode() (document, error) {
	m := v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		ArtifactType:  ArtifactType,
		Config:        descriptor(emptyType, digestOf(emptyConfig), int64(len(emptyConfig))),
		Layers:        []v1.Descriptor{a.tree},
		Annotations:   a.annotations,
	}
	for _, b := range a.big {
		d := descriptor(fileType, "sha256:"+b.SHA256, b.Size)
		d.Annotations = map[string]string{titleKey: b.Path, positionKey: strconv.Itoa(b.position)}
		m.Layers = append(m.Layers, d)
	}
	data, err := json.Marshal(m)
	if err == nil && len(data) > registry.MaxManifest {
		err = fmt.Errorf("the artifact's manifest has %d bytes, more than any registry accepts", len(data))
	}
	return document{digest: digestOf(data), mediaType: string(m.MediaType), data: data}, err
}

func descriptor(mediaType, digest string, size int64) v1.Descriptor {
	return v1.Descriptor{MediaType: types.MediaType(mediaType), Size: size, Digest: v1.Hash{Algorithm: "sha256", Hex: digest[len("sha256:"):]}}
}

// decodeArtifact reads a manifest that nobody vouches for.
func decodeArtifact(data []byte) (*artifact, error) {
	m, err := v1.ParseManifest(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("it is not a manifest: %w", err)
	}
	if m.ArtifactType != ArtifactType {
		what := "an image"
		if m.ArtifactType != "" {
			what = fmt.Sprintf("an artifact of the type %q", registry.Printable(m.ArtifactType))
		}
		return nil, fmt.Errorf("it is no bundle but %s", what)
	}
	if len(m.Layers) == 0 || m.Layers[0].MediaType != treeType {
		return nil, errors.New("it has not the layers of a bundle: use the satchel that pushed it, or a newer one")
	}
	a := &artifact{tree: m.Layers[0], annotations: m.Annotations}
	if err := checkDescriptor(a.tree); err != nil {
		return nil, err
	}
	for _, d := range m.Layers[1:] {
		if err := checkDescriptor(d); err != nil {
			return nil, err
		}
		position, err := strconv.Atoi(d.Annotations[positionKey])
		if err != nil || position < 0 {
			return nil, fmt.Errorf("layer %s does not say which file of the archive it is", d.Digest)
		}
		a.big = append(a.big, placed{entry{File: bundle.File{Path: d.Annotations[titleKey], Size: d.Size, SHA256: d.Digest.Hex}}, position})
	}
	return a, nil
}

func checkDescriptor(d v1.Descriptor) error {
	if !digestForm.MatchString(d.Digest.String()) || d.Size < 0 {
		return fmt.Errorf("layer %q with %d bytes is none that satchel pushes", d.Digest, d.Size)
	}
	return nil
}
