package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/progress"
)

type pruneOptions struct {
	cacheOptions
	max, older string
	keep       []string
	all, dry   bool
}

func newCachePruneCmd() *cobra.Command {
	var o pruneOptions
	cmd := &cobra.Command{
		Use:   "prune {--max SIZE | --older AGE | --all} [--keep SPEC...]",
		Short: "Remove what is no longer used from the cache",
		Long: `Remove from the cache what was used least recently until it is no larger than SIZE, what
was not used for AGE, or all. What the locks of the specs given with --keep name stays.

It waits until no other satchel uses the cache: a build never loses what it counts on.`,
		Example: `  satchel cache prune --max 20GiB
  satchel cache prune --older 30d --keep bundles/course-ha
  satchel cache prune --all --dry-run`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.format.check(); err != nil {
				return err
			}
			policy, err := o.policy(time.Now())
			if err != nil {
				return err
			}
			return o.run(cmd, policy)
		},
	}
	o.add(cmd)
	cmd.Flags().StringVar(&o.max, "max", "", "how large the cache may be, such as 20GiB")
	cmd.Flags().StringVar(&o.older, "older", "", "remove what was not used for this long, such as 30d or 12h")
	cmd.Flags().StringArrayVar(&o.keep, "keep", nil, "keep what the lock of this spec, or this lock, names (repeatable)")
	cmd.Flags().BoolVar(&o.all, "all", false, "remove everything")
	cmd.Flags().BoolVar(&o.dry, "dry-run", false, "list what would go, and leave it")
	return cmd
}

func (o *pruneOptions) policy(now time.Time) (cache.Policy, error) {
	p := cache.Policy{All: o.all, Max: -1, DryRun: o.dry, Keep: map[string]bool{}}
	if o.max == "" && o.older == "" && !o.all {
		return p, usagef("cache prune needs --max SIZE, --older AGE or --all")
	}
	var err error
	if o.max != "" {
		if p.Max, err = parseSize(o.max); err != nil {
			return p, usagef("--max: %v", err)
		}
	}
	if o.older != "" {
		age, err := parseAge(o.older)
		if err != nil {
			return p, usagef("--older: %v", err)
		}
		p.Before = now.Add(-age)
	}
	for _, path := range o.keep {
		s := supply{}
		if strings.HasSuffix(path, ".lock") {
			s.lockFile = path
		}
		l, err := s.readLock(path)
		if err != nil {
			return p, err
		}
		for _, item := range l.Blobs() {
			p.Keep[item.Digest] = true
			for _, part := range item.Of {
				p.Keep[part.Digest] = true
			}
		}
	}
	return p, nil
}

// parseAge reads a duration, or a number of days such as 30d.
func parseAge(text string) (time.Duration, error) {
	if number, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := strconv.ParseUint(number, 10, 16); err == nil {
			return time.Duration(days) * 24 * time.Hour, nil
		}
	}
	age, err := time.ParseDuration(text)
	if err != nil || age < 0 {
		return 0, fmt.Errorf("%q is no age, such as 30d, 12h or 90m", text)
	}
	return age, nil
}

func (o *pruneOptions) run(cmd *cobra.Command, policy cache.Policy) error {
	store, err := o.supply.openCache()
	if err != nil {
		return err
	}
	defer store.Close()
	pruned, err := store.Prune(cmd.Context(), policy, func() {
		fmt.Fprintln(cmd.ErrOrStderr(), "waiting until no other satchel uses the cache")
	})
	if err != nil {
		return err
	}
	c := contentsOf(store, pruned.Entries)
	c.Left = &pruned.Left
	if o.format == "json" {
		return printJSON(cmd.OutOrStdout(), c)
	}
	printEntries(cmd, pruned.Entries)
	done := "removed"
	if o.dry {
		done = "would remove"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s %s; %s left\n", c.Cache, done, c.summary(), progress.Bytes(pruned.Left))
	return nil
}
