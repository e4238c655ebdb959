package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/satchel-kit/satchel/internal/archive"
	"github.com/satchel-kit/satchel/internal/cache"
)

// Write packs the bundle into the file out, whose name says the format. watch,
// if not nil, is told the number of bytes that were added each time; together
// they are Size.
//
// An existing bundle stays untouched unless the new one is complete. Blobs that
// are damaged in the cache are removed from it.
func Write(ctx context.Context, out string, in Input, watch func(n int64)) error {
	items, err := assemble(in)
	if err == nil {
		err = explainSpace(write(ctx, out, items, in, watch), total(items), filepath.Dir(out))
	}
	if err != nil {
		return fmt.Errorf("writing bundle %q: %w", out, err)
	}
	return nil
}

func write(ctx context.Context, out string, items []item, in Input, watch func(n int64)) error {
	format, err := archive.FormatOf(out)
	if err != nil {
		return err
	}
	return replace(ctx, out, func(f *os.File) error {
		if err := preflight(in, items); err != nil {
			return err
		}
		p := &packer{cache: in.Cache, watch: watch, hasher: newHasher()}
		defer p.hasher.Close()
		entries := p.entries(items)
		if err := archive.Write(ctx, f, format, entries); err != nil {
			return err
		}
		if format == archive.Tar {
			return recheck(ctx, f.Name(), entries)
		}
		return nil
	})
}

// Size is the number of bytes that Write packs.
func Size(in Input) (int64, error) {
	items, err := assemble(in)
	return total(items), err
}

func total(items []item) int64 {
	var sum int64
	for i := range items {
		sum += items[i].Size
	}
	return sum
}

// assemble lists all entries of the bundle in order.
func assemble(in Input) ([]item, error) {
	items, images, err := contents(in)
	if err != nil {
		return nil, err
	}
	m := newManifest(in.Meta, in.Lock.Digest(), images, items)
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("making %s: %w", manifestName, err)
	}
	raw, err := m.encode()
	if err != nil {
		return nil, err
	}
	head := []item{atHand(manifestName, Plain, raw), atHand(sumsName, Plain, sums(m.Files, raw))}
	return append(head, items...), nil
}

// packer opens the items' contents for the archive, one at a time.
type packer struct {
	cache  *cache.Cache
	watch  func(n int64)
	hasher *hasher
}

func (p *packer) entries(items []item) []archive.Entry {
	entries := make([]archive.Entry, len(items))
	for i := range items {
		it := &items[i]
		entries[i] = archive.Entry{
			Path: it.Path,
			Mode: it.Mode.Perm(),
			Size: it.Size,
			Open: func() (io.ReadCloser, error) { return p.open(it) },
		}
	}
	return entries
}

func (p *packer) open(it *item) (io.ReadCloser, error) {
	switch {
	case it.data != nil:
		return &packing{it.reader(), p, it}, nil
	case it.source != "":
		f, err := os.Open(it.source)
		if err != nil {
			return nil, err
		}
		return &packing{f, p, it}, nil
	}
	f, err := p.cache.Get(it.digest())
	if err != nil {
		return nil, err
	}
	return &packing{f, p, it}, nil
}

// packing is a content that is hashed on its way into the archive. It ends with
// an error in place of io.EOF if it is not what the lock promised.
type packing struct {
	io.ReadCloser
	packer *packer
	item   *item
}

func (c *packing) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	if n > 0 && c.packer.watch != nil {
		c.packer.watch(int64(n))
	}
	if _, err := c.packer.hasher.Write(b[:n]); err != nil {
		return n, err
	}
	if errors.Is(err, io.EOF) && c.packer.hasher.finish() != c.item.SHA256 {
		return n, c.spoiled()
	}
	return n, err
}

func (c *packing) spoiled() error {
	if c.item.inCache() {
		return dropDamaged(c.packer.cache, c.item.digest(), c.item.use)
	}
	return fmt.Errorf("%s changed while it was packed: build again", c.item.use)
}

// recheck reads the finished archive's headers back, because nothing else can
// tell that the disk has them. Contents are jumped over.
func recheck(ctx context.Context, path string, want []archive.Entry) error {
	n := 0
	err := archive.Read(ctx, path, func(e archive.Entry) error {
		if n >= len(want) || e.Path != want[n].Path || e.Size != want[n].Size || e.Mode != want[n].Mode {
			return fmt.Errorf("reading the bundle back: entry %d is %q, which was not written", n, e.Path)
		}
		n++
		return nil
	})
	if err == nil && n < len(want) {
		err = fmt.Errorf("reading the bundle back: %d of %d entries are there", n, len(want))
	}
	return err
}
