package closure

import (
	"bytes"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"
)

// node is a place in a YAML document; the zero node is one that is not there.
type node struct{ *yaml.Node }

// maxDepth bounds how deep a document is looked into.
const maxDepth = 100

func readYAML(text []byte) ([]node, error) {
	var list []node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var document yaml.Node
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		if len(document.Content) == 1 {
			list = append(list, node{document.Content[0]})
		}
	}
}

// follow is what an alias stands for.
func (n node) follow() node {
	if n.Node != nil && n.Kind == yaml.AliasNode {
		return node{n.Alias}
	}
	return n
}

// field is the value of a key.
func (n node) field(keys ...string) node {
	for _, key := range keys {
		n = n.follow().one(key)
	}
	return n.follow()
}

func (n node) one(key string) node {
	if n.Node == nil || n.Kind != yaml.MappingNode {
		return node{}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return node{n.Content[i+1]}
		}
	}
	return node{}
}

// text is a scalar's value.
func (n node) text() string {
	if n.Node == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// items are those of a list.
func (n node) items() []node {
	if n.Node == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	var list []node
	for _, item := range n.Content {
		list = append(list, node{item}.follow())
	}
	return list
}

// place is where the node stands in a file.
func (n node) place(path string) place {
	if n.Node == nil {
		return place{path, 1, 1}
	}
	return place{path, n.Line, n.Column}
}

// walk visits every mapping. It follows no alias: what an anchor holds is visited
// where it stands.
func (n node) walk(visit func(node)) { n.down(visit, 0) }

func (n node) down(visit func(node), depth int) {
	if n.Node == nil || depth > maxDepth {
		return
	}
	if n.Kind == yaml.MappingNode {
		visit(n)
	}
	for _, child := range n.Content {
		node{child}.down(visit, depth+1)
	}
}
