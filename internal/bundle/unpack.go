package bundle

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// Unpack writes a bundle's files to the directory dir, which must not exist or
// be empty. Each file is checked on the way; dir, or each file in one that was there,
// gets its name when all are there. With a host, the folders of the other hosts are
// left out.
func Unpack(ctx context.Context, bundle, dir, host string) error {
	return Merge(ctx, []string{bundle}, dir, host)
}

// Merge is Unpack for the bundle that deltas lead to: bundles begins with a bundle, and
// each of the others is a delta of what is before it. What is unpacked is the same as if
// that bundle had been unpacked.
func Merge(ctx context.Context, bundles []string, dir, host string) error {
	return MergePart(ctx, bundles, dir, Part{Host: host})
}

// MergePart is Merge for a part of the bundle. Of a kit it is one seat's own bundle, as
// if that had been built alone.
func MergePart(ctx context.Context, bundles []string, dir string, part Part) error {
	c, err := openChain(ctx, bundles)
	if err != nil {
		return err
	}
	last := c.last()
	var t *target
	if err = c.check(); err == nil {
		t, err = last.target(part)
	}
	if err != nil {
		return fmt.Errorf("unpacking %q: %w", last.path, err)
	}
	d, err := destinationAt(dir)
	if err == nil {
		err = explainSpace(d.take(func(temp string) error { return fillDir(ctx, c, temp, t) }), summarize(last.whole).Total, d.disk())
	}
	if err != nil {
		return fmt.Errorf("unpacking %q to %q: %w", last.path, dir, err)
	}
	return nil
}

func checkHost(hosts []Host, host string) error {
	var all []string
	for _, h := range hosts {
		if h.Name == host {
			return nil
		}
		all = append(all, h.Name)
	}
	if host == "" {
		return nil
	}
	return fmt.Errorf("there is no host %q in it; the hosts are %s", host, strings.Join(all, ", "))
}

func fillDir(ctx context.Context, c chain, dir string, t *target) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := newUnpacker(c, root, t)
	for number, s := range c {
		if err := u.read(ctx, number); err != nil {
			return whichPart(ctx, s.path, err)
		}
	}
	if err := u.finishDirs(); err != nil {
		return err
	}
	return ctx.Err()
}
