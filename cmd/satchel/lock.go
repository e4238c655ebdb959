package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/spec"
)

type lockOptions struct {
	supply
	check bool
	names []string
}

func newLockCmd() *cobra.Command {
	var o lockOptions
	cmd := &cobra.Command{
		Use:   "lock [SPEC] [--check] [--update NAME...]",
		Short: "Resolve images and files to digests",
		Long: `Ask upstream what every image and file of the spec is now, and write satchel.lock
beside the spec. Build takes only what the lock names. With --check nothing is written;
the exit status is 1 and what moved is listed when upstream differs from the lock. With
--update only the named images and files (or those whose name contains NAME) are asked
again.`,
		Example: `  satchel lock bundles/course-ha
  satchel lock --check
  satchel lock --update registry.k8s.io/etcd
  satchel lock --source registry.k8s.io=mirror.example.com/k8s`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.check && len(o.names) > 0 {
				return usagef("--check and --update exclude each other")
			}
			return runLock(cmd, specArg(args), o)
		},
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&o.check, "check", false, "compare the lock with upstream instead of writing it")
	cmd.Flags().StringArrayVar(&o.names, "update", nil, "ask again about this image or file only (repeatable)")
	return cmd
}

func runLock(cmd *cobra.Command, path string, o lockOptions) error {
	s, err := spec.Load(path)
	if err != nil {
		return invalidSpec(path, err)
	}
	p := plan.New(s)
	old, err := o.readLock(path)
	if err != nil && (o.check || len(o.names) > 0 || !isMissing(o.lockPath(path))) {
		return err
	}
	images, files := p.Images, p.Files
	if len(o.names) > 0 {
		if images, files, err = chosen(p, o.names); err != nil {
			return err
		}
	}
	fresh, err := resolve(cmd, p, o.supply, images, files)
	if err != nil {
		return err
	}
	if len(o.names) > 0 {
		fresh = merge(old, fresh)
	}
	return settleLock(cmd, o, path, old, fresh)
}

func isMissing(path string) bool {
	_, err := lock.Read(path)
	return errors.Is(err, fs.ErrNotExist)
}

func resolve(cmd *cobra.Command, p *plan.Plan, s supply, images []plan.Image, files []plan.File) (*lock.Lock, error) {
	b := bars(cmd, false)
	defer b.Wait()
	client, err := s.client(p, b)
	if err != nil {
		return nil, err
	}
	store, err := s.openCache()
	if err != nil {
		return nil, err
	}
	return lock.Resolve(cmd.Context(), client, store, images, files, b)
}

// chosen are the plan's images and files that one of the names stands for.
func chosen(p *plan.Plan, names []string) ([]plan.Image, []plan.File, error) {
	var images []plan.Image
	var files []plan.File
	for _, name := range names {
		before := len(images) + len(files)
		for _, i := range p.Images {
			if strings.Contains(i.Name, name) {
				images = append(images, i)
			}
		}
		for _, f := range p.Files {
			if strings.Contains(f.Path, name) {
				files = append(files, f)
			}
		}
		if len(images)+len(files) == before {
			return nil, nil, fmt.Errorf("the spec needs no image or file named %q; see satchel inspect or the lock for the names", name)
		}
	}
	return images, files, nil
}

// merge puts what is fresh in the place of what is old.
func merge(old, fresh *lock.Lock) *lock.Lock {
	merged := &lock.Lock{Format: lock.Format, Images: fresh.Images, Files: fresh.Files}
	for _, i := range old.Images {
		if !slices.ContainsFunc(fresh.Images, func(n lock.Image) bool { return n.Name == i.Name }) {
			merged.Images = append(merged.Images, i)
		}
	}
	for _, f := range old.Files {
		if !slices.ContainsFunc(fresh.Files, func(n lock.File) bool { return n.Path == f.Path }) {
			merged.Files = append(merged.Files, f)
		}
	}
	slices.SortFunc(merged.Images, func(a, b lock.Image) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(merged.Files, func(a, b lock.File) int { return strings.Compare(a.Path, b.Path) })
	return merged
}

// settleLock prints what moved and writes the lock, unless it is only checked.
func settleLock(cmd *cobra.Command, o lockOptions, spec string, old, fresh *lock.Lock) error {
	path := o.lockPath(spec)
	var moved []string
	if old != nil {
		moved = lock.Diff(old, fresh)
	}
	for _, line := range moved {
		fmt.Fprintln(cmd.OutOrStdout(), line)
	}
	if o.check {
		if len(moved) > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "satchel: upstream is not what %s says, %d moved; run satchel lock to take it over\n", path, len(moved))
			return errDiffers
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: upstream is as locked, %d images, %d files\n", path, len(fresh.Images), len(fresh.Files))
		return nil
	}
	if old != nil && len(moved) == 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: nothing moved\n", path)
		return nil
	}
	if err := fresh.WriteFile(path); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %d images, %d files\n", path, len(fresh.Images), len(fresh.Files))
	return nil
}
