package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/satchel-kit/satchel/internal/registry"
)

// manifests stores an image's manifests, those of the platforms before the index
// that lists them, and what is attached to it. The image's own tag comes last: what it
// stands for has all that is about it, also when a push breaks off.
func (p *imagePusher) manifests(ctx context.Context, i *image) error {
	if i.there {
		return nil
	}
	s := p.client.pushing(i.path)
	err := p.documents(ctx, s, i)
	if err == nil {
		err = s.attach(ctx, i)
	}
	if err == nil && i.tag != "" && i.tagged != i.digest {
		err = s.putManifest(ctx, i.tag, i.document(i.digest))
	}
	if err != nil {
		return fmt.Errorf("pushing image %q to %q: %w", i.name, i.path, err)
	}
	return nil
}

// documents stores them by their digests. That of the image goes to its tag at once if
// nothing has to come before that.
func (p *imagePusher) documents(ctx context.Context, s *session, i *image) error {
	for _, d := range i.documents {
		ref, own := d.digest, d.digest == i.digest
		if own && !i.isAttached() {
			ref = i.ref()
		}
		err := p.manifest(ctx, s, ref, d)
		if err == nil && own && ref == i.tag {
			i.tagged = d.digest
		}
		if err != nil && own && i.digest != i.own && isRefusedIndex(err) {
			err = p.without(i, err)
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
func (p *imagePusher) without(i *image, because error) error {
	if i.tag == "" {
		return fmt.Errorf("%w (the index names platforms that the bundle lacks, and this registry takes none like that: name the image by a tag, or by the digest of its manifest for one platform)", because)
	}
	p.bars.Note("%s: the registry takes no index with platforms that the bundle lacks; the tag stands for the bundle's own, and signatures are found by the digests that they are about", i.name)
	i.digest = i.own
	return nil
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
