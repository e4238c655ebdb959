package spec

import (
	"fmt"
	"io/fs"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/parser"

	"github.com/satchel-kit/satchel/schema"
)

// parseSchema reads the embedded schema with its comments.
func parseSchema() ([]*ast.File, error) {
	names, err := fs.Glob(schema.V1, "v1/*.cue")
	if err != nil {
		return nil, fmt.Errorf("listing the embedded schema: %w", err)
	}
	var files []*ast.File
	for _, name := range names {
		text, err := schema.V1.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading the embedded schema: %w", err)
		}
		file, err := parser.ParseFile("schema/"+name, text, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("parsing the embedded schema: %w", err)
		}
		files = append(files, file)
	}
	return files, nil
}

// document evaluates the files, which it changes, and documents a definition.
func document(ctx *cue.Context, files []*ast.File, definition string) (*FieldDoc, error) {
	e := exposure{conditions: map[string]condition{}}
	instance := build.NewContext().NewInstance("schema/v1", nil)
	for _, file := range files {
		e.rewrite(file)
		if err := instance.AddSyntax(file); err != nil {
			return nil, err
		}
	}
	if err := instance.Complete(); err != nil {
		return nil, err
	}
	root := ctx.BuildInstance(instance)
	if root.Err() != nil {
		return nil, root.Err()
	}
	whole := root.LookupPath(cue.ParsePath(definition))
	if whole.Err() != nil {
		return nil, whole.Err()
	}
	d := documenter{root: root, conditions: e.conditions}
	return d.field("", "", []part{{value: whole, constraint: cue.OptionalConstraint}}, ""), nil
}
