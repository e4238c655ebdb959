package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/bundle"
)

func newUnpackCmd() *cobra.Command {
	var dir, host string
	cmd := &cobra.Command{
		Use:   "unpack BUNDLE -o DIR [--host NAME]",
		Short: "Unpack a bundle, checking every byte on the way",
		Long: `Unpack a bundle into DIR, which must not exist or be empty. Every file is checked while
it is written, and DIR gets its name only when all are there. With --host the folders of
the other hosts are left out.`,
		Example: `  satchel unpack course-ha.tar -o course-ha
  satchel unpack course-ha.tar -o ha1 --host kubernetes-ha1`,
		Args: exactly("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" {
				return usagef("unpack needs -o DIR, the directory to unpack into")
			}
			if err := bundle.Unpack(cmd.Context(), args[0], dir, host); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: unpacked; on each host run %s/install.sh\n", dir, dir)
			return nil
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", "", "directory to unpack into")
	cmd.Flags().StringVar(&host, "host", "", "leave out the folders of all other hosts")
	cmd.MarkFlagDirname("output")
	return cmd
}
