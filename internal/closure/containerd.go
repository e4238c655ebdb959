package closure

import (
	"errors"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// setting is one key of a TOML file.
type setting struct {
	key          []string
	value        string
	line, column int
}

// readTOML lists the keys with a plain value, each with the tables that it is in. The
// library's whole reader judges the file; its parser, which knows places, would take
// a key that is there twice.
func readTOML(text []byte) ([]setting, error) {
	var all map[string]any
	if err := toml.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	var list []setting
	var table []string
	parser := unstable.Parser{}
	parser.Reset(text)
	for parser.NextExpression() {
		switch e := parser.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table, _ = keys(e)
		case unstable.KeyValue:
			names, at := keys(e)
			start := parser.Shape(at).Start
			list = append(list, setting{append(slices.Clone(table), names...), string(e.Value().Data), start.Line, start.Column})
		}
	}
	return list, parser.Error()
}

// keys are the parts of an expression's key, and where it begins.
func keys(n *unstable.Node) ([]string, unstable.Range) {
	var list []string
	var first unstable.Range
	for it := n.Key(); it.Next(); {
		if list == nil {
			first = it.Node().Raw
		}
		list = append(list, string(it.Node().Data))
	}
	return list, first
}

// Where containerd's configuration has the image of the pods' own container, by the
// version of the configuration (containerd/containerd, docs/cri/config.md). The key of
// one version is silently ignored in the other.
var sandboxKeys = map[string][]string{
	"2": {"plugins", "io.containerd.grpc.v1.cri", "sandbox_image"},
	"3": {"plugins", "io.containerd.cri.v1.images", "pinned_images", "sandbox"},
}

// containerd checks the sandbox image of containerd's configuration.
func (c *check) containerd(h *host, path string, text []byte) {
	settings, err := c.settings(text)
	if err != nil {
		at := place{path, 1, 1}
		if e, ok := errors.AsType[*toml.DecodeError](err); ok {
			at.line, at.column = e.Position()
		}
		c.report(at, "", "it cannot be read as TOML: "+strings.TrimPrefix(err.Error(), "toml: "))
		return
	}
	version := "1"
	for _, s := range settings {
		if len(s.key) == 1 && s.key[0] == "version" {
			version = s.value
		}
	}
	wanted := sandboxKeys[version]
	found := false
	for _, s := range settings {
		at := place{path, s.line, s.column}
		last := s.key[len(s.key)-1]
		switch {
		case slices.Equal(s.key, wanted):
			found = true
			c.image(at, []string{s.value}, []*host{h})
		case last == "sandbox_image" || last == "sandbox" && slices.Contains(s.key, "pinned_images"):
			found = true
			c.report(at, "", "containerd ignores "+strings.Join(s.key, ".")+" in a configuration of version "+version+" and pulls its own sandbox image from "+kubernetesRegistry)
		}
	}
	if !found {
		c.report(place{path, 1, 1}, "", "it names no sandbox image, so containerd pulls its own from "+kubernetesRegistry)
	}
}

// tomlFile is what reading a file gave; many hosts have the same one.
type tomlFile struct {
	settings []setting
	err      error
}

func (c *check) settings(text []byte) ([]setting, error) {
	f, ok := c.reader.toml[string(text)]
	if !ok {
		f.settings, f.err = readTOML(text)
		c.reader.toml[string(text)] = f
		c.reader.size += len(text)
	}
	return f.settings, f.err
}
