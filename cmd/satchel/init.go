package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/profile"
	"github.com/satchel-kit/satchel/internal/spec"
)

func newInitCmd() *cobra.Command {
	var name, cluster string
	var f format
	cmd := &cobra.Command{
		Use:   "init [DIR] --profile NAME",
		Short: "Write a commented spec to begin with",
		Long: `Write a valid spec with comments into DIR, with the files that it refers to. DIR is made
where it is not there; nothing in it is ever replaced. Without --profile the profiles
are listed.`,
		Example: `  satchel init
  satchel init mycluster --profile single
  satchel init mycluster --profile ha --name site7`,
		Args: atMost(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			switch {
			case name != "":
				return runInit(cmd, specArg(args), name, cluster, f)
			case len(args) > 0 || cluster != "":
				return usagef("init needs --profile NAME, one of %s", strings.Join(profileNames(), ", "))
			}
			return listProfiles(cmd, f)
		},
	}
	cmd.Flags().StringVar(&name, "profile", "", "the profile to begin with; without it they are listed")
	cmd.Flags().StringVar(&cluster, "name", "", "the cluster's name; default: the profile's")
	cmd.RegisterFlagCompletionFunc("profile", completeProfile)
	cmd.RegisterFlagCompletionFunc("name", cobra.NoFileCompletions)
	addFormat(cmd, &f)
	return cmd
}

func completeProfile(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	profiles, err := profile.List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var all []cobra.Completion
	for _, p := range profiles {
		all = append(all, cobra.CompletionWithDesc(p.Name, p.Description))
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

// profileNames is empty where the profiles cannot be listed, which listing them says.
func profileNames() []string {
	var names []string
	profiles, _ := profile.List()
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return names
}

func listProfiles(cmd *cobra.Command, f format) error {
	profiles, err := profile.List()
	if err != nil {
		return err
	}
	if f == "json" {
		return printJSON(cmd.OutOrStdout(), profiles)
	}
	rows := make([][]string, len(profiles))
	for i, p := range profiles {
		rows[i] = []string{p.Name, p.Description}
	}
	printColumns(cmd.OutOrStdout(), rows, "", widthOf(cmd.OutOrStdout()))
	fmt.Fprintln(cmd.ErrOrStderr(), "Choose one: satchel init DIR --profile NAME")
	return nil
}

func runInit(cmd *cobra.Command, dir, name, cluster string, f format) error {
	p, err := profile.Get(name)
	var unknown *profile.Unknown
	if errors.As(err, &unknown) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	var loaded *spec.Spec
	files, err := p.Write(dir, cluster, func(staged string) (err error) {
		if loaded, err = spec.Load(staged); err != nil {
			return refused(err, staged, cluster)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if f == "json" {
		return printJSON(cmd.OutOrStdout(), map[string]any{"directory": dir, "profile": p.Name, "name": loaded.Cluster.Name, "files": files})
	}
	for _, file := range files {
		fmt.Fprintln(cmd.OutOrStdout(), file)
	}
	target := quoteArg(dir)
	bundle := loaded.Cluster.Name + ".tar"
	rows := [][]string{
		{"satchel explain", "what every field is for"},
		{"satchel vet " + target, "after changing " + filepath.Join(dir, "cluster.cue")},
		{"satchel lock " + target, "fix every image and file by its checksum"},
		{"satchel build " + target + " -o " + bundle, "fetch them and pack the bundle"},
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "\nNext:")
	printColumns(cmd.ErrOrStderr(), rows, "  ", 0)
	return nil
}

// refused says what of a profile is no valid spec: as wrong usage, if that is the name
// that the user gave.
func refused(err error, staged, cluster string) error {
	var problems spec.Problems
	if !errors.As(err, &problems) {
		return err
	}
	for i, p := range problems {
		if p.Path == "name" && cluster != "" && p.Allowed != "" {
			return usagef("--name %q: a cluster's name is %s", cluster, p.Allowed)
		}
		problems[i].File = strings.Replace(p.File, filepath.Base(staged)+string(filepath.Separator), "", 1)
	}
	return fmt.Errorf("the profile is no valid spec, which is a fault in satchel; nothing was written:\n%w", problems)
}

// quoteArg is an argument as a shell takes it.
func quoteArg(text string) string {
	if text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-+:@") == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
