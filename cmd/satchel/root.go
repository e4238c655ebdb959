package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "satchel",
		Short: "Compile a Kubernetes cluster spec into one offline bundle",
		Long: `satchel compiles a Kubernetes cluster spec, written in CUE, into one offline bundle:
scripts, configs, manifests, binaries and container images. Hosts without a network
unpack it and run install.sh.

SPEC is a CUE file or a directory with one CUE package; default: the current directory.
Results go to stdout, progress to stderr. Exit status: 0 success; 1 failure, or a
difference found by --check; 2 wrong usage.`,
		Example: `  satchel vet bundles/course-ha
  satchel render bundles/course-ha -o tree
  satchel lock bundles/course-ha
  satchel build bundles/course-ha -o course-ha.tar
  satchel verify course-ha.tar`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := ""
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				hint = "; did you mean " + strings.Join(near, " or ") + "?"
			}
			return usagef("there is no command %q%s", args[0], hint)
		},
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		newInitCmd(), newExplainCmd(),
		newVetCmd(), newRenderCmd(), newDiffCmd(), newReportCmd(), newLockCmd(), newSecretsCmd(), newBuildCmd(),
		newVerifyCmd(), newInspectCmd(), newUnpackCmd(), newServeCmd(), newVersionCmd(),
		newPushCmd(), newPullCmd(),
		newSignCmd(), newSBOMCmd(), newCacheCmd(),
	)
	return root
}

// usageError is a command line that cannot be run: exit status 2.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errDiffers says that a check found a difference, which is already printed.
var errDiffers = errors.New("differs")

// atMost takes up to n arguments.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usagef("%s takes at most %d arguments, got %d", cmd.CommandPath(), n, len(args))
		}
		return nil
	}
}

// exactly takes n arguments, named for the message.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usagef("%s takes %v, got %d arguments", cmd.CommandPath(), names, len(args))
		}
		return nil
	}
}

// specArg is the SPEC argument or the current directory.
func specArg(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

// exitStatus prints an error once, in one place, and chooses the exit status.
func exitStatus(err error, ctx context.Context, stderr io.Writer) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errDiffers):
		return 1
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "satchel: %v\nRun 'satchel --help' for the commands and their flags.\n", err)
		return 2
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "satchel: interrupted; no output was left. Run the same command again to continue")
		return 1
	default:
		fmt.Fprintf(stderr, "satchel: %v\n", err)
		return 1
	}
}
