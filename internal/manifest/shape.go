package manifest

import (
	"go.yaml.in/yaml/v3"
)

const (
	// maxDepth bounds recursion; the deepest schemas of custom resources nest
	// about seventy levels.
	maxDepth = 500
	// maxNodes bounds what a document is with all aliases written out, which is
	// what Kubernetes makes of it.
	maxNodes = 2_000_000
)

// shape is the first look at a document: whether Kubernetes could read it at all.
// It follows no alias.
type shape struct {
	*reader
	// size is how many nodes an anchor's node is with its aliases written out; 0
	// while it is still open.
	size map[*yaml.Node]int
	// aliases are those of each node, in order.
	aliases map[*yaml.Node][]*yaml.Node
	// templates are mappings that come from {{ }} without quotes.
	templates map[*yaml.Node]bool
	broken    bool
}

// check tells whether the document can be looked at further.
func (s *shape) check(root *yaml.Node) bool {
	s.size = map[*yaml.Node]int{}
	s.aliases = map[*yaml.Node][]*yaml.Node{}
	s.templates = map[*yaml.Node]bool{}
	if size := s.node(root, 0); size > maxNodes && !s.broken {
		s.fail(root, "with its aliases written out it has more than %d nodes, which is more than is read; write it without aliases, or split it", maxNodes)
	}
	return !s.broken
}

// fail reports what ends the look at the document.
func (s *shape) fail(n *yaml.Node, format string, args ...any) {
	s.broken = true
	s.report(s.at(n), format, args...)
}

// node returns a node's size with aliases written out.
func (s *shape) node(n *yaml.Node, depth int) int {
	if depth > maxDepth {
		if !s.broken {
			s.fail(n, "it is nested deeper than %d levels; no manifest needs that", maxDepth)
		}
		return 1
	}
	if n.Kind == yaml.AliasNode {
		return s.alias(n)
	}
	if n.Anchor != "" {
		s.size[n] = 0
	}
	if n.Kind == yaml.MappingNode {
		s.keys(n)
	}
	size := 1
	for _, child := range n.Content {
		size = min(size+s.node(child, depth+1), maxNodes+1)
	}
	if n.Anchor != "" {
		s.size[n] = size
	}
	return size
}

func (s *shape) alias(n *yaml.Node) int {
	size, known := s.size[n.Alias]
	switch {
	case !known:
		s.fail(n, "the anchor &%s of this alias is in another document, and kubectl reads each by itself; write the value out here", n.Value)
	case size == 0:
		s.fail(n, "this alias stands within its own anchor &%s; write the value out here", n.Value)
	}
	s.aliases[n.Alias] = append(s.aliases[n.Alias], n)
	return size
}

// keys reports what makes a mapping unfit for JSON, which Kubernetes makes of it.
func (s *shape) keys(m *yaml.Node) {
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := follow(m.Content[i]), m.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			s.compositeKey(m, m.Content[i])
			continue
		}
		if earlier, ok := first[key.Value]; ok {
			line, column := s.text.place(s.at(earlier))
			s.report(s.at(m.Content[i]), "the key %q is in this mapping twice, first at %d:%d; keep one", shorten(key.Value), line, column)
			continue
		}
		first[key.Value] = m.Content[i]
		if isMerge(key) && !isMergeable(value) {
			s.fail(value, "<< takes a mapping or a list of mappings, and this is %s", nature(follow(value)))
		}
	}
}

// compositeKey is {{ … }} without quotes, most of the time: a mapping with a
// mapping as its key.
func (s *shape) compositeKey(m, key *yaml.Node) {
	if m.Style&yaml.FlowStyle != 0 && follow(key).Kind == yaml.MappingNode {
		s.templates[m] = true
		s.report(s.at(m), "this is an unresolved template; %s", renderFirst)
		return
	}
	s.report(s.at(key), "a key must be a string, and this one is %s", nature(follow(key)))
}

func isMerge(key *yaml.Node) bool { return key.Kind == yaml.ScalarNode && key.ShortTag() == mergeTag }

func isMergeable(value *yaml.Node) bool {
	value = follow(value)
	if value.Kind != yaml.SequenceNode {
		return value.Kind == yaml.MappingNode
	}
	for _, item := range value.Content {
		if follow(item).Kind != yaml.MappingNode {
			return false
		}
	}
	return true
}
