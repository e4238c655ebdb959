package push

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/satchel-kit/satchel/internal/progress"
)

// Bundle is what became of a bundle that was pushed as a whole.
type Bundle struct {
	Stored
	Blobs Traffic `json:"blobs"`
}

// Bundle stores a whole bundle as an OCI artifact under the target's tag. What is
// there, such as the files that another version shares, is not sent again.
func (c *Client) Bundle(ctx context.Context, path string, to Target, jobs int, bars *progress.Bars) (*Bundle, error) {
	b, err := openBundle(ctx, path)
	if err != nil {
		return nil, err
	}
	defer b.index.Close()
	result, err := c.bundle(ctx, b, to, jobs, bars)
	if err != nil {
		return nil, fmt.Errorf("pushing %q to %s: %w", path, to, err)
	}
	return result, nil
}

func (c *Client) bundle(ctx context.Context, b *bundleSource, to Target, jobs int, bars *progress.Bars) (*Bundle, error) {
	small, big := split(b.entries)
	tree, err := b.tree(ctx, small)
	if err != nil {
		return nil, err
	}
	layer := descriptor(treeType, tree.digest, tree.size)
	layer.Annotations = map[string]string{titleKey: treeTitle}
	d, err := (&artifact{tree: layer, big: big, annotations: describeBundle(b.manifest)}).encode()
	if err != nil {
		return nil, err
	}
	p := &bundlePusher{session: c.pushing(to.Path), bars: bars}
	there, err := p.hasManifest(ctx, to.Tag, d.digest)
	if err != nil {
		return nil, err
	}
	p.skip = there
	if err := each(ctx, jobs, p.blobs(b, tree, big), func(b content) error { return p.blob(ctx, b) }); err != nil {
		return nil, err
	}
	if !there {
		if err := p.putManifest(ctx, to.Tag, d); err != nil {
			return nil, err
		}
	}
	m := b.manifest
	return &Bundle{Stored{Name: m.Name + " " + m.Version, Reference: to.String(), Digest: d.digest, Changed: !there}, p.tally.Traffic}, nil
}

type bundlePusher struct {
	*session
	bars  *progress.Bars
	tally tally
	// skip says that everything is there.
	skip bool
}

// blobs has all that the artifact consists of, each digest once and the largest
// first.
func (p *bundlePusher) blobs(b *bundleSource, tree content, big []placed) []content {
	config := content{
		digest: digestOf(emptyConfig), size: int64(len(emptyConfig)), use: "the artifact's config",
		open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(emptyConfig)), nil },
	}
	all := []content{config, tree}
	for _, e := range big {
		all = append(all, b.content(e.entry))
	}
	slices.SortStableFunc(all, func(x, y content) int { return cmp.Or(cmp.Compare(y.size, x.size), cmp.Compare(x.digest, y.digest)) })
	return slices.CompactFunc(all, func(x, y content) bool { return x.digest == y.digest })
}

func (p *bundlePusher) blob(ctx context.Context, c content) (err error) {
	there := p.skip
	if !there {
		if there, err = p.hasBlob(ctx, c.digest); err != nil {
			return fmt.Errorf("looking for %s: %w", c.use, err)
		}
	}
	if there {
		p.tally.add(&p.tally.Skipped, c.size)
		return nil
	}
	u := &upload{session: p.session, what: c, bars: p.bars}
	if err := u.run(ctx); err != nil {
		return fmt.Errorf("pushing %s: %w", c.use, err)
	}
	p.tally.add(&p.tally.Pushed, c.size)
	return nil
}
