package serve

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/bundle"
)

// catalog has what the bundle's images are made of, by repository.
type catalog struct {
	repositories map[string]*repository
	names        []string // sorted
}

// repository has what can be asked for under one name. A blob of another
// repository cannot.
type repository struct {
	name string
	// tags has digests by tag.
	tags map[string]string
	// manifests has media types by digest.
	manifests map[string]string
	blobs     map[string]bool
	// referrers has descriptors by the digest that they are about.
	referrers map[string][]v1.Descriptor
}

// newCatalog also makes sure that the image layout leads to every manifest.
func newCatalog(images []bundle.Image, mediaTypes map[string]string, sizes map[string]int64) (*catalog, error) {
	c := &catalog{repositories: map[string]*repository{}}
	for _, image := range images {
		name, tag := splitName(image.Name)
		r := c.repository(name)
		if tag != "" {
			r.tags[tag] = image.StandsFor()
		}
		digests := []string{image.Digest}
		for _, p := range image.Platforms {
			digests = append(digests, p.Digest)
			r.blobs[p.Config] = true
			for _, layer := range p.Layers {
				r.blobs[layer] = true
			}
		}
		for _, a := range image.Attached {
			digests = append(digests, a.Digest)
			r.attach(a, sizes[a.Digest])
		}
		for _, digest := range digests {
			if r.manifests[digest] = mediaTypes[digest]; mediaTypes[digest] == "" {
				return nil, fmt.Errorf("the image layout does not lead to %s of image %q; verify the bundle", digest, image.Name)
			}
		}
	}
	c.names = slices.Sorted(maps.Keys(c.repositories))
	return c, nil
}

// attach has a repository offer what is attached to an image.
func (r *repository) attach(a bundle.Attached, size int64) {
	if a.Tag != "" {
		r.tags[a.Tag] = a.Digest
	}
	for _, blob := range a.Blobs {
		r.blobs[blob] = true
	}
	digest, err := v1.NewHash(a.Digest)
	if a.ArtifactType == "" || err != nil {
		return // it is found in another way
	}
	if slices.ContainsFunc(r.referrers[a.Subject], func(d v1.Descriptor) bool { return d.Digest == digest }) {
		return // the image is there under two names
	}
	r.referrers[a.Subject] = append(r.referrers[a.Subject], v1.Descriptor{
		MediaType: types.MediaType(a.MediaType), Digest: digest, Size: size, ArtifactType: a.ArtifactType, Annotations: a.Annotations,
	})
}

func (c *catalog) repository(name string) *repository {
	if r, found := c.repositories[name]; found {
		return r
	}
	r := &repository{name: name, tags: map[string]string{}, manifests: map[string]string{}, blobs: map[string]bool{}, referrers: map[string][]v1.Descriptor{}}
	c.repositories[name] = r
	return r
}

// find gives the repository that a request is for. A mirror request names the
// registry that it stands for in ns; a client that reaches this server under two
// names sends one of them, and means the repository as it is.
func (c *catalog) find(name, ns string) *repository {
	if r, found := c.repositories[ns+"/"+name]; found && ns != "" {
		return r
	}
	return c.repositories[name]
}

// splitName takes apart "HOST:PORT/PATH:TAG@DIGEST", of which the path alone is
// always there.
func splitName(image string) (name, tag string) {
	name, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[:i], name[i+1:]
	}
	return name, ""
}
