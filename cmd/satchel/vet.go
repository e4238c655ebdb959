package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/spec"
)

func newVetCmd() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "vet [SPEC]",
		Short: "Validate a spec",
		Long: `Validate a spec against the schema and its rules. Every problem is reported at once,
with file:line:column, the field, what was given and what is allowed.`,
		Example: `  satchel vet
  satchel vet bundles/course-ha
  satchel vet cluster.cue --format json`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return runVet(cmd, specArg(args), f)
		},
	}
	addFormat(cmd, &f)
	return cmd
}

func runVet(cmd *cobra.Command, path string, f format) error {
	s, err := spec.Load(path)
	var problems spec.Problems
	if errors.As(err, &problems) && f == "json" {
		if err := printJSON(cmd.OutOrStdout(), map[string]any{"valid": false, "problems": problems}); err != nil {
			return err
		}
		return errDiffers
	}
	if err != nil {
		return invalidSpec(path, err)
	}
	if f == "json" {
		return printJSON(cmd.OutOrStdout(), map[string]any{"valid": true, "problems": spec.Problems{}, "spec": s.Cluster})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: valid; cluster %s, Kubernetes %s, %d hosts\n",
		path, s.Cluster.Name, s.Cluster.Kubernetes.Version, len(s.Cluster.Hosts))
	return nil
}

// invalidSpec puts a heading over the problems of a spec.
func invalidSpec(path string, err error) error {
	var problems spec.Problems
	if errors.As(err, &problems) {
		plural := "problems"
		if len(problems) == 1 {
			plural = "problem"
		}
		return fmt.Errorf("%s is not a valid spec, %d %s:\n%w", path, len(problems), plural, err)
	}
	return err
}
