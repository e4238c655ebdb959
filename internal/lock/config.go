package lock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/satchel-kit/satchel/internal/cache"
)

// configLimit is far above any real manifest or config; they are read into memory.
const configLimit = 8 << 20

// config brings an image's config into the cache and reads it.
func (r *resolver) config(ctx context.Context, image string, b Blob) (*v1.ConfigFile, error) {
	if b.Size > configLimit {
		return nil, fmt.Errorf("it has %d bytes, more than %d", b.Size, configLimit)
	}
	if err := r.bring(ctx, image, b); err != nil {
		return nil, err
	}
	data, err := b.read(r.store)
	if err != nil {
		return nil, err
	}
	return v1.ParseConfigFile(bytes.NewReader(data))
}

// read gets a manifest or config that is in the cache.
func (b Blob) read(store *cache.Cache) ([]byte, error) {
	if b.Size > configLimit {
		return nil, fmt.Errorf("it has %d bytes, more than %d", b.Size, configLimit)
	}
	f, err := store.Get(b.Digest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, b.Size)
	if _, err := io.ReadFull(f, data); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if _, err := hashed(bytes.NewReader(data), b.Digest); err != nil {
		return nil, errors.Join(fmt.Errorf("%w and is removed now: run satchel again", err), store.Drop(b.Digest))
	}
	return data, nil
}
