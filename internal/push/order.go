package push

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/archive"
	"github.com/satchel-kit/satchel/internal/bundle"
)

// The places of a bundle that have a meaning here.
const (
	manifestName  = "bundle.json"
	sumsName      = "SHA256SUMS"
	signatureName = "SHA256SUMS.sig"

	imagesDir = "images/"
	blobsDir  = imagesDir + "blobs/sha256/"
)

// maxSignature is more than any signature of SHA256SUMS needs.
const maxSignature = 64 << 10

// entry is one file of a bundle as it stands in the archive.
type entry struct {
	bundle.File
	// data is the content of what bundle.json does not list, otherwise nil.
	data []byte
}

// bundleSource is a bundle that is open for pushing as a whole.
type bundleSource struct {
	manifest *bundle.Manifest
	index    *archive.Index
	// entries are in the order of the archive.
	entries []entry
}

// openBundle opens a bundle and makes sure that it has the files that it lists,
// with their sizes. Their contents are checked when they are read.
func openBundle(ctx context.Context, path string) (*bundleSource, error) {
	r, err := bundle.OpenReader(ctx, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := &bundleSource{manifest: r.Manifest}
	if b.index, err = archive.OpenIndex(ctx, path); err != nil {
		return nil, err
	}
	if err := b.list(ctx, path); err != nil {
		b.index.Close()
		return nil, fmt.Errorf("opening bundle %q: %w", path, err)
	}
	return b, nil
}

func (b *bundleSource) list(ctx context.Context, path string) error {
	raw, err := b.small(manifestName, maxListing)
	if err != nil {
		return err
	}
	list, err := b.small(sumsName, maxListing)
	if err != nil {
		return err
	}
	if string(list) != string(sums(b.manifest.Files, raw)) {
		return fmt.Errorf("%s does not have what follows from %s; %w", sumsName, manifestName, errDamaged)
	}
	for _, file := range b.manifest.Files {
		b.entries = append(b.entries, entry{File: file})
	}
	b.entries = append(b.entries, atHand(manifestName, raw), atHand(sumsName, list))
	signature, err := b.small(signatureName, maxSignature)
	if err == nil {
		b.entries = append(b.entries, atHand(signatureName, signature))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	unpacked, err := archive.Unpacked(path)
	if err != nil {
		return err
	}
	if unpacked {
		return b.asBuilt()
	}
	return b.asPacked(ctx, path)
}

// maxListing is as much as bundle.json and SHA256SUMS can have.
const maxListing = 64 << 20

func atHand(path string, data []byte) entry {
	digits := strings.TrimPrefix(digestOf(data), "sha256:")
	return entry{bundle.File{Path: path, Size: int64(len(data)), SHA256: digits, Mode: bundle.Plain}, append([]byte{}, data...)}
}

func (b *bundleSource) small(path string, limit int64) ([]byte, error) {
	f, size, err := b.index.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > limit {
		return nil, fmt.Errorf("%s has %d bytes, more than any; %w", path, size, errDamaged)
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

// asBuilt orders the files of an unpacked bundle as build packs them.
func (b *bundleSource) asBuilt() error {
	for _, e := range b.entries {
		f, size, err := b.index.Open(e.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%q is missing: a bundle that was unpacked with --host, or a delta, is not all of it", e.Path)
		}
		if err != nil {
			return err
		}
		f.Close()
		if size != e.Size {
			return fmt.Errorf("%q has %d bytes, not the %d listed; %w", e.Path, size, e.Size, errDamaged)
		}
	}
	slices.SortFunc(b.entries, func(x, y entry) int {
		return cmp.Or(cmp.Compare(part(x.Path), part(y.Path)), cmp.Compare(x.Path, y.Path))
	})
	return nil
}

// part is where in the archive build packs a file: what is small and read first
// comes first.
func part(path string) int {
	first := []string{manifestName, sumsName, signatureName}
	layout := []string{imagesDir + "oci-layout", imagesDir + "index.json", imagesDir + "list"}
	switch at := slices.Index(layout, path); {
	case slices.Contains(first, path):
		return slices.Index(first, path)
	case at >= 0:
		return len(first) + 1 + at
	case strings.HasPrefix(path, blobsDir):
		return len(first) + len(layout) + 1
	case strings.HasPrefix(path, "files/"), strings.HasPrefix(path, "packages/"), strings.HasPrefix(path, "bin/"):
		return len(first) + len(layout) + 2
	}
	return len(first) // the tree
}

// asPacked orders the files of an archive as they stand in it.
func (b *bundleSource) asPacked(ctx context.Context, path string) error {
	listed := map[string]entry{}
	for _, e := range b.entries {
		listed[e.Path] = e
	}
	var order []entry
	err := archive.Read(ctx, path, func(have archive.Entry) error {
		e, found := listed[have.Path]
		switch {
		case !found:
			return fmt.Errorf("%q is not in %s; %w", have.Path, manifestName, errDamaged)
		case have.Size != e.Size || have.Mode != e.Mode.Perm():
			return fmt.Errorf("%q has %d bytes and mode %#o, not the %d and %s listed; %w", have.Path, have.Size, uint32(have.Mode), e.Size, e.Mode, errDamaged)
		}
		delete(listed, have.Path)
		order = append(order, e)
		return nil
	})
	if err != nil {
		return err
	}
	for _, e := range b.entries {
		if _, left := listed[e.Path]; left {
			return fmt.Errorf("%q is missing: a delta is not all of a bundle; unpack it with the bundle before it, and push the directory", e.Path)
		}
	}
	b.entries = order
	return nil
}

// content is what an entry has, checked while it is read.
func (b *bundleSource) content(e entry) content {
	c := content{digest: "sha256:" + e.SHA256, size: e.Size, use: fmt.Sprintf("%q", e.Path)}
	c.open = func() (io.ReadCloser, error) {
		if e.data != nil {
			return io.NopCloser(strings.NewReader(string(e.data))), nil
		}
		f, _, err := b.index.Open(e.Path)
		return f, err
	}
	return c
}

// sums is what SHA256SUMS has to have.
func sums(files []bundle.File, manifest []byte) []byte {
	lines := map[string]string{manifestName: strings.TrimPrefix(digestOf(manifest), "sha256:")}
	paths := []string{manifestName}
	for _, file := range files {
		lines[file.Path] = file.SHA256
		paths = append(paths, file.Path)
	}
	slices.Sort(paths)
	var out strings.Builder
	for _, path := range paths {
		out.WriteString(lines[path] + "  " + path + "\n")
	}
	return []byte(out.String())
}
