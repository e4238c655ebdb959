package lock

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/disk"
	"github.com/satchel-kit/satchel/internal/imagefile"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/upstream"
)

// origin is where an image's manifests and blobs come from: a registry, or an archive.
type origin interface {
	Manifest(ctx context.Context, name string) (*upstream.Manifest, error)
	Blob(ctx context.Context, name, digest string, size int64, to upstream.Sink) error
	Referrers(ctx context.Context, name, digest string) (*v1.IndexManifest, error)
}

// archived locks an image that lies beside the spec, and brings all of it into the
// cache: the file may be gone when the bundle is built.
func (r *resolver) archived(ctx context.Context, want plan.Image) (Image, error) {
	img, err := r.fromArchives(ctx, want)
	if err != nil {
		return Image{}, fmt.Errorf("locking image %q: %w", want.Name, err)
	}
	return img, nil
}

func (r *resolver) fromArchives(ctx context.Context, want plan.Image) (Image, error) {
	img := Image{Name: want.Name, Archive: &Archive{Path: want.Archive.Path, Image: want.Archive.Image}, Manifests: []Manifest{}, Attestations: want.Attestations}
	root, err := os.OpenRoot(want.Archive.Dir)
	if err != nil {
		return img, fmt.Errorf("opening the spec's directory: %w", err)
	}
	defer root.Close()
	byPath := map[string][]string{}
	for _, platform := range want.Platforms {
		path := want.Archive.PathFor(platform)
		byPath[path] = append(byPath[path], platform)
	}
	var problems []error
	for path, platforms := range byPath {
		part, err := r.fromArchive(ctx, root, path, want, platforms)
		if err != nil {
			problems = append(problems, fmt.Errorf("reading %q: %w", path, err))
		}
		img.Digest = part.Digest
		img.Manifests = append(img.Manifests, part.Manifests...)
		img.Attached = append(img.Attached, part.Attached...)
	}
	slices.SortFunc(problems, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	slices.SortFunc(img.Manifests, func(a, b Manifest) int { return cmp.Compare(a.Platform, b.Platform) })
	img.Attached = inOrder(img.Attached)
	if len(byPath) > 1 {
		img.Digest = together(img.Manifests)
	}
	return img, errors.Join(problems...)
}

// together is the digest of an index of manifests that no archive has an index of.
func together(manifests []Manifest) string {
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for _, m := range manifests {
		digest, _ := v1.NewHash(m.Digest)
		platform, _ := v1.ParsePlatform(m.Platform)
		index.Manifests = append(index.Manifests, v1.Descriptor{MediaType: types.MediaType(m.MediaType), Size: m.Size, Digest: digest, Platform: platform})
	}
	data, err := json.Marshal(index)
	if err != nil {
		panic(err) // these types can always be encoded
	}
	sum := newDigester()
	sum.Write(data)
	return sum.digest()
}

// fromArchive is what one archive has of an image.
func (r *resolver) fromArchive(ctx context.Context, root *os.Root, path string, want plan.Image, platforms []string) (Image, error) {
	archive, err := imagefile.Open(ctx, root, path, r.store.Scratch)
	if err != nil {
		return Image{}, err
	}
	defer archive.Close()
	from, err := archive.Image(want.Archive.Image != "", cmp.Or(want.Archive.Image, want.Name))
	if err != nil {
		return Image{}, err
	}
	within := &resolver{from: fileOrigin{from}, store: r.store, bars: r.bars}
	top := asUpstream(from.Top)
	want.Platforms = platforms
	img := Image{Digest: top.Digest}
	switch {
	case !top.MediaType.IsIndex() && len(platforms) > 1:
		return Image{}, fmt.Errorf("it is for one platform only, and wanted are %s: with {arch} in its path each has an archive of its own", strings.Join(platforms, ", "))
	case top.MediaType.IsIndex():
		img.Manifests, err = within.fromLayoutIndex(ctx, want, top)
	default:
		img.Manifests, err = within.single(ctx, want, top)
	}
	if err == nil && want.Attestations {
		err = within.attach(ctx, want, top, &img)
	}
	if err == nil {
		err = within.bringAll(ctx, want.Name, &img)
	}
	return img, err
}

// bringAll has all of an image in the cache. What is about it may be missing.
func (r *resolver) bringAll(ctx context.Context, name string, img *Image) error {
	for _, m := range img.Manifests {
		for _, layer := range m.Layers {
			if err := r.bring(ctx, name, layer); err != nil {
				return err
			}
			r.store.Name(layer.Digest, name)
		}
	}
	var whole []Attached
	for _, a := range img.Attached {
		err := r.bringAttached(ctx, name, a)
		if errors.Is(err, imagefile.ErrMissing) {
			r.bars.Note("%s: %s about it is left out: %v", name, a.Digest, err)
			continue
		}
		if err != nil {
			return err
		}
		whole = append(whole, a)
	}
	img.Attached = whole
	return nil
}

func (r *resolver) bringAttached(ctx context.Context, name string, a Attached) error {
	for _, b := range a.Blobs {
		if err := r.bring(ctx, name, b); err != nil {
			return err
		}
		r.store.Name(b.Digest, name)
	}
	return nil
}

// bring has a blob of an image in the cache.
func (r *resolver) bring(ctx context.Context, image string, b Blob) error {
	if r.store.Has(b.Digest, b.Size) {
		return nil
	}
	w, err := r.store.Writer(ctx, b.Digest, b.Size)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer w.Close()
	if err := r.from.Blob(ctx, image, b.Digest, b.Size, w); err != nil {
		return err
	}
	return w.Commit()
}

// fileOrigin is an image of an archive in the place of a registry.
type fileOrigin struct{ image *imagefile.Image }

func asUpstream(d imagefile.Document) *upstream.Manifest {
	return &upstream.Manifest{Bytes: d.Bytes, MediaType: d.MediaType, Digest: d.Digest}
}

func (f fileOrigin) Manifest(_ context.Context, name string) (*upstream.Manifest, error) {
	get, what := f.image.Document, name[strings.LastIndexByte(name, '@')+1:]
	if what == name {
		get, what = f.image.Tagged, name[strings.LastIndexByte(name, ':')+1:]
	}
	d, err := get(what)
	if err != nil {
		return nil, err
	}
	return asUpstream(d), nil
}

// Referrers are in an archive by themselves, or listed as in a registry that has no list
// of its own.
func (f fileOrigin) Referrers(_ context.Context, _, digest string) (*v1.IndexManifest, error) {
	all, err := f.image.Referrers(digest)
	if err != nil {
		return nil, err
	}
	index := &v1.IndexManifest{Manifests: all}
	list, err := f.image.Tagged(strings.Replace(digest, ":", "-", 1))
	if err == nil && list.MediaType.IsIndex() {
		listed, err := v1.ParseIndexManifest(bytes.NewReader(list.Bytes))
		if err != nil {
			return nil, fmt.Errorf("reading the referrers of %s: %w", digest, err)
		}
		index.Manifests = append(index.Manifests, listed.Manifests...)
	}
	return index, nil
}

func (f fileOrigin) Blob(ctx context.Context, _, digest string, size int64, to upstream.Sink) error {
	// What an earlier run left may be of something else: from a disk all is soon there.
	if to.Offset() > 0 {
		if err := to.Restart(); err != nil {
			return err
		}
	}
	blob, has, err := f.image.Blob(digest)
	if err != nil {
		return err
	}
	defer blob.Close()
	if has != size {
		return fmt.Errorf("%s is damaged: it has %d bytes, and its manifest says %d", digest, has, size)
	}
	broken, err := disk.Pour(to, imagefile.UntilDone(ctx, blob))
	return cmp.Or(err, broken)
}

// Unpack brings what the cache lacks of a lock's images from archives there. An archive
// must have what is locked. It returns all errors together.
func Unpack(ctx context.Context, store *cache.Cache, l *Lock, images []plan.Image, bars *progress.Bars) error {
	archives := map[string]plan.Image{}
	for _, img := range images {
		if img.Archive != nil {
			archives[img.Name] = img
		}
	}
	r := &resolver{store: store, bars: bars}
	var problems []error
	for _, img := range l.Images {
		lacks := func(i Item) bool { return !store.Has(i.Digest, i.Size) }
		if img.Archive == nil || !slices.ContainsFunc(img.items(), lacks) {
			continue
		}
		if err := r.unpackAgain(ctx, img, archives[img.Name]); err != nil {
			problems = append(problems, fmt.Errorf("unpacking image %q: %w", img.Name, err))
		}
	}
	return errors.Join(problems...)
}

func (r *resolver) unpackAgain(ctx context.Context, locked Image, want plan.Image) error {
	if want.Archive == nil {
		return errors.New("the lock has it from an archive, and the spec has none for it: run `satchel lock`")
	}
	now, err := r.fromArchives(ctx, want)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(now, locked) {
		moved := Diff(&Lock{Images: []Image{locked}}, &Lock{Images: []Image{now}})
		return errors.New(strings.Join(append([]string{fmt.Sprintf("%q has other content than was locked; put back what it had, or run `satchel lock`", want.Archive.Path)}, moved...), "\n  "))
	}
	return nil
}
