package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/progress"
)

func newInspectCmd() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "inspect BUNDLE",
		Short: "Show what is inside a bundle",
		Long: `Show a bundle's hosts, images, files and sizes. Only the beginning of the bundle is
read, and nothing is checked; verify does that. Of a delta the sizes are those of the
bundle that it leads to, and it is told what it is a delta of.`,
		Example: `  satchel inspect course-ha.tar
  satchel inspect course-ha.tar --format json`,
		Args: exactly("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			summary, err := bundle.Inspect(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if f == "json" {
				return printJSON(cmd.OutOrStdout(), summary)
			}
			return printSummary(cmd.OutOrStdout(), summary)
		},
	}
	addFormat(cmd, &f)
	return cmd
}

func printSummary(out io.Writer, s *bundle.Summary) error {
	m := s.Manifest
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "bundle\t%s %s\n", m.Name, m.Version)
	fmt.Fprintf(w, "spec\t%s\n", m.Spec)
	fmt.Fprintf(w, "lock\t%s\n", m.Lock)
	fmt.Fprintf(w, "satchel\t%s\n", m.Satchel)
	if m.Since != nil {
		fmt.Fprintf(w, "delta of\t%s\n", m.Since)
		fmt.Fprintf(w, "in it\t%s; %d files, %s, are left to what it is a delta of\n", progress.Bytes(s.Total-s.Left.Bytes), s.Left.Files, progress.Bytes(s.Left.Bytes))
	}
	fmt.Fprintf(w, "size\t%s: images %s (sharing saves %s), files %s, programs %s, texts %s\n", progress.Bytes(s.Total),
		progress.Bytes(s.Blobs), progress.Bytes(s.Shared), progress.Bytes(s.Files), progress.Bytes(s.Programs), progress.Bytes(s.Tree))
	fmt.Fprintf(w, "\nHOST\tADDRESS\tROLES\n")
	for _, h := range m.Hosts {
		fmt.Fprintf(w, "%s\t%s\t%s\n", h.Name, h.Address, strings.Join(h.Roles, ", "))
	}
	fmt.Fprintf(w, "\nIMAGE\tPLATFORM\tLAYERS\tSIZE\tDIGEST\n")
	for _, i := range s.Images {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", i.Name, i.Platform, i.Layers, progress.Bytes(i.Size), i.Digest)
	}
	fmt.Fprintf(w, "\nFILE\tSIZE\tSHA256\n")
	for _, f := range m.Files {
		if strings.HasPrefix(f.Path, "files/") || strings.HasPrefix(f.Path, "bin/") || strings.HasSuffix(f.Path, ".deb") {
			left := ""
			if f.Base {
				left = "\tleft to the base"
			}
			fmt.Fprintf(w, "%s\t%s\t%s%s\n", f.Path, progress.Bytes(f.Size), f.SHA256, left)
		}
	}
	return w.Flush()
}
