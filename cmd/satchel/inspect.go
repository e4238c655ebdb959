package main

import (
	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/review"
)

func newInspectCmd() *cobra.Command {
	var f format
	var all bool
	cmd := &cobra.Command{
		Use:   "inspect BUNDLE",
		Short: "Show what is inside a bundle",
		Long: `Show a bundle's hosts, what of it takes how much, the largest first, and what its images
share. An image counts with what no other one has; what several have is counted once.

Only the beginning of the bundle is read, and nothing is checked; verify does that. Of a
delta the sizes are those of the bundle that it leads to, and it is told what it is a
delta of. json is described by internal/bundle/inspect.schema.json in satchel's sources.`,
		Example: `  satchel inspect course-ha.tar
  satchel inspect course-ha.tar --all | less
  satchel inspect course-ha.tar --format json | jq '.images[] | select(.own > 100e6) | .name'`,
		Args: exactly("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if all && f == "json" {
				return usagef("json has everything; --all is for text")
			}
			summary, err := bundle.Inspect(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if f == "json" {
				return printJSON(out, summary)
			}
			return review.Inside(out, summary, all, colorful(out))
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "leave nothing out, and show images and files with their digests")
	addFormat(cmd, &f)
	return cmd
}
