package lock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// configLimit is far above any real config; configs are read into memory.
const configLimit = 8 << 20

// config brings an image's config into the cache and reads it.
func (r *resolver) config(ctx context.Context, image string, b Blob) (*v1.ConfigFile, error) {
	if b.Size > configLimit {
		return nil, fmt.Errorf("it has %d bytes, more than %d", b.Size, configLimit)
	}
	w, err := r.store.Writer(ctx, b.Digest, b.Size)
	if errors.Is(err, fs.ErrExist) {
		return r.cachedConfig(b)
	}
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if err := r.client.Blob(ctx, image, b.Digest, b.Size, w); err != nil {
		return nil, err
	}
	if err := w.Commit(); err != nil {
		return nil, err
	}
	return r.cachedConfig(b)
}

func (r *resolver) cachedConfig(b Blob) (*v1.ConfigFile, error) {
	f, err := r.store.Get(b.Digest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := hashed(f, b.Digest); err != nil {
		return nil, errors.Join(err, r.store.Drop(b.Digest))
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return v1.ParseConfigFile(f)
}
