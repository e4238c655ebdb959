package push

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/registry"
)

// image is one image of a bundle and the place that it goes to.
type image struct {
	name, digest string
	path, tag    string
	// documents are the manifests, and at the end what the name stands for.
	documents []document
	blobs     []content
	// own is the digest of what the bundle has in the place of an upstream index, which
	// may name platforms that the bundle lacks; it is digest if there is no such index.
	own string
	// referrers are by what they are about.
	referrers map[string][]v1.Descriptor
	// tags are further ones, of what is attached to the image.
	tags []stored
	// tagged is what the image's tag is known to stand for.
	tagged string
	// there says that the registry has all of it, with what is attached.
	there bool
}

// stored is a document under a tag of its own.
type stored struct{ tag, digest string }

// ref is what the image is stored under.
func (i *image) ref() string { return cmp.Or(i.tag, i.digest) }

// imageSource is a bundle that is open for pushing its images.
type imageSource struct {
	reader *bundle.Reader
	types  map[string]string
	sizes  map[string]int64
	images []*image
}

// openImages opens a bundle and finds everything that can be wrong with it without
// reading its layers.
func openImages(ctx context.Context, path string, to Target) (*imageSource, error) {
	r, err := bundle.OpenReader(ctx, path)
	if err != nil {
		return nil, err
	}
	b := &imageSource{reader: r, sizes: map[string]int64{}}
	if err := b.read(to); err != nil {
		r.Close()
		return nil, fmt.Errorf("opening bundle %q: %w", path, err)
	}
	return b, nil
}

func (b *imageSource) read(to Target) error {
	for _, file := range b.reader.Manifest.Files {
		if strings.HasPrefix(file.Path, blobsDir) {
			b.sizes["sha256:"+file.SHA256] = file.Size
		}
	}
	var err error
	if b.types, err = b.reader.MediaTypes(); err != nil {
		return err
	}
	for _, listed := range b.reader.Manifest.Images {
		i, err := b.image(listed, to)
		if err != nil {
			return err
		}
		b.images = append(b.images, i)
	}
	return nil
}

func (b *imageSource) image(listed bundle.Image, to Target) (*image, error) {
	i := &image{name: listed.Name, digest: listed.StandsFor()}
	i.own = listed.Digest
	i.referrers = map[string][]v1.Descriptor{}
	var err error
	if i.path, i.tag, err = to.place(listed.Name); err != nil {
		return nil, err
	}
	documents, blobs := map[string]bool{listed.Digest: true}, map[string]bool{}
	for _, p := range listed.Platforms {
		documents[p.Digest], blobs[p.Config] = true, true
		for _, layer := range p.Layers {
			blobs[layer] = true
		}
	}
	for _, a := range listed.Attached {
		documents[a.Digest] = true
		if a.Tag != "" {
			i.tags = append(i.tags, stored{a.Tag, a.Digest})
		}
		if digest, err := v1.NewHash(a.Digest); err == nil && a.ArtifactType != "" {
			i.referrers[a.Subject] = append(i.referrers[a.Subject], v1.Descriptor{
				MediaType: types.MediaType(a.MediaType), Digest: digest, Size: b.sizes[a.Digest], ArtifactType: a.ArtifactType, Annotations: a.Annotations,
			})
		}
		for _, blob := range a.Blobs {
			blobs[blob] = true
		}
	}
	for _, digest := range slices.Sorted(maps.Keys(documents)) {
		d, err := b.document(digest, listed.Name)
		if err != nil {
			return nil, err
		}
		i.documents = append(i.documents, d)
	}
	last := func(d document) int {
		switch d.digest {
		case i.digest:
			return 2
		case listed.Digest:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(i.documents, func(a, b document) int { return last(a) - last(b) })
	for _, digest := range slices.Sorted(maps.Keys(blobs)) {
		c := b.content(digest, listed.Name)
		f, err := c.open() // it is there, and of the right size
		if err != nil {
			return nil, fmt.Errorf("looking for %s: %w", c.use, err)
		}
		f.Close()
		i.blobs = append(i.blobs, c)
	}
	return i, nil
}

func (b *imageSource) content(digest, image string) content {
	return content{
		digest: digest, size: b.sizes[digest], use: image + " " + short(digest),
		open: func() (io.ReadCloser, error) { return b.reader.Blob(digest) },
	}
}

// document reads a manifest, whose bytes are checked here.
func (b *imageSource) document(digest, image string) (document, error) {
	d := document{digest: digest, mediaType: b.types[digest]}
	c := b.content(digest, image)
	if d.mediaType == "" {
		return d, fmt.Errorf("the image layout does not lead to %s; %w", c.use, errDamaged)
	}
	if c.size > registry.MaxManifest {
		return d, fmt.Errorf("manifest %s has %d bytes, more than any registry accepts", c.use, c.size)
	}
	f, err := c.read(nil)
	if err != nil {
		return d, err
	}
	defer f.Close()
	d.data, err = io.ReadAll(f)
	return d, err
}

// short is enough of a digest for people.
func short(digest string) string {
	digits := strings.TrimPrefix(digest, "sha256:")
	return digits[:min(12, len(digits))]
}

// blob is a blob and the repositories that need it.
type blob struct {
	content
	// wanted are the repositories of images that are not there yet, complete are
	// others, which have the blob.
	wanted, complete []string
	// had is a repository that is known to have it.
	had string
}

// spread lists every blob once, the largest first: one that begins last would run
// alone at the end.
func spread(images []*image) []*blob {
	blobs := map[string]*blob{}
	var all []*blob
	for _, i := range images {
		for _, c := range i.blobs {
			b, found := blobs[c.digest]
			if !found {
				b = &blob{content: c}
				blobs[c.digest] = b
				all = append(all, b)
			}
			if i.there {
				b.complete = append(b.complete, i.path)
			} else {
				b.wanted = append(b.wanted, i.path)
			}
		}
	}
	for _, b := range all {
		b.wanted = compact(b.wanted)
		b.complete = slices.DeleteFunc(compact(b.complete), func(path string) bool { return slices.Contains(b.wanted, path) })
	}
	slices.SortStableFunc(all, func(a, b *blob) int { return cmp.Compare(b.size, a.size) })
	return all
}

func compact(paths []string) []string {
	slices.Sort(paths)
	return slices.Compact(paths)
}
