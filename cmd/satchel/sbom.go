package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/render"
	"github.com/satchel-kit/satchel/internal/sbom"
)

// documents are the forms of a list of what is in a bundle.
var documents = map[string]struct {
	path  string
	write func(*sbom.Inventory) ([]byte, error)
}{
	"spdx":      {sbom.SPDXPath, (*sbom.Inventory).SPDX},
	"cyclonedx": {sbom.CycloneDXPath, (*sbom.Inventory).CycloneDX},
}

type sbomOptions struct {
	supply
	format, out string
}

func newSBOMCmd() *cobra.Command {
	var o sbomOptions
	cmd := &cobra.Command{
		Use:   "sbom [BUNDLE|SPEC] [--format spdx|cyclonedx] [-o FILE]",
		Short: "List what is in a bundle, as SPDX or CycloneDX",
		Long: `Print the list of all that is in a bundle (SBOM): images with their layers and what
they were made from, downloaded files with version and address, satchel with the modules
in it, and every rendered text; each with its digest, and its package URL where it has
one. As SPDX 2.3 or as CycloneDX 1.5, in JSON.

A bundle has both lists in it, under sbom/; the one that is asked for is checked and
printed. Of a spec and its lock the list is made; it is the one that build puts into the
bundle. Neither has a time or a random number in it: the same bundle has the same list.`,
		Example: `  satchel sbom course-ha.tar
  satchel sbom course-ha.tar --format cyclonedx -o course-ha.cdx.json
  satchel sbom bundles/course-ha`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, found := documents[o.format]; !found {
				return usagef("--format is spdx or cyclonedx, not %q", o.format)
			}
			return runSBOM(cmd, specArg(args), o)
		},
	}
	cmd.Flags().StringVar(&o.lockFile, "lock", "", "the lock file of SPEC; default: satchel.lock beside it")
	cmd.Flags().StringVar(&o.format, "format", "spdx", "form of the list: spdx or cyclonedx")
	cmd.Flags().StringVarP(&o.out, "output", "o", "", "file to write; default: stdout")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"spdx", "cyclonedx"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.MarkFlagFilename("output", "json")
	return cmd
}

func runSBOM(cmd *cobra.Command, path string, o sbomOptions) error {
	from := o.fromSpec
	if isBundle(path) {
		from = fromBundle
	}
	text, err := from(cmd, path, o.format)
	if err != nil {
		return err
	}
	if o.out != "" {
		return sbom.WriteFile(o.out, text)
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}

// isBundle tells a bundle from a spec: a spec is a CUE file, or a directory that is not
// an unpacked bundle.
func isBundle(path string) bool {
	st, err := os.Stat(path)
	if err != nil || !st.IsDir() {
		return !strings.HasSuffix(path, ".cue")
	}
	_, err = os.Stat(filepath.Join(path, "bundle.json"))
	return err == nil
}

func fromBundle(cmd *cobra.Command, path, format string) ([]byte, error) {
	text, err := bundle.Text(cmd.Context(), path, documents[format].path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; satchel sbom SPEC makes the list from the spec and its lock", err)
	}
	return text, err
}

func (o *sbomOptions) fromSpec(cmd *cobra.Command, path, format string) ([]byte, error) {
	c, err := compile(path)
	if err != nil {
		return nil, err
	}
	l, err := o.readLock(path)
	if err != nil {
		return nil, err
	}
	if err := l.Covers(c.plan.Supply); err != nil {
		return nil, err
	}
	b := bars(cmd)
	defer b.Wait()
	own, err := programs(c.plan.Programs, b)
	if err != nil {
		return nil, err
	}
	inv, err := inventory(meta(c.plan), c.tree, l, own)
	if err != nil {
		return nil, err
	}
	return documents[format].write(inv)
}

func inventory(m bundle.Meta, tree render.Tree, l *lock.Lock, own []bundle.Program) (*sbom.Inventory, error) {
	s := sbom.Subject{Name: m.Name, Version: m.Version, Satchel: m.Satchel, Tree: tree, Lock: l}
	for _, p := range own {
		s.Programs = append(s.Programs, sbom.Program(p))
	}
	return sbom.New(s)
}

// prepare prepares a bundle with the documents about it.
func prepare(in bundle.Input) (*bundle.Draft, error) {
	inv, err := inventory(in.Meta, in.Tree, in.Lock, in.Programs)
	if err != nil {
		return nil, err
	}
	in.Tree = slices.Clone(in.Tree)
	for _, d := range documents {
		text, err := d.write(inv)
		if err != nil {
			return nil, err
		}
		in.Tree = append(in.Tree, render.File{Path: d.path, Mode: 0o644, Data: text})
	}
	origin := sbom.Origin{Name: in.Meta.Name, Version: in.Meta.Version, Spec: in.Meta.Spec, Lock: in.Lock, Satchel: in.Meta.Satchel, Go: runtime.Version()}
	in.Describe = func(sums []byte) (render.File, error) {
		text, err := origin.Provenance(sums)
		return render.File{Path: sbom.ProvenancePath, Mode: 0o644, Data: text}, err
	}
	return bundle.Prepare(in)
}
