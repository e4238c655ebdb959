package bundle

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/render"
)

// item is one file on its way into the archive.
type item struct {
	File
	// data is the content of a file that is at hand, source names a file on
	// disk; a file with neither comes from the cache.
	data   []byte
	source string
	// use says what needs the file, for messages.
	use string
}

func (i *item) inCache() bool  { return i.data == nil && i.source == "" }
func (i *item) digest() string { return "sha256:" + i.SHA256 }

// content tells whether the item is a blob, a fetched file or a program, and not a text
// that says what to do with them.
func (i *item) content() bool { return i.data == nil || strings.HasPrefix(i.Path, blobsDir) }

func atHand(path string, mode Mode, data []byte) item {
	if data == nil {
		data = []byte{}
	}
	return item{File: File{Path: path, Size: int64(len(data)), SHA256: hexSum(data), Mode: mode}, data: data}
}

func (i *item) reader() io.ReadCloser { return io.NopCloser(bytes.NewReader(i.data)) }

// contents lists everything behind bundle.json and SHA256SUMS in the order of
// the archive: what is small and what is read first comes first.
func contents(in Input) ([]item, []Image, error) {
	l, err := newLayout(in.Lock.Images)
	if err != nil {
		return nil, nil, err
	}
	tree, err := treeItems(in.Tree)
	if err != nil {
		return nil, nil, err
	}
	blobs, err := blobItems(in.Lock.Images, l.sparse)
	if err != nil {
		return nil, nil, err
	}
	packages, err := packageItems(in.Lock.Packages, in.Cache)
	if err != nil {
		return nil, nil, err
	}
	layoutFiles := []item{
		atHand(layoutName, Plain, []byte(layoutMarker)),
		atHand(indexName, Plain, l.index),
		atHand(listName, Plain, imageList(l.images)),
	}
	fetched := sortItems(slices.Concat(fileItems(in.Lock.Files), packages, programItems(in.Programs)))
	return slices.Concat(tree, layoutFiles, blobs, fetched), l.images, nil
}

func sortItems(items []item) []item {
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.Path, b.Path) })
	return items
}

func treeItems(tree render.Tree) ([]item, error) {
	var items []item
	for _, file := range tree {
		for dir, of := range map[string]string{imagesDir: "the image layout", packagesDir: "packages"} {
			if strings.HasPrefix(file.Path, dir) {
				return nil, fmt.Errorf("adding rendered file %q: %q is for %s", file.Path, dir, of)
			}
		}
		mode := Plain
		if file.Mode.Perm() == Executable.Perm() {
			mode = Executable
		} else if file.Mode.Perm() != Plain.Perm() {
			return nil, fmt.Errorf("adding rendered file %q: its mode is %#o, not 0644 or 0755", file.Path, uint32(file.Mode))
		}
		items = append(items, atHand(file.Path, mode, file.Data))
	}
	return sortItems(items), nil
}

// blobItems has every blob of the layout once.
func blobItems(images []lock.Image, sparse [][]byte) ([]item, error) {
	blobs := map[string]item{}
	for _, image := range images {
		for _, m := range image.Manifests {
			for _, blob := range append([]lock.Blob{m.Blob, m.Config}, m.Layers...) {
				if err := addBlob(blobs, image.Name, blob); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, image := range images {
		for _, a := range image.Attached {
			for _, blob := range append([]lock.Blob{a.Blob}, a.Blobs...) {
				if err := addBlob(blobs, image.Name, blob); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, raw := range sparse {
		i := atHand(blobsDir+hexSum(raw), Plain, raw)
		blobs[i.Path] = i
	}
	return sortItems(slices.Collect(maps.Values(blobs))), nil
}

func addBlob(blobs map[string]item, image string, blob lock.Blob) error {
	digits, err := hexDigits(blob.Digest)
	if err != nil {
		return fmt.Errorf("adding image %q: %w", image, err)
	}
	i := item{File: File{Path: blobsDir + digits, Size: blob.Size, SHA256: digits, Mode: Plain}, use: fmt.Sprintf("image %q", image)}
	if other, found := blobs[i.Path]; found && other.Size != i.Size {
		return fmt.Errorf("adding image %q: the lock gives %s %d bytes here and %d bytes for %s", image, blob.Digest, i.Size, other.Size, other.use)
	} else if !found {
		blobs[i.Path] = i
	}
	return nil
}

// fileItems has the fetched files. None is executable where it lies: the steps
// put programs in place with the mode they need.
func fileItems(locked []lock.File) []item {
	var items []item
	for _, file := range locked {
		items = append(items, item{
			File: File{Path: file.Path, Size: file.Size, SHA256: file.SHA256, Mode: Plain},
			use:  fmt.Sprintf("file %q from %s", file.Path, file.URL),
		})
	}
	return items
}
