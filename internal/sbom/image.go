package sbom

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/satchel-kit/satchel/internal/lock"
)

// image is an image for one platform.
type image struct {
	id string
	// repository is the name without tag and digest.
	repository, tag string
	platform        string
	digest          string // of the manifest
	purl            string
	// layers are ids; base is the id of the image that this one was made from, or "".
	layers []string
	base   string
	// below says that the bundle has the image only as the base of another one.
	below bool
}

// layer is a layer of one image or of several.
type layer struct {
	id, digest, mediaType string
	size                  int64
}

func (inv *Inventory) addImages(locked []lock.Image) {
	images, layers := map[string]image{}, map[string]layer{}
	for _, l := range locked {
		for i, m := range l.Manifests {
			img := newImage(l.Name, m.Platform, m.Digest)
			for _, blob := range m.Layers {
				part := layer{identity("Layer", blob.Digest), blob.Digest, blob.MediaType, blob.Size}
				layers[part.id] = part
				img.layers = append(img.layers, part.id)
			}
			if l.From != nil {
				base := newImage(l.From.Base, m.Platform, l.From.Parts[i].Manifest.Digest)
				base.below, img.base = true, base.id
				if _, found := images[base.id]; !found {
					images[base.id] = base
				}
			}
			images[img.id] = img
		}
	}
	for _, img := range images {
		inv.images = append(inv.images, img)
	}
	for _, part := range layers {
		inv.layers = append(inv.layers, part)
	}
	slices.SortFunc(inv.images, func(a, b image) int {
		return cmp.Or(cmp.Compare(a.repository, b.repository), cmp.Compare(a.tag, b.tag), cmp.Compare(a.platform, b.platform), cmp.Compare(a.id, b.id))
	})
	slices.SortFunc(inv.layers, func(a, b layer) int { return cmp.Compare(a.digest, b.digest) })
}

func newImage(name, platform, digest string) image {
	img := image{id: identity("Image", name, platform, digest), platform: platform, digest: digest}
	img.repository, img.tag = splitName(name)
	_, arch, _ := strings.Cut(platform, "/")
	arch, _, _ = strings.Cut(arch, "/")
	q := packageurl.Qualifiers{{Key: "arch", Value: arch}, {Key: "repository_url", Value: img.repository}}
	if img.tag != "" {
		q = append(q, packageurl.Qualifier{Key: "tag", Value: img.tag})
	}
	img.purl = packageurl.NewPackageURL(packageurl.TypeOCI, "", strings.ToLower(path.Base(img.repository)), digest, q, "").ToString()
	return img
}

// splitName takes a full upstream name apart. A digest in it is that of all platforms,
// and says nothing here.
func splitName(name string) (repository, tag string) {
	name, _, _ = strings.Cut(name, "@")
	at := strings.LastIndexByte(name, ':')
	if at < strings.LastIndexByte(name, '/') || at < 0 {
		return name, ""
	}
	return name[:at], name[at+1:]
}
