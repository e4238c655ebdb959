package standin

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/satchel-kit/satchel/internal/plan"
)

// Push makes the images and pushes them to a registry, each below its upstream
// host: "docker.io/library/x:1" becomes "REGISTRYHOST/docker.io/library/x:1". In the
// place of an image with a recipe it pushes the base. Where attestations are wanted,
// there are some of every kind.
func Push(ctx context.Context, registryHost string, plainHTTP bool, images []plan.Image) error {
	var options []name.Option
	if plainHTTP {
		options = append(options, name.Insecure)
	}
	for _, want := range bases(images) {
		ref, err := place(registryHost, want.Name, options...)
		if err != nil {
			return err
		}
		index, err := makeIndex(want)
		if err != nil {
			return err
		}
		if want.Attestations {
			if index, err = withAttestations(index); err != nil {
				return err
			}
		}
		err = remote.WriteIndex(ref, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
		if err != nil {
			return fmt.Errorf("pushing %q: %w", ref, err)
		}
		if want.Attestations {
			if err := attest(ctx, ref, index); err != nil {
				return err
			}
		}
	}
	return nil
}
