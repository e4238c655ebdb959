package main

import (
	"context"
	"errors"
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
	"github.com/satchel-kit/satchel/internal/upstream"
)

type buildOptions struct {
	supply
	keyFlags
	format  format
	out     string
	offline bool
	noCache bool
	since   string
	split   string
	force   bool
}

func newBuildCmd() *cobra.Command {
	var o buildOptions
	cmd := &cobra.Command{
		Use:   "build [SPEC] -o FILE [--since OLD] [--split SIZE] [--sign KEY]",
		Short: "Fetch what is missing and pack the bundle",
		Long: `Fetch what the lock names and the cache lacks, check every byte against the lock, and
pack the bundle. FILE ends in .tar, .tar.gz or .tar.zst. Two builds of one spec and lock
give the same bytes. An interrupted build leaves no FILE, and the next one goes on where
it was. When FILE is what this would make, and nothing has written to it since, nothing
is packed; --force packs all the same.

With --since FILE is a delta: it has all texts, and of the images, files and programs
only what OLD lacks, by content. OLD is what the receiver has: a bundle, an unpacked one,
a delta (what it leads to), a bundle.json or a satchel.lock. satchel unpack OLD FILE
makes the same tree of both as the whole bundle would. FILE cannot take OLD's place.

With --split it is FILE.001, FILE.002 and so on, each of SIZE (650M and 4.7G are decimal,
4GiB is binary), and FILE.sha256, which sha256sum -c checks. All commands read the parts
when they get FILE or FILE.001.

With --no-cache what the cache lacks goes straight into FILE, and nothing of it into the
cache: half the room on the disk and half the writing. What a build has brought that
breaks off is lost then, and the next build fetches it again.

With --sign the bundle is signed with an SSH key, as satchel sign does it later. Without,
a FILE that is there and signed keeps its signature if that is of the same content, and
otherwise loses it, which a note says; for one without remove FILE first. In the
bundle are a list of all that is in it, sbom/spdx.json and sbom/cyclonedx.json, and
provenance.json, which says what it was made from and by which satchel.`,
		Example: `  satchel build bundles/course-ha -o course-ha.tar
  satchel build -o site.tar.zst --offline
  satchel build bundles/course-ha -o /media/stick/course-ha.tar --no-cache
  satchel build bundles/course-ha -o update.tar --since course-ha.tar
  satchel build bundles/course-ha -o course-ha.tar --split 4.7G
  satchel build bundles/course-ha -o course-ha.tar --sign ~/.ssh/id_ed25519`,
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
			part, err := o.partSize()
			if err != nil {
				return err
			}
			if format, _ := archive.FormatOf(o.out); o.noCache && (format != archive.Tar || part > 0) {
				return usagef("--no-cache needs an output in one plain .tar, where everything has its place from the start")
			}
			out := bundle.Output{Path: o.out, Part: part}
			if err := out.Spares(o.since); err != nil {
				return usageError{err}
			}
			return runBuild(cmd, specArg(args), o, out)
		},
	}
	o.addFlags(cmd)
	o.keyFlags.add(cmd, "sign", "sign with this SSH key: a private key, or the public key of one in the agent")
	addFormat(cmd, &o.format)
	cmd.Flags().StringVarP(&o.out, "output", "o", "", "the bundle's file: .tar, .tar.gz or .tar.zst")
	cmd.Flags().BoolVar(&o.offline, "offline", false, "use the cache alone, no network")
	cmd.Flags().BoolVar(&o.noCache, "no-cache", false, "write what the cache lacks straight into the output, and not into the cache")
	cmd.Flags().StringVar(&o.since, "since", "", "a bundle, bundle.json or satchel.lock: pack only what that lacks")
	cmd.Flags().StringVar(&o.split, "split", "", "split the bundle into parts of this size, such as 650M, 4.7G or 4GiB")
	cmd.Flags().BoolVar(&o.force, "force", false, "pack also when the output is known to be what this would make")
	cmd.MarkFlagFilename("output", "tar", "tar.gz", "tar.zst")
	cmd.MarkFlagFilename("since")
	return cmd
}

// partSize is the size of the parts, or 0.
func (o *buildOptions) partSize() (int64, error) {
	if o.split == "" {
		return 0, nil
	}
	size, err := parseSize(o.split)
	if err != nil {
		return 0, usagef("--split: %v", err)
	}
	if size < archive.MinPart {
		return 0, usagef("--split: parts have at least %d bytes, not %d", archive.MinPart, size)
	}
	return size, nil
}

// base is what the receiver has, or nil.
func (o *buildOptions) base(cmd *cobra.Command) (*bundle.Base, error) {
	if o.since == "" {
		return nil, nil
	}
	return bundle.OpenBase(cmd.Context(), o.since)
}

func runBuild(cmd *cobra.Command, path string, o buildOptions, out bundle.Output) error {
	base, err := o.base(cmd)
	if err != nil {
		return err
	}
	c, err := compile(path)
	if err != nil {
		return err
	}
	p := c.plan
	l, err := o.readLock(path)
	if err != nil {
		return err
	}
	if err := l.Covers(p.Supply); err != nil {
		return err
	}
	store, err := o.openCache()
	if err != nil {
		return err
	}
	key, err := o.openIfNamed(cmd.Context())
	if err != nil {
		return err
	}
	defer key.Close()
	b := bars(cmd)
	defer b.Wait()
	own, err := programs(p.Programs, b)
	if err != nil {
		return err
	}
	in := bundle.Input{Meta: meta(p), Tree: c.tree, Lock: l, Cache: store, Programs: own, Base: base}
	if key != nil {
		in.Sign = key.Sign
	}
	a := assembly{o: o, plan: p, in: in, out: out, bars: b}
	if err := a.run(cmd); err != nil {
		return err
	}
	b.Wait()
	if err := a.print(cmd, l); err != nil {
		return err
	}
	return tidy(cmd, store)
}

// assembly brings what a bundle is made of, and packs it.
type assembly struct {
	o    buildOptions
	plan *plan.Plan
	in   bundle.Input
	out  bundle.Output
	bars *progress.Bars

	draft   *bundle.Draft
	former  *bundle.Former
	current bool // nothing had to be packed
}

// run heals a cache whose disk has lost bytes: packing hashes everything, and what is
// damaged comes from upstream once more.
func (a *assembly) run(cmd *cobra.Command) error {
	err := a.once(cmd)
	if !errors.Is(err, cache.ErrDamaged) || a.o.offline {
		return err
	}
	a.bars.Note("%v; looking for more damage, then fetching it now", err)
	if _, err := dropDamaged(cmd.Context(), a.in.Cache, a.bars); err != nil {
		return err
	}
	return a.once(cmd)
}

// once brings what says what the bundle consists of, and then packs everything else
// while it comes.
func (a *assembly) once(cmd *cobra.Command) error {
	ctx, store := cmd.Context(), a.in.Cache
	missing := fetch.Missing(store, a.in.Base.Lacking(a.in.Lock))
	client, err := a.client(missing)
	if err != nil {
		return err
	}
	descriptions, contents := fetch.Split(missing)
	if err := fetch.Fetch(ctx, client, store, descriptions, a.o.jobs, a.bars); err != nil {
		return err
	}
	lacking := a.in.Base.Lacking(a.in.Lock)
	if err := lock.Make(store, lacking, a.plan.Images); err != nil {
		return err
	}
	if err := lock.Unpack(ctx, store, lacking, a.plan.Images, a.bars); err != nil {
		return err
	}
	if err := lock.CheckSignatures(ctx, store, lacking, a.plan.Supply.Packages); err != nil {
		return err
	}
	draft, err := prepare(a.in)
	if err != nil {
		return fmt.Errorf("preparing bundle %q: %w", a.out.Path, err)
	}
	a.former = draft.KeepSignature(ctx, a.out)
	a.draft, a.current = draft, !a.o.force && draft.Current(ctx, a.out)
	if a.current {
		return nil
	}
	delivery := fetch.New(ctx, client, store, contents, a.o.jobs, a.bars)
	defer delivery.Stop()
	if a.o.noCache {
		delivery.OnlyPlaced()
	}
	draft.Arrivals = delivery
	packed := pack(ctx, draft, a.out, a.bars)
	if packed != nil {
		delivery.Stop() // unless it is the delivery that failed, and ended by itself
	}
	if err := delivery.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return packed
}

// client is who to ask for what is missing; offline there is nobody.
func (a *assembly) client(missing []lock.Item) (*upstream.Client, error) {
	if !a.o.offline {
		return a.o.client(a.plan, a.bars)
	}
	return nil, absent(missing)
}

// print tells what the output is.
func (a *assembly) print(cmd *cobra.Command, l *lock.Lock) error {
	o, p, base := a.o, a.plan, a.in.Base
	printFormer(cmd, o.out, a.former)
	if o.format == "json" {
		built := map[string]any{
			"bundle": o.out, "name": p.Cluster.Name, "version": p.Cluster.Version,
			"hosts": hostsIn(p), "images": len(l.Images), "files": len(l.Files), "packages": l.CountPackages(), "size": a.draft.Size(), "current": a.current,
			"signature": a.signature(),
		}
		if base != nil {
			built["since"], built["left"] = base.Since(), a.draft.Left()
		}
		return printJSON(cmd.OutOrStdout(), built)
	}
	if a.current {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s is what this would make, and nothing has written to it since; --force packs all the same\n", o.out)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s %s, %d hosts, %s, %s\n", o.out,
		p.Cluster.Name, p.Cluster.Version, hostsIn(p), amounts(len(l.Images), len(l.Files), l.CountPackages()), progress.Bytes(a.draft.Size()))
	if base != nil {
		left, since := a.draft.Left(), base.Since()
		fmt.Fprintf(cmd.OutOrStdout(), "a delta of %s, which has %d of its files, %s\n", &since, left.Files, progress.Bytes(left.Bytes))
	}
	return nil
}

// signature is where the signature of the output is from, for programs.
func (a *assembly) signature() string {
	switch {
	case a.in.Sign != nil:
		return "new"
	case a.former == nil:
		return "none"
	case a.former.Kept:
		return "kept"
	}
	return "lost"
}

// printFormer tells what has become of a signature that the output had.
func printFormer(cmd *cobra.Command, out string, f *bundle.Former) {
	switch {
	case f == nil:
	case f.Kept:
		fmt.Fprintf(cmd.ErrOrStderr(), "%s keeps its signature with the %s, which is of the same content\n", out, f.Key)
	default:
		fmt.Fprintf(cmd.ErrOrStderr(), "note: the signature of %s (%s) is not one of what is there now, which has none: sign it (satchel sign), or build it with --sign\n", out, f.File)
	}
}

// absent says what a build without a network would need.
func absent(missing []lock.Item) error {
	if len(missing) == 0 {
		return nil
	}
	var names []string
	for _, m := range missing {
		names = append(names, "  "+m.Digest+" of "+m.Image+m.URL)
	}
	return fmt.Errorf("the cache lacks %d of what the lock names; build without --offline once:\n%s", len(missing), strings.Join(names, "\n"))
}

func pack(ctx context.Context, draft *bundle.Draft, out bundle.Output, b *progress.Bars) error {
	bar := b.Start("packing "+out.Path, draft.Size())
	err := draft.Write(ctx, out, bar.Add)
	bar.Done(err)
	return err
}

func meta(p *plan.Plan) bundle.Meta {
	m := bundle.Meta{Name: p.Cluster.Name, Version: p.Cluster.Version, Spec: p.SpecDigest, Satchel: ownVersion()}
	m.Hosts = bundleHosts(p)
	for _, seat := range p.Seats {
		m.Seats = append(m.Seats, bundle.Seat{Seat: seat.Seat.NN, Name: seat.Cluster.Name, Spec: seat.SpecDigest, Hosts: bundleHosts(seat)})
	}
	return m
}

func bundleHosts(p *plan.Plan) []bundle.Host {
	var hosts []bundle.Host
	for _, h := range p.Hosts {
		hosts = append(hosts, bundle.Host{Name: h.Name, Address: h.Address, Roles: h.Roles})
	}
	return hosts
}
