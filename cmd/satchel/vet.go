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
with file:line:column, the field, what was given and what is allowed.

Of a valid spec it proves that its bundle is closed: every image that any rendered file
names is carried for every architecture, every program, unit and file that a script uses
is in the bundle or in the operating system, and nothing names an address outside.
Otherwise it says which line of which rendered file names what.

Of a kit all seats are looked at, and held against each other: no two may have a name, an
address, a virtual address, a VRRP id of one network or a port in common.`,
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
	c, err := compile(path)
	if found := problemsOf(err); found != nil && f == "json" {
		if err := printJSON(cmd.OutOrStdout(), map[string]any{"valid": false, "problems": found}); err != nil {
			return err
		}
		return errDiffers
	}
	if err != nil {
		return err
	}
	if f == "json" {
		return printJSON(cmd.OutOrStdout(), c.valid())
	}
	if seats := len(c.plan.Seats); seats > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: valid; kit %s, %d seats, Kubernetes %s, %d hosts\n",
			path, c.spec.Cluster.Name, seats, c.spec.Cluster.Kubernetes.Version, hostsIn(c.plan))
		return nil
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: valid; cluster %s, Kubernetes %s, %d hosts\n",
		path, c.spec.Cluster.Name, c.spec.Cluster.Kubernetes.Version, len(c.spec.Cluster.Hosts))
	return nil
}

// valid is what vet says of a valid spec: the spec, or those of all seats.
func (c compiled) valid() map[string]any {
	said := map[string]any{"valid": true, "problems": spec.Problems{}}
	if len(c.spec.Seats) == 0 {
		said["spec"] = c.spec.Cluster
		return said
	}
	var seats []any
	for _, s := range c.spec.Seats {
		seats = append(seats, s.Cluster)
	}
	said["kit"], said["seats"] = c.spec.Cluster.Name, seats
	return said
}

// problemsOf are the problems of a spec with their places, or nil where an error is
// something else.
func problemsOf(err error) any {
	var problems spec.Problems
	var open notClosed
	switch {
	case errors.As(err, &problems):
		return problems
	case errors.As(err, &open):
		return open.problems
	}
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
