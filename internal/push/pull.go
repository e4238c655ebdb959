package push

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/satchel-kit/satchel/internal/archive"
	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/progress"
)

// Pulled is a bundle that came from a registry.
type Pulled struct {
	Bundle  string `json:"bundle"`
	Name    string `json:"name"`
	Version string `json:"version"`
	// Reference is what was asked for, and Digest what it stands for.
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	// Fetched came from the registry, Cached was there.
	Fetched Count `json:"fetched"`
	Cached  Count `json:"cached"`
}

// Pull gets a bundle that Bundle has stored and writes it to the file out, whose
// name says the format: as .tar the same bytes that build wrote. The parts come
// through the cache, so a pull that broke off goes on when it is repeated, and of
// a new version only what is new in it comes.
func (c *Client) Pull(ctx context.Context, from Target, out string, store *cache.Cache, jobs int, bars *progress.Bars) (*Pulled, error) {
	p := &puller{session: c.pulling(from.Path), store: store, bars: bars, out: out}
	result, err := p.run(ctx, cmp.Or(from.Digest, from.Tag), jobs)
	if err != nil {
		return nil, fmt.Errorf("pulling %s: %w", from, err)
	}
	result.Reference = from.String()
	return result, nil
}

type puller struct {
	*session
	store *cache.Cache
	bars  *progress.Bars
	out   string

	fetched, cached Count
	tally           tally
}

func (p *puller) run(ctx context.Context, ref string, jobs int) (*Pulled, error) {
	format, err := archive.FormatOf(p.out)
	if err != nil {
		return nil, err
	}
	d, err := p.getManifest(ctx, ref)
	if err != nil {
		return nil, err
	}
	a, err := decodeArtifact(d.data)
	if err != nil {
		return nil, err
	}
	if err := each(ctx, jobs, parts(a), func(c content) error { return p.part(ctx, c) }); err != nil {
		return nil, err
	}
	r, err := p.rebuild(ctx, a)
	if err != nil {
		return nil, err
	}
	defer r.tree.Close()
	if err := r.write(ctx, p.out, format, p.bars); err != nil {
		return nil, fmt.Errorf("writing bundle %q: %w", p.out, err)
	}
	return &Pulled{
		Bundle: p.out, Name: r.manifest.Name, Version: r.manifest.Version, Digest: d.digest, Size: r.size(),
		Fetched: p.fetched, Cached: p.cached,
	}, nil
}

// parts has all layers of an artifact, each digest once and the largest first.
func parts(a *artifact) []content {
	all := []content{{digest: a.tree.Digest.String(), size: a.tree.Size, use: "the small files of the bundle"}}
	for _, b := range a.big {
		all = append(all, content{digest: "sha256:" + b.SHA256, size: b.Size, use: fmt.Sprintf("%q", b.Path)})
	}
	slices.SortStableFunc(all, func(x, y content) int { return cmp.Or(cmp.Compare(y.size, x.size), cmp.Compare(x.digest, y.digest)) })
	return slices.CompactFunc(all, func(x, y content) bool { return x.digest == y.digest })
}

func (p *puller) part(ctx context.Context, c content) (err error) {
	if p.store.Has(c.digest, c.size) {
		p.tally.add(&p.cached, c.size)
		return nil
	}
	bar := p.bars.Start(c.title(), c.size)
	defer func() { bar.Done(err) }()
	d := &download{session: p.session, store: p.store, what: c, watch: bar.Add}
	switch err := d.run(ctx); {
	case errors.Is(err, cache.ErrMismatch):
		return fmt.Errorf("fetching %s: %w; the registry, or a proxy before it, has other bytes than the manifest lists", c.use, err)
	case err != nil:
		return fmt.Errorf("fetching %s: %w", c.use, err)
	}
	p.tally.add(&p.fetched, c.size)
	return nil
}
