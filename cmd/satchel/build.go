package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/archive"
	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/fetch"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/progress"
)

type buildOptions struct {
	supply
	format  format
	out     string
	offline bool
}

func newBuildCmd() *cobra.Command {
	var o buildOptions
	cmd := &cobra.Command{
		Use:   "build [SPEC] -o FILE",
		Short: "Fetch what is missing and pack the bundle",
		Long: `Fetch what the lock names and the cache lacks, check every byte against the lock, and
pack the bundle. FILE ends in .tar, .tar.gz or .tar.zst. Two builds of one spec and lock
give the same bytes. An interrupted build leaves no FILE, and the next one goes on where
it was.`,
		Example: `  satchel build bundles/course-ha -o course-ha.tar
  satchel build -o site.tar.zst --offline`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.out == "" {
				return usagef("build needs -o FILE, the bundle to write")
			}
			if _, err := archive.FormatOf(o.out); err != nil {
				return usageError{err}
			}
			if err := o.format.check(); err != nil {
				return err
			}
			return runBuild(cmd, specArg(args), o)
		},
	}
	o.addFlags(cmd)
	addFormat(cmd, &o.format)
	cmd.Flags().StringVarP(&o.out, "output", "o", "", "the bundle's file: .tar, .tar.gz or .tar.zst")
	cmd.Flags().BoolVar(&o.offline, "offline", false, "use the cache alone, no network")
	cmd.MarkFlagFilename("output", "tar", "tar.gz", "tar.zst")
	return cmd
}

func runBuild(cmd *cobra.Command, path string, o buildOptions) error {
	c, err := compile(path)
	if err != nil {
		return err
	}
	p := c.plan
	l, err := o.readLock(path)
	if err != nil {
		return err
	}
	if err := l.Covers(p.Images, p.Files); err != nil {
		return err
	}
	store, err := o.openCache()
	if err != nil {
		return err
	}
	b := bars(cmd)
	defer b.Wait()
	own, err := programs(p.Programs, b)
	if err != nil {
		return err
	}
	if err := bring(cmd, p, l, store, o, b); err != nil {
		return err
	}
	in := bundle.Input{Meta: meta(p), Tree: c.tree, Lock: l, Cache: store, Programs: own}
	if err := pack(cmd, o.out, in, b); err != nil {
		return err
	}
	b.Wait()
	size, err := bundle.Size(in)
	if err != nil {
		return err
	}
	if o.format == "json" {
		return printJSON(cmd.OutOrStdout(), map[string]any{
			"bundle": o.out, "name": p.Cluster.Name, "version": p.Cluster.Version,
			"hosts": len(p.Hosts), "images": len(l.Images), "files": len(l.Files), "size": size,
		})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s %s, %d hosts, %d images, %d files, %s\n", o.out,
		p.Cluster.Name, p.Cluster.Version, len(p.Hosts), len(l.Images), len(l.Files), progress.Bytes(size))
	return nil
}

// bring has everything that the lock names in the cache.
func bring(cmd *cobra.Command, p *plan.Plan, l *lock.Lock, store *cache.Cache, o buildOptions, b *progress.Bars) error {
	if o.offline {
		if err := present(l, store); err != nil {
			return err
		}
		return lock.Make(store, l, p.Images)
	}
	client, err := o.client(p, b)
	if err != nil {
		return err
	}
	if err := fetch.Fetch(cmd.Context(), client, store, l, b); err != nil {
		return err
	}
	return lock.Make(store, l, p.Images)
}

// present checks that the cache has everything that upstream would be asked for.
func present(l *lock.Lock, store *cache.Cache) error {
	missing := fetch.Missing(store, l)
	if len(missing) == 0 {
		return nil
	}
	var names []string
	for _, m := range missing {
		names = append(names, "  "+m.Digest+" of "+m.Image+m.URL)
	}
	return fmt.Errorf("the cache lacks %d of what the lock names; build without --offline once:\n%s", len(missing), strings.Join(names, "\n"))
}

func pack(cmd *cobra.Command, out string, in bundle.Input, b *progress.Bars) error {
	size, err := bundle.Size(in)
	if err != nil {
		return err
	}
	bar := b.Start("packing "+out, size)
	err = bundle.Write(cmd.Context(), out, in, bar.Add)
	bar.Done(err)
	return err
}

func meta(p *plan.Plan) bundle.Meta {
	m := bundle.Meta{Name: p.Cluster.Name, Version: p.Cluster.Version, Spec: p.SpecDigest, Satchel: ownVersion()}
	for _, h := range p.Hosts {
		m.Hosts = append(m.Hosts, bundle.Host{Name: h.Name, Address: h.Address, Roles: h.Roles})
	}
	return m
}
