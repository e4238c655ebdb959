package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/report"
	"github.com/satchel-kit/satchel/internal/sbom"
)

// reportForms are the forms of a report, by the ending of its name.
var reportForms = map[string]struct {
	what  string
	write func(io.Writer, report.Input) error
}{
	".html": {"a page", report.HTML},
	".svg":  {"a picture", report.SVG},
}

func newReportCmd() *cobra.Command {
	var out string
	var s supply
	var seat seatFlag
	cmd := &cobra.Command{
		Use:   "report [SPEC] -o FILE.html [--seat N]",
		Short: "Draw and describe a cluster on one page",
		Long: `Write one page about a cluster: a picture of its hosts by role with virtual addresses,
subnets and ports; tables of hosts, of who talks to whom on which port, of images, files
and packages with sizes and digests, and of secrets by name; and what was checked.

The page is complete in one file and loads nothing; it can be mailed, printed and read on
a phone. With a name that ends in .svg the picture alone is written. Digests and sizes
come from the lock, if there is one. The same spec and lock give the same bytes.`,
		Example: `  satchel report -o cluster.html
  satchel report bundles/course-ha -o course-ha.html
  satchel report bundles/course-ha -o course-ha.svg`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("report needs -o FILE, a page to write (.html) or a picture (.svg)")
			}
			if _, ok := reportForms[filepath.Ext(out)]; !ok {
				return usagef("-o is a page, FILE.html, or a picture, FILE.svg, not %q", out)
			}
			return runReport(cmd, specArg(args), out, &s, seat)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write: .html for the page, .svg for the picture alone")
	cmd.Flags().StringVar(&s.lockFile, "lock", "", "the lock file; default: satchel.lock beside the spec")
	seat.add(cmd, "the seat that the page is about")
	cmd.MarkFlagFilename("output", "html", "svg")
	cmd.MarkFlagFilename("lock", "lock")
	return cmd
}

func runReport(cmd *cobra.Command, path, out string, s *supply, seat seatFlag) error {
	c, err := seat.compile(path, "a report is about one cluster: name a seat")
	if err != nil {
		return err
	}
	l, err := lock.Read(s.lockPath(path))
	// A lock that was asked for has to be there.
	if errors.Is(err, fs.ErrNotExist) && s.lockFile == "" {
		l, err = nil, nil
	}
	if err != nil {
		return fmt.Errorf("reading the lock: %w", err)
	}
	form := reportForms[filepath.Ext(out)]
	var text bytes.Buffer
	if err := form.write(&text, report.Input{Plan: c.plan, Tree: c.tree, Lock: l}); err != nil {
		return fmt.Errorf("making the report: %w", err)
	}
	if err := sbom.WriteFile(out, text.Bytes()); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s about %s, %d hosts, %s\n", out, form.what, c.plan.Cluster.Name, len(c.plan.Hosts), progress.Bytes(int64(text.Len())))
	return nil
}
