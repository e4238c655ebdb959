package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
)

// fieldReader knows the types of one file.
type fieldReader struct {
	types  map[string]ast.Expr
	fields map[string]string
}

// readFields gives the types of all fields of a struct by path. Structs of the file itself
// are opened; what comes from elsewhere is one field of the type any.
func readFields(file, root string) (map[string]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return nil, err
	}
	r := fieldReader{types: map[string]ast.Expr{}, fields: map[string]string{}}
	for _, d := range parsed.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range gen.Specs {
			if t, ok := s.(*ast.TypeSpec); ok {
				r.types[t.Name.Name] = t.Type
			}
		}
	}
	top, ok := r.types[root].(*ast.StructType)
	if !ok {
		return nil, fmt.Errorf("%s: no struct %s", file, root)
	}
	return r.fields, r.open("", top)
}

func (r fieldReader) open(prefix string, s *ast.StructType) error {
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			return fmt.Errorf("%sa field without a tag", prefix)
		}
		tag, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return err
		}
		name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		if name == "" && (len(f.Names) == 0 || strings.Contains(options, "inline")) {
			continue // apiVersion and kind
		}
		if err := r.add(prefix+name, f.Type); err != nil {
			return err
		}
	}
	return nil
}

// add notes a field, and those below it.
func (r fieldReader) add(path string, t ast.Expr) error {
	switch t := t.(type) {
	case *ast.StarExpr:
		return r.add(path, t.X)
	case *ast.ArrayType:
		r.fields[path] = "list"
	case *ast.MapType:
		r.fields[path] = "map"
	case *ast.SelectorExpr:
		r.fields[path] = foreign(t)
	case *ast.StructType:
		r.fields[path] = "struct"
		return r.open(path+".", t)
	case *ast.Ident:
		if own, ok := r.types[t.Name]; ok {
			return r.add(path, own)
		}
		kind, ok := basic[t.Name]
		if !ok {
			return fmt.Errorf("%s: unknown type %s", path, t.Name)
		}
		r.fields[path] = kind
	default:
		return fmt.Errorf("%s: unknown type %T", path, t)
	}
	return nil
}

var basic = map[string]string{
	"bool": "bool", "string": "string", "float64": "number",
	"int": "integer", "int32": "integer", "int64": "integer", "uint": "integer", "uint32": "integer",
}

// foreign is the type of a field whose type another module has.
func foreign(t *ast.SelectorExpr) string {
	if t.Sel.Name == "Duration" {
		return "duration"
	}
	return "any"
}
