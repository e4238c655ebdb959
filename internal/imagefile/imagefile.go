// Package imagefile reads images out of what docker save and podman save write, and out
// of OCI image layouts, as tar or as directory. Whoever made them is not trusted: no path
// leaves the archive, nothing large is kept in memory, and every blob has a digest that
// the reader of it can check.
//
// It neither stores nor converts: layers stay the bytes that they are. Those of docker
// save are not compressed, and that is kept too. Their digests are then the diff IDs that
// the image's config vouches for, the image keeps its ID, and no compressor's next
// release changes a lock.
package imagefile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// documentLimit is what the largest manifests and configs have in registries; documents
// are kept in memory.
const documentLimit = 8 << 20

// Archive is an open archive. It must be closed.
type Archive struct {
	tree   tree
	images []*Image
}

// Image is one image of an archive.
type Image struct {
	// Names are those that the archive has for it; there may be none.
	Names []string
	// Top is its index or manifest.
	Top Document

	tree  tree
	blobs map[string]string // paths by digest, of what has no path by its digest

	beside []about // what the archive has that is no image
}

// ErrMissing is wrapped by the errors about what an archive lacks.
var ErrMissing = errors.New("missing")

// Document is a manifest or an index, byte for byte.
type Document struct {
	Bytes     []byte
	MediaType types.MediaType
	// Digest is "sha256:" and the hash of Bytes.
	Digest string
}

func newDocument(data []byte, mediaType types.MediaType) Document {
	return Document{data, mediaType, fmt.Sprintf("sha256:%x", sha256.Sum256(data))}
}

// Scratch makes an empty file that is gone once it is closed.
type Scratch func() (*os.File, error)

// Open opens the archive that has the path below root; a tar may be compressed, and is
// then unpacked to a scratch file, as its parts are read in their own order. The error
// says what it is, if it is nothing with images.
func Open(ctx context.Context, root *os.Root, path string, scratch Scratch) (*Archive, error) {
	t, err := openTree(ctx, root, path, scratch)
	if err != nil {
		return nil, err
	}
	a := &Archive{tree: t}
	if a.images, err = read(t); err == nil && len(a.images) == 0 {
		err = errors.New("there is no image in it")
	}
	if err != nil {
		t.Close()
		return nil, err
	}
	return a, nil
}

// read takes the index of a layout before the list of docker save. Newer versions of that
// write both, and as for containerd what is exact counts.
func read(t tree) ([]*Image, error) {
	for _, kind := range []struct {
		list string
		read func(tree, []byte) ([]*Image, error)
	}{{"index.json", readLayout}, {"manifest.json", readSaved}} {
		data, err := readFile(t, kind.list)
		if err == nil {
			return kind.read(t, data)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, errors.New("there is neither an index.json nor a manifest.json in it: it is not what docker save or podman save writes, nor an OCI image layout")
}

// Close ends the reading of the archive and its images.
func (a *Archive) Close() error { return a.tree.Close() }

// Image chooses the image that has one of the names; the first that any image has
// counts. The only image of an archive need not have it, unless must is set.
func (a *Archive) Image(must bool, names ...string) (*Image, error) {
	for _, want := range names {
		for _, i := range a.images {
			if slices.ContainsFunc(i.Names, func(has string) bool { return sameName(has, want) }) {
				return i, nil
			}
		}
	}
	if len(a.images) == 1 && !must {
		return a.images[0], nil
	}
	var has []string
	for _, i := range a.images {
		if len(i.Names) == 0 {
			has = append(has, "one without a name")
		}
		has = append(has, i.Names...)
	}
	const shown = 8
	if more := len(has) - shown; more > 0 {
		has = append(has[:shown], fmt.Sprintf("%d more", more))
	}
	if must {
		return nil, fmt.Errorf("there is no image %q in it; it has %s", names[0], strings.Join(has, ", "))
	}
	return nil, fmt.Errorf("there are %d images in it; say which in the field image: %s", len(a.images), strings.Join(has, ", "))
}

// sameName compares names as people write them: docker.io/library and latest may be left
// out.
func sameName(has, want string) bool {
	if has == want {
		return true
	}
	a, errA := name.ParseReference(has)
	b, errB := name.ParseReference(want)
	return errA == nil && errB == nil && a.Name() == b.Name()
}

// Document gives a manifest or index by its digest, and checks that it has it.
func (i *Image) Document(digest string) (Document, error) {
	if i.Top.Digest == digest {
		return i.Top, nil
	}
	f, size, err := i.Blob(digest)
	if err != nil {
		return Document{}, err
	}
	defer f.Close()
	data, err := readSmall(f, size)
	if err != nil {
		return Document{}, fmt.Errorf("reading %s: %w", digest, err)
	}
	d := newDocument(data, mediaTypeOf(data))
	if d.Digest != digest {
		return Document{}, fmt.Errorf("%s is damaged: it has the digest %s", digest, d.Digest)
	}
	return d, nil
}

// Blob opens a blob and tells its size. Whether its content has the digest is for the
// reader to check.
func (i *Image) Blob(digest string) (io.ReadCloser, int64, error) {
	path, known := i.blobs[digest]
	if !known {
		var err error
		if path, err = blobPath(digest); err != nil {
			return nil, 0, err
		}
	}
	f, size, err := i.tree.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("%s is %w: the image was saved without it", digest, ErrMissing)
	}
	return f, size, err
}

// blobPath is where a layout has a blob.
func blobPath(digest string) (string, error) {
	digits, ok := strings.CutPrefix(digest, "sha256:")
	if !ok || len(digits) != 64 || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", fmt.Errorf("digest %.100q is not \"sha256:\" and 64 lower-case hexadecimal digits", digest)
	}
	return "blobs/sha256/" + digits, nil
}

func readSmall(r io.Reader, size int64) ([]byte, error) {
	if size > documentLimit {
		return nil, fmt.Errorf("it has %d bytes, more than any manifest or config", size)
	}
	var data bytes.Buffer
	n, err := io.Copy(&data, io.LimitReader(r, size))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	return data.Bytes(), err
}

func readFile(t tree, path string) ([]byte, error) {
	f, size, err := t.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := readSmall(f, size)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return data, nil
}
