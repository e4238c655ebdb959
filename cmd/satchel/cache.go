package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/progress"
)

// maxVariable names the variable with the size that no cache should exceed.
const maxVariable = "SATCHEL_CACHE_MAX"

func newCacheCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Look at, check and tidy up the cache",
		Long: `The cache has what lock, build and pull have fetched, by content, so that nothing is
fetched twice. It is in --cache DIR, $SATCHEL_CACHE or the user's cache directory, and may
be used by any number of builds at once. Removing any of it, or all, loses only time. On a
file system without locks nothing is pruned, and a broken transfer begins anew.

Where ` + maxVariable + ` has a size such as 50GiB, lock, build and pull remove what was used
least recently when they are done, until the cache is no larger.`,
		Args: func(*cobra.Command, []string) error {
			return usagef("cache needs one of ls, prune, verify")
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(newCacheLsCmd(), newCachePruneCmd(), newCacheVerifyCmd())
	return cmd
}

// cacheOptions are the flags of all commands about the cache.
type cacheOptions struct {
	supply supply
	format format
}

func (o *cacheOptions) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.supply.cacheDir, "cache", "", "directory of the cache; default: $SATCHEL_CACHE or the user's cache directory")
	cmd.MarkFlagDirname("cache")
	addFormat(cmd, &o.format)
}

func newCacheLsCmd() *cobra.Command {
	var o cacheOptions
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List what is in the cache, largest first",
		Example: `  satchel cache ls
  satchel cache ls --format json | jq '.entries[] | select(.partial)'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.format.check(); err != nil {
				return err
			}
			return o.list(cmd)
		},
	}
	o.add(cmd)
	return cmd
}

func (o *cacheOptions) list(cmd *cobra.Command) error {
	store, err := o.supply.openCache()
	if err != nil {
		return err
	}
	defer store.Close()
	entries, err := store.List()
	if err != nil {
		return err
	}
	c := contentsOf(store, entries)
	if o.format == "json" {
		return printJSON(cmd.OutOrStdout(), c)
	}
	printEntries(cmd, entries)
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", c.Cache, c.summary())
	return nil
}

// cacheContents is what a command prints about entries of a cache.
type cacheContents struct {
	Cache   string       `json:"cache"`
	Blobs   int          `json:"blobs"`
	Partial int          `json:"partial"`
	Size    int64        `json:"size"`
	Left    *int64       `json:"left,omitempty"`
	Entries []cacheEntry `json:"entries"`
}

type cacheEntry struct {
	Digest  string `json:"digest,omitempty"`
	Size    int64  `json:"size"`
	Used    string `json:"used"`
	Name    string `json:"name,omitempty"`
	Partial bool   `json:"partial,omitempty"`
}

func contentsOf(store *cache.Cache, entries []cache.Entry) cacheContents {
	c := cacheContents{Cache: store.Dir(), Entries: []cacheEntry{}}
	for _, e := range entries {
		c.Size += e.Size
		if e.Partial {
			c.Partial++
		} else {
			c.Blobs++
		}
		c.Entries = append(c.Entries, cacheEntry{e.Digest, e.Size, e.Used.UTC().Format(time.RFC3339), e.Name, e.Partial})
	}
	return c
}

func (c *cacheContents) summary() string {
	text := fmt.Sprintf("%d blobs, %s", c.Blobs, progress.Bytes(c.Size))
	if c.Partial > 0 {
		text += fmt.Sprintf(", with the beginnings of %d more", c.Partial)
	}
	return text
}

func printEntries(cmd *cobra.Command, entries []cache.Entry) {
	rows := make([][]string, len(entries))
	for i, e := range entries {
		digits := cmp.Or(strings.TrimPrefix(e.Digest, "sha256:"), strings.Repeat("-", 12))
		name := cmp.Or(e.Name, "-")
		if e.Partial {
			name += " (its beginning)"
		}
		rows[i] = []string{digits[:12], fmt.Sprintf("%10s", progress.Bytes(e.Size)), e.Used.Local().Format("2006-01-02 15:04"), name}
	}
	printColumns(cmd.OutOrStdout(), rows, "", widthOf(cmd.OutOrStdout()))
}

func newCacheVerifyCmd() *cobra.Command {
	var o cacheOptions
	var keep bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Hash everything in the cache and remove what is damaged",
		Long: `Hash every blob with all cores. What is damaged is listed and removed, so that the next
build fetches it again, and the exit status is 1. Builds check what they pack in any case.`,
		Example: "  satchel cache verify\n  satchel cache verify --keep-damaged --format json",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.format.check(); err != nil {
				return err
			}
			return o.verify(cmd, keep)
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&keep, "keep-damaged", false, "list what is damaged, and leave it")
	return cmd
}

func (o *cacheOptions) verify(cmd *cobra.Command, keep bool) error {
	store, err := o.supply.openCache()
	if err != nil {
		return err
	}
	defer store.Close()
	b := bars(cmd)
	defer b.Wait()
	find := dropDamaged
	if keep {
		find = findDamaged
	}
	damaged, err := find(cmd.Context(), store, b)
	if err != nil {
		return err
	}
	b.Wait()
	c := contentsOf(store, damaged)
	if o.format == "json" {
		err = printJSON(cmd.OutOrStdout(), c)
	} else if len(damaged) == 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: every blob is what its digest says\n", c.Cache)
	} else {
		printEntries(cmd, damaged)
	}
	if err != nil || len(damaged) == 0 {
		return err
	}
	done := "removed; the next build fetches them again"
	if keep {
		done = "left where they are"
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "satchel: %d blobs of the cache %s are damaged, and %s\n", len(damaged), c.Cache, done)
	return errDiffers
}

// findDamaged hashes the whole cache.
func findDamaged(ctx context.Context, store *cache.Cache, b *progress.Bars) ([]cache.Entry, error) {
	entries, err := store.List()
	if err != nil {
		return nil, err
	}
	var size int64
	for _, e := range entries {
		if !e.Partial {
			size += e.Size
		}
	}
	bar := b.Start("verifying the cache", size)
	damaged, err := store.Verify(ctx, bar.Add)
	bar.Done(err)
	return damaged, err
}

// dropDamaged removes what is damaged from the cache, and tells what it was.
func dropDamaged(ctx context.Context, store *cache.Cache, b *progress.Bars) ([]cache.Entry, error) {
	damaged, err := findDamaged(ctx, store, b)
	for _, e := range damaged {
		if err := store.Drop(e.Digest); err != nil {
			return nil, err
		}
	}
	return damaged, err
}

// tidy keeps the cache within the bounds that the environment sets.
func tidy(cmd *cobra.Command, store *cache.Cache) error {
	text := os.Getenv(maxVariable)
	if text == "" {
		return nil
	}
	size, err := parseSize(text)
	if err != nil {
		return usagef("%s: %v", maxVariable, err)
	}
	pruned, err := store.Trim(cmd.Context(), size)
	if err == nil && len(pruned.Entries) > 0 {
		c := contentsOf(store, pruned.Entries)
		fmt.Fprintf(cmd.ErrOrStderr(), "removed %s from the cache, to stay within %s\n", c.summary(), text)
	}
	return err
}
