//go:build lab && linux

package world

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/standin"
)

// Serve starts a world with the images and files, which must all be among the
// inputs. Images are below the name of their upstream registry, files below that
// of their host. It ends with Close.
func Serve(ctx context.Context, in *Inputs, images []plan.Image, files []plan.File) (*standin.World, error) {
	content, err := in.content(files)
	if err != nil {
		return nil, err
	}
	w, err := standin.Start(ctx, content, images, files, registry.WithBlobHandler(registry.NewDiskBlobHandler(filepath.Join(in.layout, "blobs"))))
	if err != nil {
		return nil, err
	}
	if err := in.push(ctx, w.Host, images); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}
