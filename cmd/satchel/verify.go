package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/progress"
)

func newVerifyCmd() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "verify BUNDLE",
		Short: "Check every byte of a bundle",
		Long: `Check every file of a bundle, packed or unpacked, against its bundle.json and
SHA256SUMS, and its image layout. Every missing, altered and extra file is named.`,
		Example: `  satchel verify course-ha.tar
  satchel verify unpacked/ --format json`,
		Args: exactly("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return runVerify(cmd, args[0], f)
		},
	}
	addFormat(cmd, &f)
	return cmd
}

func runVerify(cmd *cobra.Command, path string, f format) error {
	report, err := bundle.Verify(cmd.Context(), path)
	if err != nil {
		return err
	}
	if f == "json" {
		if err := printJSON(cmd.OutOrStdout(), report); err != nil {
			return err
		}
		if len(report.Problems) > 0 {
			return errDiffers
		}
		return nil
	}
	if len(report.Problems) > 0 {
		for _, p := range report.Problems {
			fmt.Fprintln(cmd.OutOrStdout(), p)
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "satchel: %s is not what was built, %d problems; copy or build it again\n", path, len(report.Problems))
		return errDiffers
	}
	m := report.Manifest
	fmt.Fprintf(cmd.OutOrStdout(), "%s: verified, %s %s, %d files, %d images, %s\n", path,
		m.Name, m.Version, report.Files, len(m.Images), progress.Bytes(report.Bytes))
	for _, host := range report.LeftOut {
		fmt.Fprintf(cmd.OutOrStdout(), "left out: hosts/%s\n", host)
	}
	return nil
}
