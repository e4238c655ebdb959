package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/archive"
	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/push"
)

type pullOptions struct {
	registryFlags
	supply supply
	format format
	out    string
}

func newPullCmd() *cobra.Command {
	var o pullOptions
	cmd := &cobra.Command{
		Use:   "pull REGISTRY/REPOSITORY:TAG -o FILE",
		Short: "Get a bundle from a registry",
		Long: `Get a bundle that satchel push has stored, by tag or by @sha256: digest. FILE ends in
.tar, .tar.gz or .tar.zst; as .tar it has the same bytes as the bundle that was pushed.
Every byte is checked, and FILE gets its name when it is whole.

The parts come through the cache: an interrupted pull goes on when it is repeated, and
of a new version only what is new in it is fetched.

Credentials come from the docker configuration and its helpers (docker login).`,
		Example: `  satchel pull registry.example.com/bundles/course-ha:0.1.0 -o course-ha.tar
  satchel pull 10.0.0.20:5000/course-ha:0.1.0 -o course-ha.tar --plain-http`,
		Args: exactly("REGISTRY/REPOSITORY:TAG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := push.ParseTarget(args[0])
			if err != nil {
				return usageError{err}
			}
			if err := cmp.Or(o.check(), o.format.check(), o.fits(from)); err != nil {
				return err
			}
			return runPull(cmd, from, o)
		},
	}
	cmd.Flags().StringVarP(&o.out, "output", "o", "", "the bundle's file: .tar, .tar.gz or .tar.zst")
	cmd.Flags().StringVar(&o.supply.cacheDir, "cache", "", "directory of the cache; default: $SATCHEL_CACHE or the user's cache directory")
	o.add(cmd)
	addFormat(cmd, &o.format)
	cmd.MarkFlagFilename("output", "tar", "tar.gz", "tar.zst")
	return cmd
}

// fits tells whether there is a bundle to get and a file to write.
func (o *pullOptions) fits(from push.Target) error {
	if from.Tag == "" && from.Digest == "" {
		return usagef("a bundle is named REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:…, not %q", from)
	}
	if o.out == "" {
		return usagef("pull needs -o FILE, the bundle to write")
	}
	if _, err := archive.FormatOf(o.out); err != nil {
		return usageError{err}
	}
	return nil
}

func runPull(cmd *cobra.Command, from push.Target, o pullOptions) error {
	store, err := o.supply.openCache()
	if err != nil {
		return err
	}
	b := bars(cmd)
	defer b.Wait()
	client, err := o.client(from, b)
	if err != nil {
		return err
	}
	result, err := client.Pull(cmd.Context(), from, o.out, store, o.jobs, b)
	if err != nil {
		return err
	}
	b.Wait()
	if o.format == "json" {
		return errors.Join(printJSON(cmd.OutOrStdout(), result), tidy(cmd, store))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s %s, %s, %s\n", result.Bundle, result.Name, result.Version, progress.Bytes(result.Size), result.Digest)
	fmt.Fprintf(cmd.ErrOrStderr(), "fetched %s in %d parts; in the cache already: %s in %d\n",
		progress.Bytes(result.Fetched.Bytes), result.Fetched.Blobs, progress.Bytes(result.Cached.Bytes), result.Cached.Blobs)
	return tidy(cmd, store)
}
