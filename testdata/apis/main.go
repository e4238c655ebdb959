// Command apis prints, as JSON, which kinds the Kubernetes releases 1.23 to 1.37
// serve, and with the argument "settings" which fields the configurations of the
// kubelet and of kube-proxy have. It reads the sources of k8s.io/api, k8s.io/kubelet
// and k8s.io/kube-proxy at the last patch that the module proxy has for each minor
// release: what a group and version register, the releases in which an API server
// itself drops a kind (APILifecycleRemoved), and the types of the configurations.
// It runs nothing of Kubernetes, so that one module can look at all releases.
//
// The replacements in go.mod give every release a module path of its own: a
// module cannot require one path at two versions. `go mod download` fetches
// them; this command itself uses no network.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// module is one line of the requirements in go.mod.
type module struct {
	// path is kubernetes.test/release-1-MINOR for k8s.io/api, kubelet-1-MINOR and
	// proxy-1-MINOR for configurations, or kubernetes.test/NAME for an API that a
	// module of its own holds.
	path string
	dir  string
}

// minor is the Kubernetes release 1.MINOR that the module is of; 0 for a module
// that stands for all of them.
func (m module) minor() (int, error) {
	number, ok := strings.CutPrefix(m.path, "kubernetes.test/release-1-")
	if !ok {
		return 0, nil
	}
	return strconv.Atoi(number)
}

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "apis:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, args []string) error {
	modules, err := downloaded()
	if err != nil {
		return err
	}
	if len(args) == 1 && args[0] == "settings" {
		return settings(json.NewEncoder(out), modules)
	}
	if len(args) > 0 {
		return fmt.Errorf("the only argument is \"settings\", not %q", args)
	}
	served := history{}
	for _, m := range modules {
		if m.configures() {
			continue
		}
		minor, err := m.minor()
		if err != nil {
			return err
		}
		kinds, err := readModule(m.dir)
		if err != nil {
			return err
		}
		for _, k := range kinds {
			served.add(minor, k)
		}
	}
	enc := json.NewEncoder(out)
	for _, row := range served.rows() {
		if err := enc.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

// downloaded are the modules that go.mod requires, in the local module cache.
func downloaded() ([]module, error) {
	cmd := exec.Command("go", "mod", "download", "-json")
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("finding the modules (run `go mod download` in testdata/apis once): %w\n%s", err, said.Bytes())
	}
	byVersion := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var m struct{ Path, Version, Dir string }
		if err := d.Decode(&m); err != nil {
			return nil, fmt.Errorf("reading what go mod download says: %w", err)
		}
		byVersion[m.Path+"@"+m.Version] = m.Dir
	}
	return required(byVersion)
}

// required are the replacements in go.mod, by which release each module is for;
// the download's report names only what replaces.
func required(dirs map[string]string) ([]module, error) {
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		return nil, fmt.Errorf("reading go.mod: %w", err)
	}
	var file struct {
		Replace []struct {
			Old struct{ Path string }
			New struct{ Path, Version string }
		}
	}
	if err := json.Unmarshal(out, &file); err != nil {
		return nil, fmt.Errorf("reading go.mod: %w", err)
	}
	var modules []module
	for _, r := range file.Replace {
		dir := dirs[r.New.Path+"@"+r.New.Version]
		if dir == "" {
			return nil, fmt.Errorf("module %s %s is not in the module cache", r.New.Path, r.New.Version)
		}
		modules = append(modules, module{path: r.Old.Path, dir: dir})
	}
	return modules, nil
}
