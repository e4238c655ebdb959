//go:build lab && linux

package world

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// module is a directory of testdata/lab: a go.mod whose tool lines are the
// programs to build.
type module struct {
	recipe
	version  string // of recipe.source
	root     string // the directory
	packages []string
	key      string
}

// sources finds testdata/lab from any directory of the repository.
func sources(ctx context.Context) (string, error) {
	top, err := goTool(ctx, ".", "list", "-m", "-f", "{{.Dir}}", "github.com/satchel-kit/satchel")
	if err != nil {
		return "", fmt.Errorf("finding testdata/lab: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(top)), "testdata", "lab"), nil
}

// loadModules reads the modules of the recipes.
func loadModules(ctx context.Context, sources string, recipes []recipe) ([]module, error) {
	toolchain, err := goTool(ctx, ".", "env", "GOVERSION", "GOAMD64")
	if err != nil {
		return nil, err
	}
	var list []module
	for _, r := range recipes {
		m := module{recipe: r, root: filepath.Join(sources, r.dir)}
		if err := m.read(ctx, string(toolchain)); err != nil {
			return nil, fmt.Errorf("reading module %q of testdata/lab: %w", r.dir, err)
		}
		list = append(list, m)
	}
	return list, nil
}

func (m *module) read(ctx context.Context, toolchain string) error {
	if _, err := os.Stat(m.root); err != nil {
		return fmt.Errorf("there is none for this release: %w", err)
	}
	text, err := goTool(ctx, m.root, "mod", "edit", "-json")
	if err != nil {
		return err
	}
	var file struct {
		Require []struct{ Path, Version string }
		Tool    []struct{ Path string }
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return fmt.Errorf("decoding go.mod: %w", err)
	}
	for _, r := range file.Require {
		if r.Path == m.source {
			m.version = strings.TrimSuffix(r.Version, "+incompatible")
		}
	}
	for _, t := range file.Tool {
		m.packages = append(m.packages, t.Path)
	}
	if m.version == "" || len(m.packages) == 0 {
		return fmt.Errorf("go.mod must require %q and have tool lines", m.source)
	}
	m.key, err = m.digest(toolchain)
	return err
}

// digest covers all that goes into the module's programs: the sources of its
// requirements are pinned by go.sum.
func (m *module) digest(toolchain string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%q\n%q\n", toolchain, m.arguments(), m.environment())
	err := filepath.WalkDir(m.root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s %d\n%s\n", strings.TrimPrefix(name, m.root), len(content), content)
		return nil
	})
	return fmt.Sprintf("%x", h.Sum(nil)[:6]), err
}

// program is the file name of a package's program.
func (m *module) program(pkg string) string {
	if name, ok := m.rename[pkg]; ok {
		return name
	}
	return path.Base(pkg)
}

func (m *module) arguments() []string {
	link := "-s -w " + m.link
	if m.static {
		link += " -linkmode external -extldflags -static"
	}
	link = strings.NewReplacer("%v", m.version, "%V", strings.TrimPrefix(m.version, "v")).Replace(link)
	return []string{"-p=2", "-mod=readonly", "-trimpath", "-buildvcs=false", "-tags=" + m.tags, "-ldflags=" + link}
}

// environment is what decides about the bytes of a program.
func (m *module) environment() []string {
	cgo := "CGO_ENABLED=0"
	if m.static {
		cgo = "CGO_ENABLED=1"
	}
	return []string{cgo, "GOFLAGS=", "GOWORK=off", "GOOS=linux", "GOARCH=" + runtime.GOARCH}
}

// goTool gives the output of a go command.
func goTool(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), []string{"GOWORK=off", "GOFLAGS="})
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("running go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(problems.String()))
	}
	return out, nil
}
