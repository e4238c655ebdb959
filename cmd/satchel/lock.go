package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/spec"
)

type lockOptions struct {
	supply
	format format
	check  bool
	names  []string
}

func newLockCmd() *cobra.Command {
	var o lockOptions
	cmd := &cobra.Command{
		Use:   "lock [SPEC] [--check] [--update NAME...]",
		Short: "Resolve images, files and packages to digests",
		Long: `Ask upstream what every image and file of the spec is now, choose the packages of the
operating systems with all that they depend on, and write satchel.lock beside the spec.
Build takes only what the lock names. With --check nothing is written; the exit status
is 1 and what moved is listed when upstream differs from the lock. With --update only the
named images, files and packages (or those whose name contains NAME) are asked again; the
packages of one system belong together, so one of them stands for all.
A lock that cannot be read, as after a merge with conflicts, is made anew.`,
		Example: `  satchel lock bundles/course-ha
  satchel lock --check
  satchel lock --update registry.k8s.io/etcd
  satchel lock --source registry.k8s.io=mirror.example.com/k8s`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.check && len(o.names) > 0 {
				return usagef("--check and --update exclude each other")
			}
			if err := o.format.check(); err != nil {
				return err
			}
			return runLock(cmd, specArg(args), o)
		},
	}
	o.addFlags(cmd)
	addFormat(cmd, &o.format)
	cmd.Flags().BoolVar(&o.check, "check", false, "compare the lock with upstream instead of writing it")
	cmd.Flags().StringArrayVar(&o.names, "update", nil, "ask again about this image, file or package only (repeatable)")
	return cmd
}

func runLock(cmd *cobra.Command, path string, o lockOptions) error {
	s, err := spec.Load(path)
	if err != nil {
		return invalidSpec(path, err)
	}
	p := plan.New(s)
	old, err := o.readLock(path)
	if err != nil {
		if o.check || len(o.names) > 0 || !startsAnew(cmd, err) {
			return err
		}
		old = nil
	}
	want := p.Supply
	if len(o.names) > 0 {
		if want, err = p.Named(o.names, old.PackageNames()); err != nil {
			return err
		}
	}
	fresh, err := resolve(cmd, p, o.supply, want)
	if err != nil {
		return err
	}
	if len(o.names) > 0 {
		fresh = old.With(fresh)
	}
	return settleLock(cmd, o, o.lockPath(path), old, fresh)
}

// startsAnew tells whether a lock that cannot be read may be written over, and says why.
func startsAnew(cmd *cobra.Command, err error) bool {
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	bad, ok := errors.AsType[*lock.Unreadable](err)
	if !ok || bad.Newer {
		return false
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "satchel: %s; the lock is made anew, and nothing is compared with it\n", bad.Reason())
	return true
}

func resolve(cmd *cobra.Command, p *plan.Plan, s supply, want plan.Supply) (*lock.Lock, error) {
	b := bars(cmd)
	defer b.Wait()
	client, err := s.client(p, b)
	if err != nil {
		return nil, err
	}
	store, err := s.openCache()
	if err != nil {
		return nil, err
	}
	l, err := lock.Resolve(cmd.Context(), client, store, want, s.jobs, b)
	if err != nil {
		return nil, err
	}
	return l, tidy(cmd, store)
}

// lockResult is what lock has done or found.
type lockResult struct {
	Lock     string   `json:"lock"`
	Images   int      `json:"images"`
	Files    int      `json:"files"`
	Packages int      `json:"packages"`
	Moved    []string `json:"moved"`
	isNew    bool
}

// settleLock prints what moved and writes the lock, unless it is only checked.
func settleLock(cmd *cobra.Command, o lockOptions, path string, old, fresh *lock.Lock) error {
	r := lockResult{Lock: path, Images: len(fresh.Images), Files: len(fresh.Files), Packages: fresh.CountPackages(), Moved: []string{}, isNew: old == nil}
	if old != nil {
		r.Moved = append(r.Moved, lock.Diff(old, fresh)...)
	}
	if !o.check && (r.isNew || len(r.Moved) > 0) {
		if err := fresh.WriteFile(path); err != nil {
			return err
		}
	}
	if err := r.print(cmd, o); err != nil {
		return err
	}
	if o.check && len(r.Moved) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "satchel: upstream is not what %s says, %d moved; run satchel lock to take it over\n", path, len(r.Moved))
		return errDiffers
	}
	return nil
}

// amounts says how much there is; packages only where there are any.
func amounts(images, files, packages int) string {
	text := fmt.Sprintf("%d images, %d files", images, files)
	if packages > 0 {
		text += fmt.Sprintf(", %d packages", packages)
	}
	return text
}

func (r lockResult) print(cmd *cobra.Command, o lockOptions) error {
	out := cmd.OutOrStdout()
	if o.format == "json" {
		return printJSON(out, r)
	}
	for _, line := range r.Moved {
		fmt.Fprintln(out, line)
	}
	switch {
	case !r.isNew && len(r.Moved) == 0:
		fmt.Fprintf(out, "%s: nothing moved, %s\n", r.Lock, amounts(r.Images, r.Files, r.Packages))
	case !o.check:
		fmt.Fprintf(out, "%s: %s\n", r.Lock, amounts(r.Images, r.Files, r.Packages))
	}
	return nil
}
