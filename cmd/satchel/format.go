package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

// format is the value of --format.
type format string

func addFormat(cmd *cobra.Command, f *format) {
	*f = "text"
	cmd.Flags().StringVar((*string)(f), "format", "text", "output format: text or json")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

func (f format) check() error {
	if f != "text" && f != "json" {
		return usagef("--format is text or json, not %q", string(f))
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
