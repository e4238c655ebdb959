package push

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/registry"
)

// manifests stores an image's manifests, those of the platforms before the index
// that lists them, and what is attached to it.
func (p *imagePusher) manifests(ctx context.Context, i *image) error {
	if i.there {
		return nil
	}
	s := p.client.pushing(i.path)
	err := p.documents(ctx, s, i)
	for _, t := range i.tags {
		if err == nil {
			err = s.putManifest(ctx, t.tag, i.document(t.digest))
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(i.referrers)) {
		if err == nil {
			err = s.refer(ctx, subject, i.referrers[subject])
		}
	}
	if err != nil {
		return fmt.Errorf("pushing image %q to %q: %w", i.name, i.path, err)
	}
	return nil
}

func (p *imagePusher) documents(ctx context.Context, s *session, i *image) error {
	for _, d := range i.documents {
		ref := d.digest
		if d.digest == i.digest {
			ref = i.ref()
		}
		err := p.manifest(ctx, s, ref, d)
		if err != nil && d.digest == i.digest && i.digest != i.own && isRefusedIndex(err) {
			err = p.without(ctx, s, i, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isRefusedIndex tells whether a registry may have refused an index because of the
// platforms that it names and the bundle lacks. Those of docker's kind take none like
// that.
func isRefusedIndex(err error) bool {
	e, ok := errors.AsType[*registry.Error](err)
	return ok && (e.Status == http.StatusBadRequest || e.Status == http.StatusNotFound || e.Status == http.StatusUnprocessableEntity)
}

// without has the image's tag stand for what the bundle has of the image. By its digest
// the upstream index cannot be had then.
func (p *imagePusher) without(ctx context.Context, s *session, i *image, because error) error {
	if i.tag == "" {
		return fmt.Errorf("%w (the index names platforms that the bundle lacks, and this registry takes none like that: name the image by a tag, or by the digest of its manifest for one platform)", because)
	}
	p.bars.Note("%s: the registry takes no index with platforms that the bundle lacks; the tag stands for the bundle's own, and signatures are found by the digests that they are about", i.name)
	i.digest = i.own
	return s.putManifest(ctx, i.tag, i.document(i.own))
}

func (i *image) document(digest string) document {
	return i.documents[slices.IndexFunc(i.documents, func(d document) bool { return d.digest == digest })]
}

func (p *imagePusher) manifest(ctx context.Context, s *session, ref string, d document) error {
	if ref == d.digest {
		if has, err := s.hasManifest(ctx, ref, d.digest); has || err != nil {
			return err
		}
	}
	return s.putManifest(ctx, ref, d)
}

// refer makes sure that what is about a digest is found. A registry that cannot list it
// by itself gets the list under a tag
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-manifests-with-subject).
func (s *session) refer(ctx context.Context, subject string, all []v1.Descriptor) error {
	can, err := s.listsReferrers(ctx, subject)
	if can || err != nil {
		return err
	}
	tag := strings.Replace(subject, ":", "-", 1)
	index := &v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	old, err := s.getManifest(ctx, tag)
	if err != nil && !registry.NotFound(err) {
		return err
	}
	if err == nil {
		if index, err = v1.ParseIndexManifest(bytes.NewReader(old.data)); err != nil {
			return fmt.Errorf("reading the tag %s: %w", tag, err)
		}
	}
	for _, d := range all {
		if !slices.ContainsFunc(index.Manifests, func(o v1.Descriptor) bool { return o.Digest == d.Digest }) {
			index.Manifests = append(index.Manifests, d)
		}
	}
	data, err := json.Marshal(index)
	if err != nil || bytes.Equal(data, old.data) {
		return err
	}
	return s.putManifest(ctx, tag, document{digest: digestOf(data), mediaType: string(types.OCIImageIndex), data: data})
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
