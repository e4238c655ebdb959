package standin

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// SBOMType is the artifact type of the list of contents that an image has as a referrer.
const SBOMType = "application/vnd.example.sbom+json"

// withAttestations puts what BuildKit says about each image into an index
// (https://docs.docker.com/build/metadata/attestations/attestation-storage/).
func withAttestations(index v1.ImageIndex) (v1.ImageIndex, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, d := range m.Manifests {
		img, err := statement("application/vnd.in-toto+json", types.OCIConfigJSON, "provenance of "+d.Digest.String())
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
			Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": d.Digest.String()},
		}})
	}
	return index, nil
}

// statement is an artifact with one text.
func statement(layer, config types.MediaType, text string) (v1.Image, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), config)
	return mutate.AppendLayers(img, static.NewLayer([]byte(text), layer))
}

// attest stores a signature of an index, as cosign does, and lists of contents of it
// and of its first image, as referrers.
func attest(ctx context.Context, ref name.Reference, index v1.ImageIndex) error {
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	top, err := partial.Descriptor(index)
	if err != nil {
		return err
	}
	signature, err := statement("application/vnd.dev.cosign.simplesigning.v1+json", types.OCIConfigJSON, "signature of "+top.Digest.String())
	if err != nil {
		return err
	}
	tag := ref.Context().Tag(strings.Replace(top.Digest.String(), ":", "-", 1) + ".sig")
	if err := remote.Write(tag, signature, options...); err != nil {
		return fmt.Errorf("pushing %q: %w", tag, err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, subject := range []v1.Descriptor{*top, m.Manifests[0]} {
		list, err := statement("text/plain", SBOMType, "contents of "+subject.Digest.String())
		if err != nil {
			return err
		}
		subject.Platform, subject.Annotations = nil, nil
		about := mutate.Subject(list, subject).(v1.Image)
		digest, err := about.Digest()
		if err != nil {
			return err
		}
		if err := remote.Write(ref.Context().Digest(digest.String()), about, options...); err != nil {
			return fmt.Errorf("pushing what is about %s: %w", subject.Digest, err)
		}
	}
	return nil
}
