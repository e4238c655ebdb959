package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/render"
)

func newRenderCmd() *cobra.Command {
	var out string
	var check bool
	var f format
	var seat seatFlag
	cmd := &cobra.Command{
		Use:   "render [SPEC] -o DIR [--check] [--seat N]",
		Short: "Write (or check) the tree of text files",
		Long: `Write every text file of the bundle into DIR: scripts, configs and manifests, host by
host. The same spec gives the same bytes on every machine. With --check nothing is
written; the exit status is 1 and the stale files are listed when DIR is not what the
spec gives.

Of a kit, what all seats have in common is there once, and the rest of each below
seats/NN/. With --seat it is the tree of that seat's cluster alone.`,
		Example: `  satchel render bundles/course-ha -o tree
  satchel render bundles/course-ha -o bundles/course-ha/tree --check`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("render needs -o DIR, the directory to write")
			}
			if err := f.check(); err != nil {
				return err
			}
			if _, err := seat.number(); err != nil {
				return err
			}
			return runRender(cmd, specArg(args), out, check, f, seat)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "directory of the rendered tree")
	cmd.Flags().BoolVar(&check, "check", false, "compare with DIR instead of writing it")
	addFormat(cmd, &f)
	seat.add(cmd, "the tree of this seat's cluster alone")
	cmd.MarkFlagDirname("output")
	return cmd
}

func runRender(cmd *cobra.Command, path, dir string, check bool, f format, seat seatFlag) error {
	c, err := compile(path)
	if err != nil {
		return err
	}
	if c, err = seat.choose(path, c); err != nil {
		return err
	}
	if check {
		return checkTree(cmd, c.tree, dir, f)
	}
	if err := c.tree.Write(dir); err != nil {
		return err
	}
	if f == "json" {
		return printJSON(cmd.OutOrStdout(), map[string]any{"directory": dir, "files": len(c.tree), "hosts": hostsIn(c.plan)})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %d files for %d hosts\n", dir, len(c.tree), hostsIn(c.plan))
	return nil
}

func checkTree(cmd *cobra.Command, tree render.Tree, dir string, f format) error {
	stale, err := tree.Compare(dir)
	if err != nil {
		return err
	}
	if f == "json" {
		if err := printJSON(cmd.OutOrStdout(), map[string]any{"directory": dir, "stale": append([]render.Stale{}, stale...)}); err != nil {
			return err
		}
	} else {
		for _, s := range stale {
			fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", s.Kind, s.Path)
		}
	}
	if len(stale) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "satchel: %s is stale, %d files; run render without --check to bring it up to date\n", dir, len(stale))
		return errDiffers
	}
	return nil
}
