package rpm

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// module is a stream of a module, in one build.
type module struct {
	name, stream string
	// artifacts are the packages of it, such as "runc-1:1.0-1.el8.x86_64".
	artifacts []string
	isDefault bool
}

type yamlModule struct {
	Document string `yaml:"document"`
	Data     struct {
		Name      string `yaml:"name"`
		Module    string `yaml:"module"`
		Stream    scalar `yaml:"stream"`
		Artifacts struct {
			RPMs []string `yaml:"rpms"`
		} `yaml:"artifacts"`
	} `yaml:"data"`
}

// scalar is a word of YAML as it is written: the stream 1.10 is not 1.1.
type scalar string

func (s *scalar) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: a stream should be one word", n.Line)
	}
	*s = scalar(n.Value)
	return nil
}

// readModules reads a modules.yaml: the streams of all modules, and which are default.
func readModules(r io.Reader) ([]module, error) {
	var all []module
	defaults := map[string]string{}
	for d := yaml.NewDecoder(r); ; {
		var one yamlModule
		err := d.Decode(&one)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("it is no modules.yaml: %w", err)
		}
		switch one.Document {
		case "modulemd":
			all = append(all, module{name: one.Data.Name, stream: string(one.Data.Stream), artifacts: one.Data.Artifacts.RPMs})
		case "modulemd-defaults":
			defaults[one.Data.Module] = string(one.Data.Stream)
		}
	}
	for i := range all {
		all[i].isDefault = defaults[all[i].name] == all[i].stream
	}
	return all, nil
}

// hidden tells which packages of the indexes do not exist for a host, because of modules.
//
// This is the rule, which is dnf's: a stream is enabled if the repository asks for it, or
// if it is the default of a module for which no stream is asked. Packages of streams that
// are not enabled are hidden. Packages that are of no module are hidden if an enabled
// stream has one of the same name, unless their repository has hotfixes for modules. What
// a stream depends on is not enabled by itself.
func hidden(indexes []*Index) []map[*Package]bool {
	asked := map[string][]string{}
	for _, x := range indexes {
		for _, e := range x.enabled {
			name, stream, _ := strings.Cut(e, ":")
			asked[name] = append(asked[name], stream)
		}
	}
	modular, shown, names := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, x := range indexes {
		for _, m := range x.modules {
			enabled := m.isDefault
			if streams, ok := asked[m.name]; ok {
				enabled = slices.Contains(streams, m.stream)
			}
			for _, a := range m.artifacts {
				modular[a] = true
				if enabled {
					shown[a] = true
					names[artifactName(a)] = true
				}
			}
		}
	}
	all := make([]map[*Package]bool, len(indexes))
	if len(modular) == 0 {
		return all
	}
	for i, x := range indexes {
		all[i] = map[*Package]bool{}
		for _, p := range x.packages {
			a := p.artifact()
			if !x.hotfixes && (modular[a] && !shown[a] || !modular[a] && names[p.Name]) {
				all[i][p] = true
			}
		}
	}
	return all
}

// artifact is the package as modules name it: with its epoch, even if that is 0.
func (p *Package) artifact() string {
	return p.Name + "-" + p.Epoch + ":" + p.Version + "-" + p.Release + "." + p.Architecture
}

// artifactName cuts the version, the release and the architecture off.
func artifactName(a string) string {
	for range 2 {
		a = a[:max(0, strings.LastIndexByte(a, '-'))]
	}
	return a
}

// checkModule refuses what is no stream of a module.
func checkModule(text string) error {
	name, stream, found := strings.Cut(text, ":")
	if !found || !isName(name) || !isName(stream) {
		return fmt.Errorf("%q is no stream of a module, such as \"container-tools:4.0\"", text)
	}
	return nil
}
