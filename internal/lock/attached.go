package lock

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/satchel-kit/satchel/internal/imagefile"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/upstream"
)

// BuildKit marks attestations in an index like this
// (https://docs.docker.com/build/metadata/attestations/attestation-storage/).
const (
	referenceType   = "vnd.docker.reference.type"
	referenceDigest = "vnd.docker.reference.digest"
)

// cosignTags are what cosign adds to a digest to make tags of what it stores
// (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md).
var cosignTags = []string{".sig", ".att", ".sbom"}

// attach finds what the bundle has of an image beside its platforms. The index comes
// along where hosts ask for its digest, and where what is attached is about it.
func (r *resolver) attach(ctx context.Context, want plan.Image, top *upstream.Manifest, img *Image) error {
	byDigest := strings.Contains(want.Name, "@")
	if !byDigest && !want.Attestations {
		return nil
	}
	var found []Attached
	var err error
	if want.Attestations {
		found, err = r.about(ctx, want, top, img)
	}
	if err != nil {
		return fmt.Errorf("looking for attestations: %w", err)
	}
	isAboutTop := func(a Attached) bool { return a.Subject == top.Digest }
	if top.MediaType.IsIndex() && (byDigest || slices.ContainsFunc(found, isAboutTop)) {
		if err := r.store.Put(top.Digest, top.Bytes); err != nil {
			return err
		}
		r.store.Name(top.Digest, want.Name)
		found = append(found, Attached{Blob: Blob{MediaType: string(top.MediaType), Digest: top.Digest, Size: int64(len(top.Bytes))}})
	}
	img.Attached = inOrder(found)
	return nil
}

// inOrder has each once.
func inOrder(found []Attached) []Attached {
	slices.SortFunc(found, func(a, b Attached) int { return cmp.Compare(a.Digest+" "+a.Tag, b.Digest+" "+b.Tag) })
	return slices.CompactFunc(found, func(a, b Attached) bool { return a.Digest == b.Digest && a.Tag == b.Tag })
}

// about finds what is attached to an image or to one of its manifests.
func (r *resolver) about(ctx context.Context, want plan.Image, top *upstream.Manifest, img *Image) ([]Attached, error) {
	subjects := []string{top.Digest}
	for _, m := range img.Manifests {
		if m.Digest != top.Digest {
			subjects = append(subjects, m.Digest)
		}
	}
	var all []Attached
	for _, subject := range subjects {
		for _, find := range []func(context.Context, string, string) ([]Attached, error){r.referrers, r.cosigned} {
			found, err := find(ctx, want.Name, subject)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	if !top.MediaType.IsIndex() {
		return all, nil
	}
	inIndex, err := r.inIndex(ctx, want.Name, top, subjects)
	return append(all, inIndex...), err
}

// inIndex are BuildKit's attestations of the wanted platforms.
func (r *resolver) inIndex(ctx context.Context, image string, top *upstream.Manifest, subjects []string) ([]Attached, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(top.Bytes))
	if err != nil {
		return nil, err
	}
	var all []Attached
	for _, entry := range index.Manifests {
		subject := entry.Annotations[referenceDigest]
		if entry.Annotations[referenceType] == "" || !slices.Contains(subjects, subject) {
			continue
		}
		a, err := r.attached(ctx, image, entry.Digest.String())
		if errors.Is(err, imagefile.ErrMissing) {
			r.bars.Note("%s: what the index has about %s is left out: %v", image, subject, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		// The index that lists it is what clients find it by.
		a.Subject = top.Digest
		all = append(all, a)
	}
	return all, nil
}

// referrers are what says by itself that it is about a digest.
func (r *resolver) referrers(ctx context.Context, image, subject string) ([]Attached, error) {
	index, err := r.from.Referrers(ctx, image, subject)
	if err != nil || index == nil {
		return nil, err
	}
	var all []Attached
	for _, entry := range index.Manifests {
		if !entry.MediaType.IsImage() {
			r.bars.Note("%s: %s about it is left out, which is an index and not one artifact", image, entry.Digest)
			continue
		}
		a, err := r.attached(ctx, image, entry.Digest.String())
		if errors.Is(err, imagefile.ErrMissing) {
			r.bars.Note("%s: what is listed about %s is left out: %v", image, subject, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		// Where the list does not say, the config's type counts, as for registries.
		if len(entry.Annotations) == 0 {
			entry.Annotations = nil // as it comes back from the lock
		}
		a.Subject, a.ArtifactType, a.Annotations = subject, cmp.Or(entry.ArtifactType, a.Blobs[0].MediaType), entry.Annotations
		all = append(all, a)
	}
	return all, nil
}

// cosigned are what cosign has stored under tags that it makes of a digest.
func (r *resolver) cosigned(ctx context.Context, image, subject string) ([]Attached, error) {
	repo, err := withDigest(image, subject)
	if err != nil {
		return nil, err
	}
	repo, _, _ = strings.Cut(repo, "@")
	var all []Attached
	for _, ending := range cosignTags {
		tag := strings.Replace(subject, ":", "-", 1) + ending
		m, err := r.from.Manifest(ctx, repo+":"+tag)
		if upstream.NotFound(err) || errors.Is(err, imagefile.ErrMissing) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !m.MediaType.IsImage() {
			r.bars.Note("%s: the tag %s is left out, which is an index and not one artifact", image, tag)
			continue
		}
		a, err := r.attachedAs(m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", tag, err)
		}
		a.Subject, a.Tag = subject, tag
		all = append(all, a)
	}
	return all, nil
}

func (r *resolver) attached(ctx context.Context, image, digest string) (Attached, error) {
	byDigest, err := withDigest(image, digest)
	if err != nil {
		return Attached{}, err
	}
	m, err := r.from.Manifest(ctx, byDigest)
	if err != nil {
		return Attached{}, err
	}
	return r.attachedAs(m)
}

// attachedAs records an attached manifest and stores it.
func (r *resolver) attachedAs(m *upstream.Manifest) (Attached, error) {
	a := Attached{Blob: Blob{MediaType: string(m.MediaType), Digest: m.Digest, Size: int64(len(m.Bytes))}, Blobs: []Blob{}}
	if !m.MediaType.IsImage() {
		return a, errors.New("it is an index, and an index of attestations is not supported")
	}
	parsed, err := v1.ParseManifest(bytes.NewReader(m.Bytes))
	if err != nil {
		return a, err
	}
	for _, d := range append([]v1.Descriptor{parsed.Config}, parsed.Layers...) {
		b, err := describe(d)
		if err != nil {
			return a, err
		}
		if !slices.Contains(a.Blobs, b) {
			a.Blobs = append(a.Blobs, b)
		}
	}
	return a, r.store.Put(m.Digest, m.Bytes)
}
