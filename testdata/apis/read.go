package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
)

// kind is one kind that a module registers.
type kind struct {
	group, version, name string
	// removed is the first minor release whose API server drops the kind; 0 if
	// none is known.
	removed int
	// instead is the apiVersion that the module's authors name as replacement.
	instead string
}

// readModule reads every package with a register.go below dir.
func readModule(dir string) ([]kind, error) {
	var all []kind
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "examples") {
			return filepath.SkipDir
		}
		if entry.Name() != "register.go" {
			return nil
		}
		kinds, err := readPackage(filepath.Dir(path))
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Dir(path), err)
		}
		all = append(all, kinds...)
		return nil
	})
	return all, err
}

func readPackage(dir string) ([]kind, error) {
	register, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, "register.go"), nil, 0)
	if err != nil {
		return nil, err
	}
	group, version := groupVersion(register)
	if version == "" || version == "__internal" {
		return nil, nil // what an API server uses inside
	}
	lives, err := lifecycles(filepath.Join(dir, "zz_generated.prerelease-lifecycle.go"))
	if err != nil {
		return nil, err
	}
	names := registered(register)
	var kinds []kind
	for name := range names {
		if isResource(group, name, names) {
			life, ok := corrections[group+"/"+version+" "+name]
			if !ok {
				life = lives[name]
			}
			kinds = append(kinds, kind{group, version, name, life.removed, life.instead})
		}
	}
	return kinds, nil
}

// groupVersion finds `GroupName = "GROUP"` and `schema.GroupVersion{…, Version: "VERSION"}`.
func groupVersion(file *ast.File) (group, version string) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			if len(n.Values) == 1 && n.Names[0].Name == "GroupName" {
				group = literal(n.Values[0])
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Version" {
				version = literal(n.Value)
			}
		}
		return true
	})
	return group, version
}

// registered are the types of the package itself that AddKnownTypes gets as &TYPE{}.
func registered(file *ast.File) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "AddKnownTypes" {
			return true
		}
		for _, arg := range call.Args {
			if pointer, ok := arg.(*ast.UnaryExpr); ok {
				if object, ok := pointer.X.(*ast.CompositeLit); ok {
					if name, ok := object.Type.(*ast.Ident); ok {
						names[name.Name] = true
					}
				}
			}
		}
		return true
	})
	return names
}

// notResources are registered, but nobody can apply them: they are what a
// subresource takes or gives, what an API server sends to a webhook, or how it
// describes itself. A name alone holds for every group.
var notResources = map[string]bool{
	"APIGroupDiscovery":   true,
	"AdmissionReview":     true,
	"ConversionReview":    true,
	"DeploymentRollback":  true,
	"ImageReview":         true,
	"JobTemplate":         true,
	"PodStatusResult":     true,
	"RangeAllocation":     true,
	"Scale":               true,
	"SerializedReference": true,
	"TokenRequest":        true,
	"policy/Eviction":     true,
}

// isResource tells what has an address of its own in the API from lists, options
// and the like.
func isResource(group, name string, all map[string]bool) bool {
	item, isList := strings.CutSuffix(name, "List")
	switch {
	case name == "List", isList && all[item], strings.HasSuffix(name, "Options"):
		return false
	}
	return !notResources[name] && !notResources[group+"/"+name]
}

// corrections are kinds that the sources register for longer than API servers
// serve them, without saying so. Kubernetes' changelogs do (#104248 in
// CHANGELOG-1.23, #103061 in CHANGELOG-1.24), and so do the lists of resources
// that its repository has for every release (api/discovery, and before 1.26
// api/openapi-spec/swagger.json).
var corrections = map[string]lifecycle{
	"networking.k8s.io/v1alpha1 IPAddress":                  {removed: 31},
	"networking.k8s.io/v1alpha1 ServiceCIDR":                {removed: 31},
	"node.k8s.io/v1alpha1 RuntimeClass":                     {removed: 24, instead: "node.k8s.io/v1"},
	"rbac.authorization.k8s.io/v1alpha1 ClusterRole":        {removed: 23, instead: "rbac.authorization.k8s.io/v1"},
	"rbac.authorization.k8s.io/v1alpha1 ClusterRoleBinding": {removed: 23, instead: "rbac.authorization.k8s.io/v1"},
	"rbac.authorization.k8s.io/v1alpha1 Role":               {removed: 23, instead: "rbac.authorization.k8s.io/v1"},
	"rbac.authorization.k8s.io/v1alpha1 RoleBinding":        {removed: 23, instead: "rbac.authorization.k8s.io/v1"},
	"scheduling.k8s.io/v1alpha1 PriorityClass":              {removed: 23, instead: "scheduling.k8s.io/v1"},
	"storage.k8s.io/v1alpha1 VolumeAttachment":              {removed: 23, instead: "storage.k8s.io/v1"},
}

type lifecycle struct {
	removed int
	instead string
}

// lifecycles reads the generated methods of a version that is not, or was not, for
// good. A package without them has only versions that stay.
func lifecycles(path string) (map[string]lifecycle, error) {
	lives := map[string]lifecycle{}
	if found, err := filepath.Glob(path); err != nil || len(found) == 0 {
		return lives, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, err
	}
	for _, d := range file.Decls {
		method, ok := d.(*ast.FuncDecl)
		if !ok || method.Recv == nil {
			continue
		}
		receiver := method.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
		life := lives[receiver]
		results := method.Body.List[0].(*ast.ReturnStmt).Results
		switch method.Name.Name {
		case "APILifecycleRemoved":
			life.removed, err = strconv.Atoi(results[1].(*ast.BasicLit).Value)
		case "APILifecycleReplacement":
			life.instead = replacement(results[0].(*ast.CompositeLit))
		}
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", method.Name.Name, receiver, err)
		}
		lives[receiver] = life
	}
	return lives, nil
}

// replacement reads schema.GroupVersionKind{Group: …, Version: …, Kind: …}.
func replacement(gvk *ast.CompositeLit) string {
	fields := map[string]string{}
	for _, e := range gvk.Elts {
		pair := e.(*ast.KeyValueExpr)
		fields[pair.Key.(*ast.Ident).Name] = literal(pair.Value)
	}
	return strings.TrimPrefix(fields["Group"]+"/"+fields["Version"], "/")
}

// literal is a string literal's value; "" for another expression.
func literal(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		if s, err := strconv.Unquote(l.Value); err == nil {
			return s
		}
	}
	return ""
}
