package bundle

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/lock"
)

// maxImageManifest bounds the manifests and indexes that are kept in memory to
// look inside. Registries refuse larger ones.
const maxImageManifest = 4 << 20

// preflight finds what would spoil the bundle before the long copying begins.
func (d *Draft) preflight() error {
	if d.Arrivals == nil {
		if err := checkPresent(d.in.Cache, d.items); err != nil {
			return err
		}
	}
	for _, image := range d.in.Lock.Images {
		for _, m := range image.Manifests {
			if d.in.Base.hasBlob(m.Blob) {
				continue // it was looked at when the base was built
			}
			if err := checkLocked(d.in.Cache, m); err != nil {
				return fmt.Errorf("checking image %q for %s: %w", image.Name, m.Platform, err)
			}
		}
	}
	return nil
}

// namesShown is how many blobs an error names; the rest is a number.
const namesShown = 5

func checkPresent(c *cache.Cache, items []item) error {
	var missing []string
	for i := range items {
		if it := &items[i]; it.inCache() && !c.Has(it.digest(), it.Size) {
			missing = append(missing, it.digest()+" of "+it.use)
		}
	}
	if missing == nil {
		return nil
	}
	shown := strings.Join(missing[:min(namesShown, len(missing))], ", ")
	if more := len(missing) - namesShown; more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Errorf("looking for blobs: the cache lacks %s; fetch them first", shown)
}

// checkLocked compares a manifest with what the lock says that it lists. If the
// lock lists less, the layout would lack layers.
func checkLocked(c *cache.Cache, locked lock.Manifest) error {
	raw, err := smallBlob(c, locked.Blob)
	if err != nil {
		return err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("reading manifest %s: %w", locked.Digest, err)
	}
	want := []lock.Blob{locked.Config}
	want = append(want, locked.Layers...)
	var got []lock.Blob
	for _, desc := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		got = append(got, lock.Blob{MediaType: string(desc.MediaType), Digest: desc.Digest.String(), Size: desc.Size})
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("the lock lists another config or other layers than manifest %s: lock the image again", locked.Digest)
	}
	return nil
}

func smallBlob(c *cache.Cache, blob lock.Blob) ([]byte, error) {
	if blob.Size > maxImageManifest {
		return nil, fmt.Errorf("reading manifest %s: %d bytes are more than any registry accepts", blob.Digest, blob.Size)
	}
	f, err := c.Get(blob.Digest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxImageManifest+1))
	if err != nil {
		return nil, fmt.Errorf("reading manifest %s: %w", blob.Digest, err)
	}
	if "sha256:"+hexSum(raw) != blob.Digest {
		return nil, dropDamaged(c, blob.Digest, "a manifest")
	}
	return raw, nil
}

// dropDamaged takes a blob that decayed on disk out of the cache, so that the
// next run heals it.
func dropDamaged(c *cache.Cache, digest, use string) error {
	if err := c.Drop(digest); err != nil {
		return fmt.Errorf("blob %s of %s is damaged in the cache, and removing it failed: %w", digest, use, err)
	}
	return fmt.Errorf("blob %s of %s was %w and is removed now: run again to fetch it anew", digest, use, cache.ErrDamaged)
}
