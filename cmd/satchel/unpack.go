package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/bundle"
)

func newUnpackCmd() *cobra.Command {
	var dir, host string
	var seat seatFlag
	cmd := &cobra.Command{
		Use:   "unpack BUNDLE [DELTA...] -o DIR [--seat N] [--host NAME]",
		Short: "Unpack a bundle, checking every byte on the way",
		Long: `Unpack a bundle into DIR, which must not exist or be empty. Every file is checked while
it is written, and DIR gets its name only when all are there; where DIR is there, such as
a mounted disk, its files get theirs, with bundle.json last. With --host the folders of the
other hosts are left out.

Of a kit, --seat says which seat: DIR becomes that seat's own bundle, with a bundle.json
and a SHA256SUMS of its own, as if it had been built alone. A signature is of the whole
kit; verify that before.

With deltas (build --since), in the order in which they were made, DIR becomes what the
last one leads to: the same, byte for byte, as if that bundle had been unpacked whole.
BUNDLE and each DELTA may be an archive, the first of its parts, or a directory.`,
		Example: `  satchel unpack course-ha.tar -o course-ha
  satchel unpack course-ha.tar -o ha1 --host kubernetes-ha1
  satchel unpack classroom.tar -o seat07 --seat 7
  satchel unpack course-ha update.tar -o course-ha-new`,
		Args: atLeastOne("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" {
				return usagef("unpack needs -o DIR, the directory to unpack into")
			}
			number, err := seat.number()
			if err != nil {
				return err
			}
			if err := bundle.MergePart(cmd.Context(), args, dir, bundle.Part{Seat: number, Host: host}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: unpacked; on each host run %s/install.sh\n", dir, dir)
			return nil
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", "", "directory to unpack into")
	cmd.Flags().StringVar(&host, "host", "", "leave out the folders of all other hosts")
	seat.add(cmd, "the seat whose own bundle is unpacked")
	cmd.MarkFlagDirname("output")
	return cmd
}

// atLeastOne takes one argument or more, named for the message.
func atLeastOne(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("%s takes [%s], got 0 arguments", cmd.CommandPath(), name)
		}
		return nil
	}
}
