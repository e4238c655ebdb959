package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/satchel-kit/satchel/internal/archive"
)

// Reader gives the files of a bundle, unpacked or a plain tar, in any order and to
// many at once. It checks their sizes, and leaves their contents to Verify.
type Reader struct {
	Manifest *Manifest
	files    map[string]File
	index    *archive.Index
}

// OpenReader opens a bundle for reading in any order. The result must be closed.
func OpenReader(ctx context.Context, path string) (*Reader, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, err
	}
	if since := s.manifest.Since; since != nil {
		return nil, fmt.Errorf("opening bundle %q: it is a delta of %s and has not all of a bundle; unpack both, and use the directory: satchel unpack OLD %s -o DIR", path, since, path)
	}
	index, err := archive.OpenIndex(ctx, path)
	if errors.Is(err, archive.ErrCompressed) {
		return nil, fmt.Errorf("opening bundle %q: its files cannot be read in any order while it is compressed; unpack it first: satchel unpack %s -o DIR", path, path)
	} else if err != nil {
		return nil, fmt.Errorf("opening bundle %q: %w", path, whichPart(ctx, path, err))
	}
	return &Reader{Manifest: s.manifest, files: s.files, index: index}, nil
}

// Close ends the reading.
func (r *Reader) Close() error { return r.index.Close() }

// Open opens a file that bundle.json lists. The error wraps fs.ErrNotExist if it
// lists no such file; a file that is listed and not as listed is another error.
func (r *Reader) Open(path string) (io.ReadSeekCloser, File, error) {
	want, listed := r.files[path]
	if !listed {
		return nil, File{}, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	f, size, err := r.index.Open(path)
	if err != nil {
		return nil, want, fmt.Errorf("opening %q, which %s lists: %v; verify the bundle", path, manifestName, err)
	}
	if size != want.Size {
		f.Close()
		return nil, want, fmt.Errorf("opening %q: it has %d bytes, should have %d; verify the bundle", path, size, want.Size)
	}
	return f, want, nil
}

// Blob opens a blob of the image layout; the digest can be any text.
func (r *Reader) Blob(digest string) (io.ReadSeekCloser, error) {
	digits, err := hexDigits(digest)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: digest, Err: fs.ErrNotExist}
	}
	f, _, err := r.Open(blobsDir + digits)
	return f, err
}

// MediaTypes has, by digest, the media types of the image indexes and image
// manifests of the layout, and of what is attached to them.
func (r *Reader) MediaTypes() (map[string]string, error) {
	top, err := r.imageIndex(indexName)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, desc := range top.Manifests {
		all[desc.Digest.String()] = string(desc.MediaType)
		if !desc.MediaType.IsIndex() {
			continue
		}
		index, err := r.imageIndex(blobPath(desc.Digest.String()))
		if err != nil {
			return nil, err
		}
		for _, desc := range index.Manifests {
			all[desc.Digest.String()] = string(desc.MediaType)
		}
	}
	for _, image := range r.Manifest.Images {
		for _, a := range image.Attached {
			all[a.Digest] = a.MediaType
		}
	}
	return all, nil
}

func (r *Reader) imageIndex(path string) (*v1.IndexManifest, error) {
	f, file, err := r.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if path != indexName && file.Size > maxImageManifest {
		return nil, fmt.Errorf("reading %q: it has %d bytes, more than any image index", path, file.Size)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	return index, nil
}

// BlobSizes has the sizes of the blobs by digest, in bytes.
func (r *Reader) BlobSizes() map[string]int64 {
	sizes := map[string]int64{}
	for _, file := range r.Manifest.Files {
		if strings.HasPrefix(file.Path, blobsDir) {
			sizes["sha256:"+file.SHA256] = file.Size
		}
	}
	return sizes
}
