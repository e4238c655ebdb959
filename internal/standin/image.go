package standin

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/plan"
)

// layerSize is small enough for a first look, and large enough that shared
// layers show.
const layerSize = 24 << 10

// dialect is a family of media types. Real sources are a mixture of both, so
// these are too: what comes from Docker Hub speaks docker's.
type dialect struct{ index, manifest, config, layer types.MediaType }

func dialectOf(image string) dialect {
	if strings.HasPrefix(image, "docker.io/") {
		return dialect{types.DockerManifestList, types.DockerManifestSchema2, types.DockerConfigJSON, types.DockerLayer}
	}
	return dialect{types.OCIImageIndex, types.OCIManifestSchema1, types.OCIConfigJSON, types.OCILayer}
}

// makeIndex makes the index of an image: the wanted platforms and one that
// nobody wants, because whoever reads it has to choose.
func makeIndex(want plan.Image) (v1.ImageIndex, error) {
	platforms := slices.Sorted(slices.Values(want.Platforms))
	for _, other := range []string{"linux/s390x", "linux/ppc64le"} {
		if !slices.Contains(platforms, other) {
			platforms = append(platforms, other)
			break
		}
	}
	d := dialectOf(want.Name)
	index := mutate.IndexMediaType(empty.Index, d.index)
	for _, text := range platforms {
		platform, err := v1.ParsePlatform(text)
		if err != nil {
			return nil, fmt.Errorf("making image %q: %w", want.Name, err)
		}
		img, err := makeImage(want.Name, platform, d)
		if err != nil {
			return nil, fmt.Errorf("making image %q for %s: %w", want.Name, text, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}})
	}
	return index, nil
}

func makeImage(image string, platform *v1.Platform, d dialect) (v1.Image, error) {
	own := fmt.Sprintf("%s for %s\n", image, platform)
	base, err := layer(d, entry{"etc/stand-in", 0o644, []byte("the base of every stand-in image\n")}, entry{"usr/share/base", 0o644, noise("base", layerSize)})
	if err != nil {
		return nil, err
	}
	top, err := layer(d, entry{"image", 0o644, []byte(own)}, entry{"noise", 0o644, noise(own, layerSize)})
	if err != nil {
		return nil, err
	}
	img, err := mutate.ConfigFile(mutate.ConfigMediaType(mutate.MediaType(empty.Image, d.manifest), d.config), &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant,
		Created: v1.Time{Time: time.Unix(0, 0).UTC()},
		RootFS:  v1.RootFS{Type: "layers"},
		Config:  v1.Config{Cmd: []string{"/image"}},
	})
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(img, base, top)
}

func layer(d dialect, entries ...entry) (v1.Layer, error) {
	data, err := targz(entries...)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(d.layer))
}

// place is where a stand-in registry has an image: the upstream host becomes the
// beginning of the repository, so that two hosts never collide.
func place(registryHost, image string, options ...name.Option) (name.Reference, error) {
	host, rest, ok := strings.Cut(image, "/")
	if !ok {
		return nil, fmt.Errorf("image name %q has no registry host", image)
	}
	return name.ParseReference(registryHost+"/"+folder(host)+"/"+rest, options...)
}

// folder spells a host as the part of a repository, which has no colon.
func folder(host string) string { return strings.ReplaceAll(host, ":", "-") }

// bases are the images that upstream would have, each once, for all platforms that
// it or an image made of it is wanted for.
func bases(images []plan.Image) []plan.Image {
	var all []plan.Image
	for _, want := range images {
		if want.Archive != nil {
			continue // it lies beside the spec
		}
		if want.Recipe != nil {
			want = plan.Image{Name: want.Recipe.Base, Platforms: want.Platforms}
		}
		i := slices.IndexFunc(all, func(o plan.Image) bool { return o.Name == want.Name })
		if i < 0 {
			all = append(all, want)
			continue
		}
		both := slices.Concat(all[i].Platforms, want.Platforms)
		slices.Sort(both)
		all[i].Platforms = slices.Compact(both)
	}
	return all
}
