package derive

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// descriptor is spelled out here, and not the library's, because the order of its
// fields is part of the digests.
type descriptor struct {
	MediaType types.MediaType `json:"mediaType"`
	Digest    string          `json:"digest"`
	Size      int             `json:"size"`
	Platform  *platform       `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant,omitempty"`
}

func describe(mediaType types.MediaType, b Blob) descriptor {
	return descriptor{MediaType: mediaType, Digest: b.Digest, Size: len(b.Data)}
}

// below is what an image takes over from the base's manifest. The descriptors of
// the layers stay as they are, with annotations that a reader of theirs knows.
type below struct {
	Config struct {
		MediaType types.MediaType `json:"mediaType"`
	} `json:"config"`
	Layers []json.RawMessage `json:"layers"`
}

func readManifest(base Base) (*below, error) {
	if kind := types.MediaType(base.MediaType); kind != types.OCIManifestSchema1 && kind != types.DockerManifestSchema2 {
		return nil, fmt.Errorf("its media type %q is not that of an image", base.MediaType)
	}
	b := &below{}
	if err := json.Unmarshal(base.Manifest, b); err != nil {
		return nil, fmt.Errorf("it is not that of an image: %w", err)
	}
	// Registries have other things than images in them: charts, signatures.
	if kind := b.Config.MediaType; kind != types.OCIConfigJSON && kind != types.DockerConfigJSON {
		return nil, fmt.Errorf("it is not about a container image: its config has media type %q", kind)
	}
	return b, nil
}

// Who looks for a base in need of updates finds it by these
// (https://github.com/opencontainers/image-spec/blob/main/annotations.md). Docker's
// manifests have no annotations.
const (
	baseNameAnnotation   = "org.opencontainers.image.base.name"
	baseDigestAnnotation = "org.opencontainers.image.base.digest"
)

// manifest has the base's media type. The base's annotations are not taken over:
// they are about the base's version and sources.
func (a *addition) manifest(base Base, below *below, config Blob) Blob {
	m := struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Config        descriptor        `json:"config"`
		Layers        []json.RawMessage `json:"layers"`
		Annotations   map[string]string `json:"annotations,omitempty"`
	}{
		SchemaVersion: 2,
		MediaType:     base.MediaType,
		Config:        describe(below.Config.MediaType, config),
		Layers:        append([]json.RawMessage{}, below.Layers...),
	}
	layerType := types.DockerLayer
	if types.MediaType(base.MediaType) == types.OCIManifestSchema1 {
		layerType = types.OCILayer
		m.Annotations = map[string]string{baseNameAnnotation: a.recipe.Base, baseDigestAnnotation: newBlob(base.Manifest).Digest}
	}
	if a.hasLayer() {
		m.Layers = append(m.Layers, encode(describe(layerType, a.layer)))
	}
	return newBlob(encode(m))
}

// newIndex is Docker's only if all manifests are; OCI's may have both kinds.
func newIndex(manifests []Manifest) (Blob, error) {
	index := struct {
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     types.MediaType `json:"mediaType"`
		Manifests     []descriptor    `json:"manifests"`
	}{SchemaVersion: 2, MediaType: types.DockerManifestList}
	isOCI := func(m Manifest) bool { return types.MediaType(m.MediaType) == types.OCIManifestSchema1 }
	if slices.ContainsFunc(manifests, isOCI) {
		index.MediaType = types.OCIImageIndex
	}
	for i, m := range manifests {
		p, err := v1.ParsePlatform(m.Platform)
		switch {
		case err == nil && (p.OS == "" || p.Architecture == ""):
			err = errors.New("it is not OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT")
		case err == nil && i > 0 && manifests[i-1].Platform == m.Platform:
			err = errors.New("it is there twice")
		}
		if err != nil {
			return Blob{}, fmt.Errorf("reading platform %q: %w", m.Platform, err)
		}
		d := describe(types.MediaType(m.MediaType), m.Blob)
		d.Platform = &platform{Architecture: p.Architecture, OS: p.OS, Variant: p.Variant}
		index.Manifests = append(index.Manifests, d)
	}
	return newBlob(encode(index)), nil
}
