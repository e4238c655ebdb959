package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"

	"github.com/satchel-kit/satchel/schema"
)

// loadUser reads the user's CUE alone, so that every value keeps its own place. The
// value may still hold conflicts; they are reported with the rest.
func loadUser(ctx *cue.Context, path string) (cue.Value, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return cue.Value{}, fmt.Errorf("%s: no such file or directory; give a CUE file or a directory with one CUE package", path)
	}
	if err != nil {
		return cue.Value{}, fmt.Errorf("reading the spec: %w", err)
	}
	dir, arg := path, "."
	if !info.IsDir() {
		if filepath.Ext(path) != ".cue" {
			return cue.Value{}, fmt.Errorf("%s: a spec is a file whose name ends in .cue, or a directory with one CUE package", path)
		}
		dir, arg = filepath.Dir(path), filepath.Base(path)
	}
	// A spec may import packages of its own module, but nothing from a registry.
	env := append(os.Environ(), "CUE_REGISTRY=none")
	instance := load.Instances([]string{arg}, &load.Config{Dir: dir, Env: env})[0]
	if len(instance.BuildFiles) == 0 && len(instance.InvalidFiles) == 0 {
		return cue.Value{}, fmt.Errorf("%s: no CUE package here; a spec is a file whose name ends in .cue, or a directory with one CUE package", path)
	}
	if instance.Err != nil {
		return cue.Value{}, fromCUE(instance.Err)
	}
	return ctx.BuildInstance(instance), nil
}

// The tables of Kubernetes' APIs and of its components' fields. They are large,
// nothing else refers to them, and few specs need them.
const (
	apisFile     = "v1/apis.cue"
	settingsFile = "v1/settings.cue"
)

// compileSchema evaluates the embedded schema and catalogue.
func compileSchema(ctx *cue.Context) (cue.Value, error) {
	files, err := fs.Glob(schema.V1, "v1/*.cue")
	if err != nil {
		return cue.Value{}, fmt.Errorf("listing the embedded schema: %w", err)
	}
	return compile(ctx, slices.DeleteFunc(files, func(f string) bool { return f == apisFile || f == settingsFile })...)
}

// compile evaluates files of the embedded schema.
func compile(ctx *cue.Context, files ...string) (cue.Value, error) {
	instance := build.NewContext().NewInstance("schema/v1", nil)
	for _, file := range files {
		text, err := schema.V1.ReadFile(file)
		if err != nil {
			return cue.Value{}, fmt.Errorf("reading the embedded schema: %w", err)
		}
		syntax, err := parser.ParseFile("schema/"+file, text)
		if err != nil {
			return cue.Value{}, fmt.Errorf("parsing the embedded schema: %w", err)
		}
		if err := instance.AddSyntax(syntax); err != nil {
			return cue.Value{}, fmt.Errorf("reading the embedded schema: %w", err)
		}
	}
	if err := instance.Complete(); err != nil {
		return cue.Value{}, fmt.Errorf("reading the embedded schema: %w", err)
	}
	v := ctx.BuildInstance(instance)
	if v.Err() != nil {
		return cue.Value{}, fmt.Errorf("evaluating the embedded schema: %w", v.Err())
	}
	return v, nil
}
