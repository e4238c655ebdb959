package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/satchel-kit/satchel/internal/archive"
	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/progress"
)

// rebuilt is the archive that an artifact's parts make.
type rebuilt struct {
	manifest *bundle.Manifest
	tree     *archive.Index
	store    *cache.Cache
	// entries are in the order of the archive.
	entries []entry
	// cached has the paths of the files that are in the cache by themselves.
	cached map[string]bool
}

// rebuild puts the parts in order and makes sure that they are what the bundle.json
// among them lists. Their contents are checked when they are packed.
func (p *puller) rebuild(ctx context.Context, a *artifact) (*rebuilt, error) {
	path, err := p.checkTree(a.tree.Digest.String(), a.tree.Size)
	if err != nil {
		return nil, err
	}
	r := &rebuilt{store: p.store, cached: map[string]bool{}}
	if r.tree, err = archive.OpenIndex(ctx, path); err != nil {
		return nil, err
	}
	var small []archive.Entry
	err = archive.Read(ctx, path, func(e archive.Entry) error { small = append(small, e); return nil })
	if err == nil {
		err = r.order(a, small)
	}
	if err != nil {
		r.tree.Close()
		return nil, fmt.Errorf("the artifact is no bundle that satchel pushed: %w", err)
	}
	return r, nil
}

// checkTree hashes the tar of the small files, which may lie in the cache for long,
// and tells where it is.
func (p *puller) checkTree(digest string, size int64) (string, error) {
	f, err := p.store.Get(digest)
	if err != nil {
		return "", err
	}
	defer f.Close()
	c := content{digest: digest, size: size, use: "the small files of the bundle", open: func() (io.ReadCloser, error) { return f, nil }}
	r, err := c.read(nil)
	if err != nil {
		return "", err
	}
	if _, err = io.Copy(io.Discard, r); errors.Is(err, errDamaged) {
		return "", dropDamaged(p.store, digest, c.use)
	}
	return f.Name(), err
}

// dropDamaged takes a blob that decayed on disk out of the cache, so that the next
// run heals it.
func dropDamaged(store *cache.Cache, digest, use string) error {
	if err := store.Drop(digest); err != nil {
		return fmt.Errorf("%s (%s) is damaged in the cache, and removing it failed: %w", use, digest, err)
	}
	return fmt.Errorf("%s (%s) was %w and is removed now: run again to fetch it anew", use, digest, cache.ErrDamaged)
}

func (r *rebuilt) order(a *artifact, small []archive.Entry) error {
	listed, err := r.listed()
	if err != nil {
		return err
	}
	r.entries = make([]entry, len(small)+len(a.big))
	for _, b := range a.big {
		if b.position >= len(r.entries) || r.entries[b.position].Path != "" {
			return fmt.Errorf("%q has the place %d in the archive, which is no free one", b.Path, b.position)
		}
		e, found := listed[b.Path]
		if !found || e.data != nil || e.SHA256 != b.SHA256 || e.Size != b.Size {
			return fmt.Errorf("%q is not in %s, or not with these bytes", b.Path, manifestName)
		}
		r.entries[b.position] = e
		r.cached[b.Path] = true
		delete(listed, b.Path)
	}
	at := 0
	for _, s := range small {
		for r.entries[at].Path != "" {
			at++
		}
		e, found := listed[s.Path]
		if !found || e.Size != s.Size || e.Mode.Perm() != s.Mode {
			return fmt.Errorf("%q is not in %s, or not with this size and mode", s.Path, manifestName)
		}
		r.entries[at] = e
		delete(listed, s.Path)
	}
	for path := range listed {
		return fmt.Errorf("%d files are missing, such as %q", len(listed), path)
	}
	return nil
}

// listed has all files that the archive needs, by path.
func (r *rebuilt) listed() (map[string]entry, error) {
	raw, err := r.small(manifestName, maxListing)
	if err != nil {
		return nil, err
	}
	r.manifest = &bundle.Manifest{}
	if err := json.Unmarshal(raw, r.manifest); err != nil {
		return nil, fmt.Errorf("reading %s: %w", manifestName, err)
	}
	all := map[string]entry{}
	for _, file := range r.manifest.Files {
		all[file.Path] = entry{File: file}
	}
	all[manifestName] = atHand(manifestName, raw)
	all[sumsName] = atHand(sumsName, sums(r.manifest.Files, raw))
	signature, err := r.small(signatureName, maxSignature)
	if err == nil {
		all[signatureName] = atHand(signatureName, signature)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return all, nil
}

// small reads a file of the tree.
func (r *rebuilt) small(path string, limit int64) ([]byte, error) {
	f, size, err := r.tree.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > limit {
		return nil, fmt.Errorf("%s has %d bytes, more than any", path, size)
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

func (r *rebuilt) size() int64 {
	var sum int64
	for _, e := range r.entries {
		sum += e.Size
	}
	return sum
}

// write packs the archive as build does. It gets its name when it is whole, on
// disk, and a bundle in the eyes of those that read bundles.
func (r *rebuilt) write(ctx context.Context, out string, format archive.Format, bars *progress.Bars) (err error) {
	bar := bars.Start("packing "+out, r.size())
	defer func() { bar.Done(err) }()
	entries := make([]archive.Entry, len(r.entries))
	for i, e := range r.entries {
		entries[i] = archive.Entry{Path: e.Path, Mode: e.Mode.Perm(), Size: e.Size, Open: func() (io.ReadCloser, error) { return r.open(e, bar) }}
	}
	return replace(ctx, out, r.size(), func(f *os.File) error {
		if err := archive.Write(ctx, f, format, entries); err != nil {
			return err
		}
		return readBack(ctx, f.Name(), format)
	})
}

// readBack makes sure that the disk has a bundle; of one that is not compressed, all
// headers.
func readBack(ctx context.Context, path string, format archive.Format) error {
	if format != archive.Tar {
		_, err := bundle.Inspect(ctx, path)
		return err
	}
	b, err := bundle.OpenReader(ctx, path)
	if err != nil {
		return err
	}
	return b.Close()
}

func (r *rebuilt) open(e entry, bar *progress.Bar) (io.ReadCloser, error) {
	c := content{digest: "sha256:" + e.SHA256, size: e.Size, use: fmt.Sprintf("%q", e.Path)}
	c.open = func() (io.ReadCloser, error) {
		if r.cached[e.Path] {
			return r.store.Get(c.digest)
		}
		f, _, err := r.tree.Open(e.Path)
		return f, err
	}
	body, err := c.read(bar.Add)
	if err != nil || !r.cached[e.Path] {
		return body, err
	}
	return &fromCache{body, r.store}, nil
}

// fromCache is a content whose damage is the cache's.
type fromCache struct {
	*reading
	store *cache.Cache
}

func (c *fromCache) Read(p []byte) (int, error) {
	n, err := c.reading.Read(p)
	if errors.Is(err, errDamaged) {
		err = dropDamaged(c.store, c.of.digest, c.of.use)
	}
	return n, err
}
