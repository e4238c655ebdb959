package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/satchel-kit/satchel/internal/diff"
	"github.com/satchel-kit/satchel/internal/review"
	"github.com/satchel-kit/satchel/internal/side"
)

// diffFormats are what --format of diff takes.
var diffFormats = []string{"text", "markdown", "json"}

type diffOptions struct {
	format   string
	exitCode bool
}

func newDiffCmd() *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Show what changes on which host",
		Long: `Compare A with B: what changes on which host, and what it will do there when install.sh
runs: what restarts, what drains, what needs an upgrade, what is not applied to a cluster
that is there, and what cannot be changed in place at all.

A and B are each a spec, a rendered tree, a bundle (packed, in parts, unpacked, or a
delta), a satchel.lock, or REV:PATH, one of these at a git revision of the repository
that the working directory is in. What one of them does not have is not compared, and
that is said. The same change on many hosts is shown once. No network is used.

markdown fits into a comment on a pull request. json is described by
internal/diff/diff.schema.json in satchel's sources.`,
		Example: `  satchel diff HEAD:clusters/prod clusters/prod
  satchel diff old.tar new.tar --exit-code
  satchel diff origin/main:clusters/prod clusters/prod --format markdown`,
		Args: exactly("A", "B"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch o.format {
			case "text", "markdown", "json":
			default:
				return usagef("--format is text, markdown or json, not %q", o.format)
			}
			return runDiff(cmd, args[0], args[1], o)
		},
	}
	cmd.Flags().StringVar(&o.format, "format", "text", "output format: text, markdown or json")
	cmd.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit with status 1 when A and B differ")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(diffFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func runDiff(cmd *cobra.Command, a, b string, o diffOptions) error {
	left, right, err := openBoth(cmd.Context(), a, b)
	if err != nil {
		return err
	}
	d := diff.Compare(left, right)
	out := cmd.OutOrStdout()
	switch o.format {
	case "json":
		err = review.JSON(out, d)
	case "markdown":
		err = review.Markdown(out, d, "satchel diff "+quoted(a)+" "+quoted(b))
	default:
		err = review.Text(out, d, colorful(out))
	}
	if err == nil && o.exitCode && d.Different {
		return errDiffers
	}
	return err
}

// openBoth opens the sides at once: most of the time goes into compiling specs.
func openBoth(ctx context.Context, a, b string) (left, right *side.Side, err error) {
	opener := &side.Opener{}
	opened := make(chan error, 1)
	go func() {
		var err error
		right, err = opener.Open(ctx, b)
		opened <- err
	}()
	left, err = opener.Open(ctx, a)
	return left, right, errors.Join(err, <-opened)
}

// colorful tells whether colours help: on a terminal that has them, unless the user
// wants none (https://no-color.org).
func colorful(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// quoted is a word as a shell takes it.
func quoted(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
