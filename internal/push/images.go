package push

import (
	"context"
	"fmt"

	"github.com/satchel-kit/satchel/internal/progress"
)

// Images is what became of a bundle's images.
type Images struct {
	// Registry is the target that the images are stored below.
	Registry string   `json:"registry"`
	Images   []Stored `json:"images"`
	Blobs    Traffic  `json:"blobs"`
}

// Stored is one image or bundle in the registry.
type Stored struct {
	// Name is the upstream name of an image, and the name and version of a bundle.
	Name string `json:"name"`
	// Reference is where it is stored.
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
	// Changed says that it was not there like this before.
	Changed bool `json:"changed"`
}

// Images stores a bundle's images below a target, each under its full upstream
// name, as serve serves them. What is there is not sent again, so a push that broke
// off goes on when it is repeated. No image is changed before all blobs are there, and
// what is attached to it.
func (c *Client) Images(ctx context.Context, bundle string, to Target, jobs int, bars *progress.Bars) (*Images, error) {
	b, err := openImages(ctx, bundle, to)
	if err != nil {
		return nil, err
	}
	defer b.reader.Close()
	p := &imagePusher{client: c, bars: bars, jobs: jobs, images: b.images}
	if err := p.run(ctx); err != nil {
		return nil, fmt.Errorf("pushing the images of %q to %s: %w", bundle, to, err)
	}
	result := &Images{Registry: to.String(), Images: []Stored{}, Blobs: p.tally.Traffic}
	for _, image := range p.images {
		at := Target{Host: to.Host, Path: image.path, Tag: image.tag}
		result.Images = append(result.Images, Stored{Name: image.name, Reference: at.String(), Digest: image.digest, Changed: !image.there})
	}
	return result, nil
}

type imagePusher struct {
	client *Client
	bars   *progress.Bars
	jobs   int
	images []*image
	tally  tally
}

func (p *imagePusher) run(ctx context.Context) error {
	if len(p.images) == 0 {
		return nil
	}
	// The first request goes alone: a wrong name or password is said once.
	if err := p.look(ctx, p.images[0]); err != nil {
		return err
	}
	if err := each(ctx, p.jobs, p.images[1:], func(i *image) error { return p.look(ctx, i) }); err != nil {
		return err
	}
	if err := each(ctx, p.jobs, spread(p.images), func(b *blob) error { return p.blob(ctx, b) }); err != nil {
		return err
	}
	return each(ctx, p.jobs, p.images, func(i *image) error { return p.manifests(ctx, i) })
}

// look finds out whether the registry has the image. A registry takes a manifest
// only with everything that it lists, so that is all there too; what is attached to the
// image is not listed, and may be newer.
func (p *imagePusher) look(ctx context.Context, i *image) error {
	s := p.client.pushing(i.path)
	has, err := s.hasManifest(ctx, i.ref(), i.digest)
	if has {
		i.tagged = i.digest
		has, err = s.hasAttached(ctx, i)
	}
	if err != nil {
		return fmt.Errorf("looking for image %q: %w", i.name, err)
	}
	i.there = has
	return nil
}

// blob brings a blob to every repository that needs it: it is sent to one at most,
// and the registry takes it from there for the others.
func (p *imagePusher) blob(ctx context.Context, b *blob) error {
	var missing []string
	for _, path := range b.wanted {
		has, err := p.client.pushing(path).hasBlob(ctx, b.digest)
		if err != nil {
			return fmt.Errorf("looking for %s in %q: %w", b.use, path, err)
		}
		if !has {
			missing = append(missing, path)
			continue
		}
		p.tally.add(&p.tally.Skipped, b.size)
		b.had = path
	}
	if b.had == "" && len(b.complete) > 0 {
		b.had = b.complete[0]
	}
	for range b.complete {
		p.tally.add(&p.tally.Skipped, b.size)
	}
	for _, path := range missing {
		if err := p.upload(ctx, b, path); err != nil {
			return fmt.Errorf("pushing %s to %q: %w", b.use, path, err)
		}
		b.had = path
	}
	return nil
}

func (p *imagePusher) upload(ctx context.Context, b *blob, path string) error {
	u := &upload{session: p.client.pushing(path), what: b.content, from: b.had, bars: p.bars}
	if err := u.run(ctx); err != nil {
		return err
	}
	if u.mounted {
		p.tally.add(&p.tally.Mounted, b.size)
	} else {
		p.tally.add(&p.tally.Pushed, b.size)
	}
	return nil
}
