//go:build lab && linux

package world

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// imageName is the annotation that names an image in a layout.
const imageName = "org.opencontainers.image.ref.name"

// layout makes one OCI layout with an index for each image. The checksum of
// Debian's versions stands for what is in its root file system.
func (m *maker) layout(ctx context.Context, release, debian string, list []image) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, debian, runtime.Version()) // compressors change between releases of Go
	for _, img := range list {
		fmt.Fprintf(h, "%q %+v %d\n", img.name, img.config, len(img.layers))
		for _, t := range img.layers {
			t.describe(h)
		}
	}
	name := fmt.Sprintf("images-%s-%x", release, h.Sum(nil)[:6])
	return m.make(ctx, filepath.Join("images", name), func(temp string) error {
		return writeLayout(ctx, temp, list)
	})
}

func writeLayout(ctx context.Context, dir string, list []image) error {
	out, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	made := map[*tree]v1.Layer{} // images share layers
	for _, img := range list {
		index, err := img.build(ctx, made)
		if err == nil {
			err = out.AppendIndex(index, layout.WithAnnotations(map[string]string{imageName: img.name}))
		}
		if err != nil {
			return fmt.Errorf("making image %q: %w", img.name, err)
		}
	}
	return nil
}

// build makes the index of an image, which has this machine's platform alone.
func (i image) build(ctx context.Context, made map[*tree]v1.Layer) (v1.ImageIndex, error) {
	img, err := i.single(ctx, made)
	if err != nil {
		return nil, err
	}
	platform := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	return mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &platform}}), nil
}

// single makes the image itself.
func (i image) single(ctx context.Context, made map[*tree]v1.Layer) (v1.Image, error) {
	config := i.config
	config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	config.WorkingDir = "/"
	img, err := mutate.ConfigFile(
		mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON),
		&v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH, Config: config},
	)
	if err != nil {
		return nil, err
	}
	for _, t := range i.layers {
		if made[t] == nil {
			if made[t], err = t.layer(ctx); err != nil {
				return nil, err
			}
		}
		if img, err = mutate.AppendLayers(img, made[t]); err != nil {
			return nil, err
		}
	}
	return img, nil
}

// layer compresses fast: the layers travel over the loopback interface alone.
func (t *tree) layer(ctx context.Context) (v1.Layer, error) {
	open := func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { w.CloseWithError(t.write(ctx, w)) }()
		return r, nil
	}
	return tarball.LayerFromOpener(open, tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithMediaType(types.OCILayer))
}
