package bundle

import (
	"context"
	"fmt"
	"slices"

	"github.com/satchel-kit/satchel/internal/disk"
)

// Draft is a bundle that is ready to be packed: all that is in it is known, and nothing
// is copied yet.
type Draft struct {
	in Input
	// items are what is packed, in the order of the archive.
	items []item
	// whole is the manifest of the bundle, also if what is packed is a delta.
	whole *Manifest
	left  Amount

	// Arrivals, if not nil, are blobs that are still on their way.
	Arrivals Arrivals
}

// Arrivals are blobs that come while the bundle is packed.
type Arrivals interface {
	// Begin is called once, when there is something that they may be written to.
	// place says where else than to the cache a blob goes, or nil.
	Begin(place func(digest string) *disk.Writer)
	// Await returns once the blob is there. It tells whether this process has just
	// hashed it on its way in, so that it need not be hashed again, and whether it is
	// in its place.
	Await(ctx context.Context, digest string) (hashed, placed bool, err error)
	// Stop ends the writing, and returns when nothing is written any more.
	Stop()
}

// Amount is a number of files and what they take together.
type Amount struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

func (a *Amount) add(size int64) {
	a.Files++
	a.Bytes += size
}

// Prepare finds out what the bundle consists of.
func Prepare(in Input) (*Draft, error) {
	items, images, err := contents(in)
	if err == nil {
		items, err = in.describe(items)
	}
	if err != nil {
		return nil, err
	}
	d := &Draft{in: in, whole: newManifest(in.Meta, in.Lock.Digest(), images, items)}
	if err := d.whole.check(); err != nil {
		return nil, fmt.Errorf("making %s: %w", manifestName, err)
	}
	raw, err := d.whole.encode()
	if err != nil {
		return nil, err
	}
	// The list of a delta is that of the bundle that it leads to: so is what vouches
	// for it.
	list := atHand(sumsName, Plain, sums(d.whole.Files, raw))
	if in.Base != nil {
		if raw, items, err = d.leave(items); err != nil {
			return nil, err
		}
	}
	signature, err := in.vouch(list)
	if err != nil {
		return nil, err
	}
	d.items = slices.Concat([]item{atHand(manifestName, Plain, raw), list}, signature, items)
	return d, nil
}

// leave leaves to the base what it has. It returns the delta's bundle.json and what is
// still to be packed.
func (d *Draft) leave(items []item) (raw []byte, packed []item, err error) {
	delta := *d.whole
	since := d.in.Base.since
	delta.Since, delta.Files = &since, nil
	packed = d.in.Base.mark(items)
	all := make(map[string]File, len(items))
	for _, it := range items {
		if all[it.Path] = it.File; it.Base {
			d.left.add(it.Size)
		}
	}
	for _, file := range d.whole.Files {
		delta.Files = append(delta.Files, all[file.Path])
	}
	if err := delta.check(); err != nil {
		return nil, nil, fmt.Errorf("making %s: %w", manifestName, err)
	}
	raw, err = delta.encode()
	return raw, packed, err
}

// Size is the number of bytes that are packed.
func (d *Draft) Size() int64 {
	var sum int64
	for i := range d.items {
		sum += d.items[i].Size
	}
	return sum
}

// Left is what a delta leaves to its base.
func (d *Draft) Left() Amount { return d.left }

// Size is the number of bytes that Write packs.
func Size(in Input) (int64, error) {
	d, err := Prepare(in)
	if err != nil {
		return 0, err
	}
	return d.Size(), nil
}

// assemble lists all entries of the bundle in order.
func assemble(in Input) ([]item, error) {
	d, err := Prepare(in)
	if err != nil {
		return nil, err
	}
	return d.items, nil
}
