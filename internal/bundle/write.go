package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/satchel-kit/satchel/internal/archive"
	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/disk"
)

// Output is where a bundle goes.
type Output struct {
	// Path is the bundle's file; its name says the format.
	Path string
	// Part is the size of the parts that the bundle is split into, Path.001 and so
	// on; 0 leaves it whole.
	Part int64
}

// Write packs the bundle into the file out, whose name says the format. watch,
// if not nil, is told the number of bytes that were added each time; together
// they are Size.
//
// An existing bundle stays untouched unless the new one is complete. Blobs that
// are damaged in the cache are removed from it.
func Write(ctx context.Context, out string, in Input, watch func(n int64)) error {
	d, err := Prepare(in)
	if err != nil {
		return fmt.Errorf("writing bundle %q: %w", out, err)
	}
	return d.Write(ctx, Output{Path: out}, watch)
}

// Write packs the bundle, as the function of that name does.
func (d *Draft) Write(ctx context.Context, out Output, watch func(n int64)) error {
	err := explainSpace(d.write(ctx, out, watch), d.Size(), filepath.Dir(out.Path))
	if err != nil {
		return fmt.Errorf("writing bundle %q: %w", out.Path, err)
	}
	return nil
}

func (d *Draft) write(ctx context.Context, out Output, watch func(n int64)) error {
	format, err := archive.FormatOf(out.Path)
	if err != nil {
		return err
	}
	entries := d.newPacker(ctx, watch).entries(d.items)
	var written []made
	if out.Part > 0 {
		written, err = d.writeParts(ctx, out, format, entries)
	} else {
		written, err = d.writeFile(ctx, out, format, entries)
	}
	if err != nil {
		return err
	}
	d.remember(out, written)
	return nil
}

func (d *Draft) writeFile(ctx context.Context, out Output, format archive.Format, entries []archive.Entry) ([]made, error) {
	m, err := replace(ctx, out.Path, func(f *os.File) error {
		if err := d.preflight(); err != nil {
			return err
		}
		if err := archive.WriteFile(ctx, f, format, entries, d.begin); err != nil {
			d.stop() // before f is closed
			return err
		}
		if format == archive.Tar {
			return recheck(ctx, f.Name(), entries)
		}
		return nil
	})
	return []made{m}, err
}

func (d *Draft) writeParts(ctx context.Context, out Output, format archive.Format, entries []archive.Entry) ([]made, error) {
	if format == archive.Tar {
		total, err := archive.TarSize(entries)
		if err == nil {
			err = archive.CheckPartCount(total, out.Part)
		}
		if err != nil {
			return nil, err
		}
	}
	return replaceParts(ctx, out, func(w io.Writer) error {
		if err := d.preflight(); err != nil {
			return err
		}
		d.begin(nil)
		return archive.Write(ctx, w, format, entries)
	})
}

// begin has what is on its way come, and each blob written to its place, if it has one.
func (d *Draft) begin(place func(entry int) *disk.Writer) {
	if d.Arrivals == nil {
		return
	}
	at := map[string]int{}
	if place != nil {
		at = onePlace(d.items)
	}
	d.Arrivals.Begin(func(digest string) *disk.Writer {
		i, ok := at[digest]
		if !ok {
			return nil
		}
		return place(i)
	})
}

func (d *Draft) stop() {
	if d.Arrivals != nil {
		d.Arrivals.Stop()
	}
}

// onePlace tells which item a blob is, for blobs that are one. What is several is copied
// from the cache.
func onePlace(items []item) map[string]int {
	is, times := map[string]int{}, map[string]int{}
	for i := range items {
		if it := &items[i]; it.inCache() {
			is[it.digest()] = i
			times[it.digest()]++
		}
	}
	maps.DeleteFunc(is, func(digest string, _ int) bool { return times[digest] > 1 })
	return is
}

// packer opens the items' contents for the archive, several at a time.
type packer struct {
	cache *cache.Cache
	await func(digest string) (hashed, placed bool, err error)
	mu    sync.Mutex // one call of watch at a time
	watch func(n int64)
}

func (d *Draft) newPacker(ctx context.Context, watch func(n int64)) *packer {
	p := &packer{cache: d.in.Cache, watch: watch}
	if watch == nil {
		p.watch = func(int64) {}
	}
	p.await = func(digest string) (bool, bool, error) {
		if d.Arrivals == nil {
			return false, false, nil
		}
		return d.Arrivals.Await(ctx, digest)
	}
	return p
}

func (p *packer) tell(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch(n)
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
	for _, i := range onePlace(items) {
		entries[i].There = func() (bool, error) { return p.there(&items[i]) }
	}
	return entries
}

// there waits for what is on its way.
func (p *packer) there(it *item) (bool, error) {
	_, placed, err := p.await(it.digest())
	if placed {
		p.tell(it.Size)
	}
	return placed, err
}

func (p *packer) open(it *item) (io.ReadCloser, error) {
	c := &packing{packer: p, item: it}
	var hashed bool
	var err error
	switch {
	case it.data != nil:
		c.from = it.reader()
	case it.source != "":
		c.from, err = os.Open(it.source)
	default:
		if hashed, _, err = p.await(it.digest()); err == nil {
			c.from, err = p.cache.Get(it.digest())
		}
	}
	if err != nil {
		return nil, err
	}
	if !hashed {
		c.sum = sha256.New()
	}
	return c, nil
}

// packing is a content that is hashed on its way into the archive. It ends with
// an error in place of io.EOF if it is not what the lock promised.
type packing struct {
	from   io.ReadCloser
	packer *packer
	item   *item
	sum    hash.Hash // nil for what was hashed a moment ago
}

// Close gives back the memory of what came from upstream a moment ago: nobody reads it
// once more.
func (c *packing) Close() error {
	if f, ok := c.from.(*os.File); ok && c.sum == nil {
		disk.Forget(f, 0, 0)
	}
	return c.from.Close()
}

func (c *packing) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	if n > 0 {
		c.packer.tell(int64(n))
	}
	if c.sum == nil {
		return n, err
	}
	c.sum.Write(b[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(c.sum.Sum(nil)) != c.item.SHA256 {
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
