package push

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/registry"
)

// isAttached tells whether something is attached to the image that is found by a tag
// or by what it is about. An index that lists attestations is not there without them.
func (i *image) isAttached() bool { return len(i.tags)+len(i.referrers) > 0 }

// hasAttached tells whether all that is attached to an image is found. It may be
// missing beside an image that was pushed before it was signed.
func (s *session) hasAttached(ctx context.Context, i *image) (bool, error) {
	for _, t := range i.tags {
		if has, err := s.carries(ctx, t.tag, i.document(t.digest)); !has || err != nil {
			return false, err
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(i.referrers)) {
		if has, err := s.refers(ctx, subject, i.referrers[subject]); !has || err != nil {
			return false, err
		}
	}
	return true, nil
}

// attach has everything found that is attached to an image; the manifests are there.
func (s *session) attach(ctx context.Context, i *image) error {
	for _, t := range i.tags {
		d := i.document(t.digest)
		has, err := s.carries(ctx, t.tag, d)
		if err == nil && !has {
			err = s.putManifest(ctx, t.tag, d)
		}
		if err != nil {
			return err
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(i.referrers)) {
		if err := s.refer(ctx, subject, i.referrers[subject]); err != nil {
			return err
		}
	}
	return nil
}

// carries tells whether a tag stands for a document, or for one that has all of it and
// more: cosign adds the signatures of others as further layers
// (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md), and they stay.
func (s *session) carries(ctx context.Context, tag string, d document) (bool, error) {
	if has, err := s.hasManifest(ctx, tag, d.digest); has || err != nil {
		return has, err
	}
	have, err := s.getManifest(ctx, tag)
	if registry.NotFound(err) {
		return false, nil
	}
	return err == nil && hasLayers(have.data, d.data), err
}

// hasLayers tells whether a manifest has all layers of another one. Signatures are in
// their annotations.
func hasLayers(data, wanted []byte) bool {
	have, err := v1.ParseManifest(bytes.NewReader(data))
	if err != nil {
		return false // an index, or nothing that is known here
	}
	want, err := v1.ParseManifest(bytes.NewReader(wanted))
	if err != nil || len(want.Layers) == 0 {
		return false
	}
	for _, w := range want.Layers {
		same := func(h v1.Descriptor) bool { return h.Digest == w.Digest && maps.Equal(h.Annotations, w.Annotations) }
		if !slices.ContainsFunc(have.Layers, same) {
			return false
		}
	}
	return true
}

// refers tells whether everything that is about a digest is there and found. A registry
// that lists it by itself lists what it has.
func (s *session) refers(ctx context.Context, subject string, all []v1.Descriptor) (bool, error) {
	for _, d := range all {
		if has, err := s.hasManifest(ctx, d.Digest.String(), d.Digest.String()); !has || err != nil {
			return false, err
		}
	}
	can, err := s.listsReferrers(ctx, subject)
	if can || err != nil {
		return can, err
	}
	_, index, err := s.referrersTag(ctx, subject)
	return err == nil && len(missing(index, all)) == 0, err
}

// refer makes sure that what is about a digest is found. A registry that cannot list it
// by itself gets the list under a tag
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-manifests-with-subject).
func (s *session) refer(ctx context.Context, subject string, all []v1.Descriptor) error {
	can, err := s.listsReferrers(ctx, subject)
	if can || err != nil {
		return err
	}
	tag, index, err := s.referrersTag(ctx, subject)
	if err != nil {
		return err
	}
	more := missing(index, all)
	if len(more) == 0 {
		return nil
	}
	index.Manifests = append(index.Manifests, more...)
	data, err := json.Marshal(index)
	if err != nil {
		return err
	}
	return s.putManifest(ctx, tag, document{digest: digestOf(data), mediaType: string(types.OCIImageIndex), data: data})
}

// referrersTag gets the list under a tag of what is about a digest; it is empty if there
// is none yet.
func (s *session) referrersTag(ctx context.Context, subject string) (tag string, index *v1.IndexManifest, err error) {
	tag = strings.Replace(subject, ":", "-", 1)
	index = &v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	have, err := s.getManifest(ctx, tag)
	if registry.NotFound(err) {
		return tag, index, nil
	}
	if err != nil {
		return tag, nil, err
	}
	if index, err = v1.ParseIndexManifest(bytes.NewReader(have.data)); err != nil {
		err = fmt.Errorf("reading the tag %s: %w", tag, err)
	}
	return tag, index, err
}

// missing is what a list lacks.
func missing(index *v1.IndexManifest, all []v1.Descriptor) (more []v1.Descriptor) {
	for _, d := range all {
		same := func(o v1.Descriptor) bool { return o.Digest == d.Digest }
		if !slices.ContainsFunc(index.Manifests, same) && !slices.ContainsFunc(more, same) {
			more = append(more, d)
		}
	}
	return more
}

// listsReferrers tells whether the registry lists what is about a digest.
func (s *session) listsReferrers(ctx context.Context, subject string) (can bool, err error) {
	accept := http.Header{"Accept": {string(types.OCIImageIndex)}}
	err = s.Retry(ctx, func(*registry.Attempts) error {
		resp, err := s.Ask(ctx, http.MethodGet, s.URL("referrers/"+subject), accept, http.StatusOK,
			http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented)
		can = err == nil && resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), string(types.OCIImageIndex))
		return err
	})
	return can, err
}
