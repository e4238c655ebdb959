package lock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/upstream"
)

// image asks about an image once, however many recipes have it as their base: a tag
// that moves in between would make them differ.
func (r *resolver) image(ctx context.Context, want plan.Image) (Image, error) {
	key := strings.Join(append([]string{want.Name}, want.Platforms...), " ")
	ask, _ := r.asked.LoadOrStore(key, sync.OnceValues(func() (Image, error) { return r.ask(ctx, want) }))
	return ask.(func() (Image, error))()
}

func (r *resolver) ask(ctx context.Context, want plan.Image) (img Image, err error) {
	bar := r.bars.Start(want.Name, 0)
	defer func() { bar.Done(err) }()
	top, err := r.client.Manifest(ctx, want.Name)
	if err != nil {
		return Image{}, err
	}
	bar.Add(int64(len(top.Bytes)))
	img = Image{Name: want.Name, Digest: top.Digest, Attestations: want.Attestations}
	if top.MediaType.IsIndex() {
		img.Manifests, err = r.fromIndex(ctx, want, top)
	} else {
		img.Manifests, err = r.single(ctx, want, top)
	}
	if err == nil {
		err = r.attach(ctx, want, top, &img)
	}
	if err != nil {
		return Image{}, fmt.Errorf("locking image %q: %w", want.Name, err)
	}
	r.noteTag(ctx, want)
	return img, nil
}

// noteTag says where the tag beside a digest has gone; the digest counts all the same.
func (r *resolver) noteTag(ctx context.Context, want plan.Image) {
	repo, digest, _ := strings.Cut(want.Name, "@")
	if want.Tag == "" {
		return
	}
	now, err := r.client.Manifest(ctx, repo+":"+want.Tag)
	switch {
	case upstream.NotFound(err):
		r.bars.Note("%s has no tag %s any more; what the digest in the spec names is locked", repo, want.Tag)
	case err == nil && now.Digest != digest:
		r.bars.Note("%s:%s is %s by now; what the digest in the spec names is locked", repo, want.Tag, now.Digest)
	}
}

// fromIndex takes the wanted platforms of an index, and no others.
func (r *resolver) fromIndex(ctx context.Context, want plan.Image, top *upstream.Manifest) ([]Manifest, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(top.Bytes))
	if err != nil {
		return nil, fmt.Errorf("reading the index: %w", err)
	}
	return r.fromEntries(ctx, want, index)
}

func (r *resolver) fromEntries(ctx context.Context, want plan.Image, index *v1.IndexManifest) ([]Manifest, error) {
	var all []Manifest
	var problems []error
	for _, platform := range slices.Sorted(slices.Values(want.Platforms)) {
		m, err := r.fromEntry(ctx, want.Name, index, platform)
		all, problems = append(all, m), append(problems, err)
	}
	return all, errors.Join(problems...)
}

func (r *resolver) fromEntry(ctx context.Context, image string, index *v1.IndexManifest, platform string) (Manifest, error) {
	entry, err := choose(index, platform)
	if err != nil {
		return Manifest{}, err
	}
	byDigest, err := withDigest(image, entry.Digest.String())
	if err != nil {
		return Manifest{}, err
	}
	child, err := r.from.Manifest(ctx, byDigest)
	if err != nil {
		return Manifest{}, err
	}
	if int64(len(child.Bytes)) != entry.Size {
		return Manifest{}, fmt.Errorf("the manifest for %s has %d bytes, and the index says %d", platform, len(child.Bytes), entry.Size)
	}
	m, _, err := r.manifest(ctx, image, platform, child)
	return m, err
}

// single checks that an image without an index is for the wanted platform.
func (r *resolver) single(ctx context.Context, want plan.Image, top *upstream.Manifest) ([]Manifest, error) {
	if len(want.Platforms) != 1 {
		return nil, fmt.Errorf("it is for one platform only, and wanted are %s", strings.Join(want.Platforms, ", "))
	}
	m, config, err := r.manifest(ctx, want.Name, want.Platforms[0], top)
	if err != nil {
		return nil, err
	}
	if !fits(config.Platform(), want.Platforms[0]) {
		return nil, fmt.Errorf("it is for \"%s/%s\" only, and wanted is %q", config.OS, config.Architecture, want.Platforms[0])
	}
	return []Manifest{m}, nil
}

// manifest records one platform's manifest, and stores it and its config.
func (r *resolver) manifest(ctx context.Context, image, platform string, from *upstream.Manifest) (Manifest, *v1.ConfigFile, error) {
	m, err := record(platform, from)
	if err != nil {
		return Manifest{}, nil, fmt.Errorf("reading the manifest for %s: %w", platform, err)
	}
	if err := r.store.Put(from.Digest, from.Bytes); err != nil {
		return Manifest{}, nil, err
	}
	r.store.Name(from.Digest, image)
	r.store.Name(m.Config.Digest, image)
	config, err := r.config(ctx, image, m.Config)
	if err != nil {
		return Manifest{}, nil, fmt.Errorf("reading the config for %s: %w", platform, err)
	}
	return m, config, nil
}

// record takes over what a manifest says.
func record(platform string, from *upstream.Manifest) (Manifest, error) {
	m := Manifest{
		Platform: platform,
		Blob:     Blob{MediaType: string(from.MediaType), Digest: from.Digest, Size: int64(len(from.Bytes))},
		Layers:   []Blob{},
	}
	if !from.MediaType.IsImage() {
		return m, errors.New("it is an index itself, and an index within an index is not supported")
	}
	parsed, err := v1.ParseManifest(bytes.NewReader(from.Bytes))
	if err != nil {
		return m, err
	}
	if m.Config, err = describe(parsed.Config); err != nil {
		return m, fmt.Errorf("config: %w", err)
	}
	for i, layer := range parsed.Layers {
		b, err := describe(layer)
		if err != nil {
			return m, fmt.Errorf("layer %d: %w", i, err)
		}
		m.Layers = append(m.Layers, b)
	}
	return m, nil
}

// withDigest names the content with that digest in an image's repository.
func withDigest(image, digest string) (string, error) {
	if _, err := name.ParseReference(image); err != nil {
		return "", fmt.Errorf("reading image name %q: %w", image, err)
	}
	// Not through the parsed reference: it has another spelling of docker.io, and
	// errors are to name an image as the spec does.
	repo, _, _ := strings.Cut(image, "@")
	if tag := strings.LastIndexByte(repo, ':'); tag > strings.LastIndexByte(repo, '/') {
		repo = repo[:tag]
	}
	return repo + "@" + digest, nil
}
