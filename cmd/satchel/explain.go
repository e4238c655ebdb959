package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/spec"
)

func newExplainCmd() *cobra.Command {
	var recursive bool
	var f format
	cmd := &cobra.Command{
		Use:   "explain [FIELD]",
		Short: "Document a field of the spec",
		Long: `Document a field of the spec: its type, whether it is required, its default, what is
allowed, and the fields below it. Without FIELD it is the whole spec. In FIELD the key
of a map and the place in a list may be anything or left out: hosts.master1.roles,
hosts.<NAME>.roles and hosts.roles are the same.`,
		Example: `  satchel explain
  satchel explain hosts
  satchel explain loadBalancer.vips.api.routerID
  satchel explain network --recursive`,
		Args: atMost(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return completeField(args, typed)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return runExplain(cmd, strings.Join(args, ""), recursive, f)
		},
	}
	cmd.Flags().BoolVar(&recursive, "recursive", false, "print all fields below, a line each")
	addFormat(cmd, &f)
	return cmd
}

func completeField(args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	fields, err := spec.CompleteField(typed)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	directive := cobra.ShellCompDirectiveNoFileComp
	var all []cobra.Completion
	for _, c := range fields {
		all = append(all, cobra.CompletionWithDesc(c.Path, c.Summary))
		if c.Further {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
	}
	return all, directive
}

func runExplain(cmd *cobra.Command, path string, recursive bool, f format) error {
	field, err := spec.Explain(path)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	width := widthOf(out)
	switch {
	case f == "json" && recursive:
		return printJSON(out, field)
	case f == "json":
		return printJSON(out, field.Shallow())
	case recursive:
		printTree(out, field, width)
	default:
		printField(out, field, width)
	}
	return nil
}

// printField is the documentation of one field.
func printField(w io.Writer, f *spec.FieldDoc, width int) {
	rows := [][]string{{"FIELD", cmp.Or(f.Path, "the whole spec")}, {"TYPE", f.Type}}
	if f.Path != "" && !f.StandsForAny() {
		rows = append(rows, []string{"REQUIRED", yesNo(f.Required)})
	}
	if text := f.DefaultText(); text != "" {
		rows = append(rows, []string{"DEFAULT", text})
	}
	if f.Allowed != "" {
		rows = append(rows, []string{"ALLOWED", f.Allowed})
	}
	for _, c := range f.Conditions {
		label := "IF"
		if f.Conditional {
			label = "ONLY IF"
		}
		rows = append(rows, []string{label, conditionLine(c)})
	}
	printColumns(w, rows, "", width)
	for paragraph := range strings.Lines(f.Doc) {
		fmt.Fprintln(w)
		for _, line := range wrap(strings.TrimSpace(paragraph), cmp.Or(width, plainWidth), true) {
			fmt.Fprintln(w, line)
		}
	}
	printFields(w, f, width)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func conditionLine(c spec.Condition) string {
	var parts []string
	if c.Required {
		parts = append(parts, "required")
	}
	if c.Forbidden {
		parts = append(parts, "must not be given")
	}
	if text := c.DefaultText(); text != "" {
		parts = append(parts, "default "+text)
	}
	if c.Allowed != "" {
		parts = append(parts, "allowed: "+c.Allowed)
	}
	if len(parts) == 0 {
		return c.When
	}
	return c.When + ": " + strings.Join(parts, ", ")
}

// printFields lists what is below a field; of a map or list, what is in each element.
func printFields(w io.Writer, f *spec.FieldDoc, width int) {
	in, heading := f, "FIELDS"
	for in.Element() != nil {
		in = in.Element()
		heading = "FIELDS of " + in.Path
	}
	switch {
	case len(in.Fields) > 0:
	case in != f:
		fmt.Fprintln(w)
		printColumns(w, [][]string{{"EACH", in.Type + orNothing(": ", in.Allowed)}}, "", width)
		return
	default:
		return
	}
	rows := make([][]string, len(in.Fields))
	for i, child := range in.Fields {
		rows[i] = []string{marked(child), child.Type, child.Summary()}
	}
	if slices.ContainsFunc(in.Fields, func(child *spec.FieldDoc) bool { return child.Required }) {
		heading += " (* is required)"
	}
	fmt.Fprintf(w, "\n%s\n", heading)
	printColumns(w, rows, "  ", width)
}

// orNothing is the text with something before it, if there is a text.
func orNothing(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

func marked(f *spec.FieldDoc) string {
	if f.Required {
		return f.Name() + "*"
	}
	return f.Name()
}

// printTree lists all fields below one, indented by depth.
func printTree(w io.Writer, f *spec.FieldDoc, width int) {
	rows := [][]string{{cmp.Or(f.Path, "the whole spec"), treeCell(f)}}
	var list func(f *spec.FieldDoc, indent string)
	list = func(f *spec.FieldDoc, indent string) {
		for _, child := range f.Fields {
			if child.StandsForAny() && len(child.Fields) == 0 {
				continue // the type says that already
			}
			rows = append(rows, []string{indent + marked(child), treeCell(child)})
			list(child, indent+"  ")
		}
	}
	list(f, "  ")
	printColumns(w, rows, "", width)
}

func treeCell(f *spec.FieldDoc) string {
	return f.Type + orNothing(", default ", f.DefaultText())
}
