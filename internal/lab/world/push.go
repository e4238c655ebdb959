//go:build lab && linux

package world

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/satchel-kit/satchel/internal/plan"
)

// push gives the registry the manifests of the images, and in place of an image with
// a recipe that of its base. It has the blobs already: it reads them from the layout.
func (in *Inputs) push(ctx context.Context, host string, images []plan.Image) error {
	top, err := layout.ImageIndexFromPath(in.layout)
	if err != nil {
		return fmt.Errorf("reading the images: %w", err)
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		return fmt.Errorf("reading the images: %w", err)
	}
	digests := map[string]v1.Hash{}
	for _, d := range manifest.Manifests {
		digests[d.Annotations[imageName]] = d.Digest
	}
	for _, want := range images {
		if want.Recipe != nil {
			want.Name = want.Recipe.Base
		}
		digest, ok := digests[want.Name]
		if !ok {
			return fmt.Errorf("image %q is not among the inputs of Kubernetes %s, which are %s",
				want.Name, in.Versions.Kubernetes, strings.Join(slices.Sorted(maps.Keys(digests)), ", "))
		}
		if err := pushOne(ctx, top, digest, host, want); err != nil {
			return fmt.Errorf("serving image %q: %w", want.Name, err)
		}
	}
	return nil
}

func pushOne(ctx context.Context, top v1.ImageIndex, digest v1.Hash, host string, want plan.Image) error {
	for _, platform := range want.Platforms {
		if platform != "linux/"+runtime.GOARCH {
			return fmt.Errorf("there is none for %s: the inputs are built for this machine's own platform", platform)
		}
	}
	index, err := top.ImageIndex(digest)
	if err != nil {
		return err
	}
	ref, err := name.ParseReference(host+"/"+want.Name, name.Insecure)
	if err != nil {
		return err
	}
	return remote.WriteIndex(ref, index, remote.WithContext(ctx))
}
