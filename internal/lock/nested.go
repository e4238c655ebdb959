package lock

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/upstream"
)

// fromLayoutIndex takes the wanted platforms of an index in an archive. Those that people
// pack have shapes that no registry gets: indexes in an index, and images of which only
// their config says the platform. Of a registry's neither is taken, because hosts may ask
// for that very index.
func (r *resolver) fromLayoutIndex(ctx context.Context, want plan.Image, top *upstream.Manifest) ([]Manifest, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(top.Bytes))
	if err == nil {
		index.Manifests, err = r.flat(ctx, want.Name, index.Manifests)
	}
	if err == nil {
		err = r.findPlatforms(ctx, want.Name, index.Manifests)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the index: %w", err)
	}
	return r.fromEntries(ctx, want, index)
}

// flat puts the entries of an index in its place.
func (r *resolver) flat(ctx context.Context, image string, entries []v1.Descriptor) ([]v1.Descriptor, error) {
	var all []v1.Descriptor
	for _, entry := range entries {
		if !entry.MediaType.IsIndex() {
			all = append(all, entry)
			continue
		}
		inner, err := r.entry(ctx, image, entry)
		if err != nil {
			return nil, err
		}
		index, err := v1.ParseIndexManifest(bytes.NewReader(inner.Bytes))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Digest, err)
		}
		for _, e := range index.Manifests {
			if e.MediaType.IsIndex() {
				return nil, errors.New("there is an index nested in an index that is nested in it, and only one level of them is supported")
			}
			all = append(all, e)
		}
	}
	return all, nil
}

func (r *resolver) entry(ctx context.Context, image string, entry v1.Descriptor) (*upstream.Manifest, error) {
	byDigest, err := withDigest(image, entry.Digest.String())
	if err != nil {
		return nil, err
	}
	return r.from.Manifest(ctx, byDigest)
}

// findPlatforms has the configs say the platforms where the index says none at all.
func (r *resolver) findPlatforms(ctx context.Context, image string, entries []v1.Descriptor) error {
	for _, entry := range entries {
		if entry.Platform != nil {
			return nil
		}
	}
	for i, entry := range entries {
		if !entry.MediaType.IsImage() {
			continue
		}
		child, err := r.entry(ctx, image, entry)
		if err != nil {
			return err
		}
		m, err := record("", child)
		if err != nil {
			return fmt.Errorf("%s: %w", entry.Digest, err)
		}
		config, err := r.config(ctx, image, m.Config)
		if err != nil {
			return fmt.Errorf("reading the config of %s: %w", entry.Digest, err)
		}
		entries[i].Platform = config.Platform()
	}
	return nil
}
