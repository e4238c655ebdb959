package sbom

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"strings"

	"github.com/package-url/packageurl-go"
)

// program is satchel itself for one architecture.
type program struct {
	id, path, sha256 string
	size             int64
	// modules are the ids of what was compiled into it.
	modules []string
}

// module is a module of Go in a program.
type module struct{ id, path, version, purl string }

func (inv *Inventory) addProgram(p Program) error {
	f, err := os.Open(p.Source)
	if err != nil {
		return fmt.Errorf("taking stock of program %q: %w", p.Path, err)
	}
	defer f.Close()
	has := program{path: p.Path, sha256: p.SHA256, size: p.Size}
	has.id = identity("Program", has.path, has.sha256)
	for _, m := range modulesOf(f) {
		has.modules = append(has.modules, m.id)
		if !inv.has(m) {
			inv.modules = append(inv.modules, m)
		}
	}
	inv.programs = append(inv.programs, has)
	return nil
}

func (inv *Inventory) has(m module) bool {
	for _, known := range inv.modules {
		if known.id == m.id {
			return true
		}
	}
	return false
}

// modulesOf reads what the compiler wrote into a program. One that was compressed, or
// made by something else than Go, does not say what is in it.
func modulesOf(f *os.File) []module {
	info, err := buildinfo.Read(f)
	if err != nil || info.GoVersion == "" {
		return nil
	}
	// A compiler between two releases adds the experiments and patches in it.
	release, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ")
	modules := []module{newModule("stdlib", release)}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		modules = append(modules, newModule(m.Path, m.Version))
	}
	return modules
}

func newModule(path, version string) module {
	space, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		space, name = path[:i], path[i+1:]
	}
	purl := packageurl.NewPackageURL(packageurl.TypeGolang, space, name, version, nil, "").ToString()
	return module{identity("Module", path, version), path, version, purl}
}
