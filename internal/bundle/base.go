package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/satchel-kit/satchel/internal/lock"
)

// Base is what the receiver of a delta has already.
type Base struct {
	since Since
	// sizes are those of the contents, by the digits of their SHA-256.
	sizes map[string]int64
}

// Since says what the base is.
func (b *Base) Since() Since { return b.since }

// has tells whether the receiver has a content.
func (b *Base) has(digits string, size int64) bool {
	if b == nil {
		return false
	}
	have, found := b.sizes[digits]
	return found && have == size
}

// OpenBase reads what the receiver of a delta has, and no content: path is a bundle in
// any form, a delta (then it is the bundle that the delta leads to), a bundle.json or a
// satchel.lock.
func OpenBase(ctx context.Context, path string) (*Base, error) {
	raw, err := readListing(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("opening base %q: %w", path, err)
	case raw != nil:
		b, err := parseBase(path, raw)
		if err != nil {
			return nil, fmt.Errorf("opening base %q: %w", path, err)
		}
		return b, nil
	}
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("opening base: %w", err)
	}
	return s.base(), nil
}

// readListing reads the file at path if it is JSON, otherwise it returns nil.
func readListing(path string) ([]byte, error) {
	// What is not there may be an archive in parts.
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	first := make([]byte, 1)
	if _, err := f.ReadAt(first, 0); err != nil && !errors.Is(err, io.EOF) || first[0] != '{' {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(raw) > maxManifest {
		err = fmt.Errorf("it is larger than %d bytes", maxManifest)
	}
	return raw, err
}

// parseBase reads a bundle.json or a lock; path is for messages.
func parseBase(path string, raw []byte) (*Base, error) {
	var kind struct {
		Bundle, Lock json.RawMessage
	}
	// What is wrong with the rest shows below.
	_ = json.Unmarshal(raw, &kind)
	if kind.Bundle == nil && kind.Lock != nil {
		l, err := lock.Parse(path, raw)
		if err != nil {
			return nil, err
		}
		return lockBase(l), nil
	}
	m, again, err := readManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	s, err := newSource(path, m, again)
	if err != nil {
		return nil, err
	}
	return s.base(), nil
}

func lockBase(l *lock.Lock) *Base {
	b := &Base{since: Since{Lock: l.Digest()}, sizes: map[string]int64{}}
	for _, item := range l.Blobs() {
		if digits, err := hexDigits(item.Digest); err == nil {
			b.sizes[digits] = item.Size
		}
	}
	return b
}

// base is the bundle, or what the delta leads to, as the base of another delta.
func (s *source) base() *Base {
	b := &Base{sizes: map[string]int64{}}
	b.since = Since{Bundle: s.identity, Name: s.whole.Name, Version: s.whole.Version}
	for _, file := range s.whole.Files {
		b.sizes[file.SHA256] = file.Size
	}
	return b
}

// Lacking is the part of a lock that the base does not have: what must be in the cache
// for a delta. Without a base it is the lock.
func (b *Base) Lacking(l *lock.Lock) *lock.Lock {
	if b == nil {
		return l
	}
	part := &lock.Lock{Format: l.Format}
	for _, img := range l.Images {
		part.Images = append(part.Images, b.lackingImage(img))
	}
	for _, file := range l.Files {
		if !b.has(file.SHA256, file.Size) {
			part.Files = append(part.Files, file)
		}
	}
	return part
}

// lackingImage is the image with its layers that the base does not have, and its other
// blobs if one of all is among them. One that satchel makes itself, or takes from an
// archive, is whole.
func (b *Base) lackingImage(img lock.Image) lock.Image {
	var part []lock.Manifest
	for _, m := range img.Manifests {
		var layers []lock.Blob
		for _, layer := range m.Layers {
			if !b.hasBlob(layer) {
				layers = append(layers, layer)
			}
		}
		if len(layers) > 0 || !b.hasBlob(m.Blob) || !b.hasBlob(m.Config) {
			m.Layers = layers
			part = append(part, m)
		}
	}
	if img.From == nil && img.Archive == nil || part == nil {
		img.Manifests = part
	}
	img.Attached = b.lackingAttached(img.Attached)
	return img
}

// lackingAttached is what is attached to an image and not whole in the base.
func (b *Base) lackingAttached(all []lock.Attached) []lock.Attached {
	var part []lock.Attached
	for _, a := range all {
		a.Blobs = slices.DeleteFunc(slices.Clone(a.Blobs), b.hasBlob)
		if len(a.Blobs) > 0 || !b.hasBlob(a.Blob) {
			part = append(part, a)
		}
	}
	return part
}

func (b *Base) hasBlob(blob lock.Blob) bool {
	digits, err := hexDigits(blob.Digest)
	return err == nil && b.has(digits, blob.Size)
}

// mark leaves contents to the base, and returns the items that are to be packed.
// Texts are packed all: they are small, and tell what the delta brings.
func (b *Base) mark(items []item) []item {
	var packed []item
	for i := range items {
		it := &items[i]
		if it.content() && b.has(it.SHA256, it.Size) {
			it.Base = true
		} else {
			packed = append(packed, *it)
		}
	}
	return packed
}
