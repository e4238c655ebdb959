package manifest

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// entry is a key of a mapping with its value.
type entry struct {
	key   string
	value *yaml.Node
}

// entries are what a mapping holds after its merges (<<): a key of its own wins,
// then the first mapping that is merged (https://yaml.org/type/merge.html).
func (w *walker) entries(m *yaml.Node) []entry {
	if known, ok := w.merged[m]; ok {
		return known
	}
	var all []entry
	var merges []*yaml.Node
	taken := map[string]bool{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := follow(m.Content[i]), m.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || taken[key.Value]:
		case isMerge(key):
			merges = append(merges, mergedBy(value)...)
		default:
			taken[key.Value] = true
			all = append(all, entry{key.Value, value})
		}
	}
	for _, from := range merges {
		for _, e := range w.entries(from) {
			if !taken[e.key] {
				taken[e.key] = true
				all = append(all, e)
			}
		}
	}
	w.merged[m] = all
	return all
}

func mergedBy(value *yaml.Node) []*yaml.Node {
	value = follow(value)
	if value.Kind == yaml.MappingNode {
		return []*yaml.Node{value}
	}
	var mappings []*yaml.Node
	for _, item := range value.Content {
		mappings = append(mappings, follow(item))
	}
	return mappings
}

// field is the value of a key; nil where there is none, or nothing in it.
func (w *walker) field(m *yaml.Node, key string) *yaml.Node {
	for _, e := range w.entries(m) {
		if e.key == key && !isNothing(follow(e.value)) {
			return e.value
		}
	}
	return nil
}

// kindOf is what an object says that it is.
type kindOf struct{ apiVersion, kind string }

// object takes up one object, or the items of a list. in is what a list of one
// kind, such as a RoleList, says about items that say nothing themselves.
func (w *walker) object(n *yaml.Node, in kindOf) {
	m := follow(n)
	if w.shape.templates[m] {
		return
	}
	if m.Kind != yaml.MappingNode {
		w.report(w.at(n), "a manifest is a mapping with apiVersion, kind and metadata, and this is %s", nature(m))
		return
	}
	if items, of, ok := w.list(m); ok {
		for _, item := range items {
			w.object(item, of)
		}
		return
	}
	before := len(w.problems)
	d := w.identify(n, m, in)
	if len(w.problems) == before {
		w.file.Documents = append(w.file.Documents, d)
	}
	w.custom = isCustom(d.APIVersion)
	if d.APIVersion != "v1" || d.Kind != "ConfigMap" && d.Kind != "Secret" {
		w.walk(m, topLevel)
	}
}

// list are the items of a List, and of what kubectl takes for one: a kind that
// ends in List and has items instead of a name.
func (w *walker) list(m *yaml.Node) (items []*yaml.Node, of kindOf, ok bool) {
	kind := w.field(m, "kind")
	if kind == nil || !isString(follow(kind)) {
		return nil, of, false
	}
	name := follow(kind).Value
	single, isList := strings.CutSuffix(name, "List")
	value := w.field(m, "items")
	switch {
	case !isList, value == nil && single != "", value != nil && follow(value).Kind != yaml.SequenceNode:
		return nil, of, false
	}
	if metadata := w.field(m, "metadata"); metadata != nil && follow(metadata).Kind == yaml.MappingNode && w.field(follow(metadata), "name") != nil {
		return nil, of, false
	}
	if apiVersion := w.field(m, "apiVersion"); single != "" && apiVersion != nil {
		of = kindOf{follow(apiVersion).Value, single}
	}
	if value != nil {
		items = follow(value).Content
	}
	return items, of, true
}

// identify reads what every object has to say about itself. n is where it stands,
// m the mapping that it is.
func (w *walker) identify(n, m *yaml.Node, in kindOf) Document {
	var missing []string
	need := func(value, label string, reported bool) {
		if value == "" && !reported {
			missing = append(missing, "no "+label)
		}
	}
	d := Document{APIVersion: in.apiVersion, Kind: in.kind}
	d.Line, _ = w.text.place(w.at(n))
	d.line, d.column = w.text.place(w.at(n))
	if given := w.field(m, "apiVersion"); given != nil {
		d.line, d.column = w.text.place(w.at(given))
	}
	reported := w.word(m, "apiVersion", "", &d.APIVersion)
	need(d.APIVersion, "apiVersion", reported)
	w.checkGroupVersion(m, d.APIVersion)
	reported = w.word(m, "kind", "", &d.Kind)
	need(d.Kind, "kind", reported)
	reported = w.metadata(m, &d)
	need(d.Name+d.GenerateName, "metadata.name", reported)
	if len(missing) > 0 {
		w.report(w.at(n), "there is %s; %s", strings.Join(missing, " and "), whatToDo(d))
	}
	return d
}

// metadata reads the name and the namespace.
func (w *walker) metadata(m *yaml.Node, d *Document) (reported bool) {
	given := w.field(m, "metadata")
	if given == nil {
		return false
	}
	metadata := follow(given)
	if w.shape.templates[metadata] {
		return true
	}
	if metadata.Kind != yaml.MappingNode {
		w.report(w.at(given), "metadata is %s; it must be a mapping with a name", nature(metadata))
		return true
	}
	w.word(metadata, "namespace", "metadata.", &d.Namespace)
	named := w.word(metadata, "name", "metadata.", &d.Name)
	generated := w.word(metadata, "generateName", "metadata.", &d.GenerateName)
	return named || generated
}

// word takes over a field that must be text, if it is there.
func (w *walker) word(m *yaml.Node, key, parent string, to *string) (reported bool) {
	given := w.field(m, key)
	if given == nil {
		return false
	}
	switch value := follow(given); {
	case w.shape.templates[value]:
		return true
	case !isString(value):
		hint := "it must be text"
		if value.Kind == yaml.ScalarNode {
			hint = "put it in quotes"
		}
		w.report(w.at(given), "%s%s is %s; %s", parent, key, nature(value), hint)
		return true
	case isTemplate(value.Value):
		w.report(w.at(given), "%s%s is an unresolved template, %s; %s", parent, key, shorten(value.Value), renderFirst)
		return true
	default:
		*to = value.Value
		return false
	}
}

func (w *walker) checkGroupVersion(m *yaml.Node, apiVersion string) {
	parts := strings.Split(apiVersion, "/")
	if apiVersion == "" || len(parts) <= 2 && parts[0] != "" && parts[len(parts)-1] != "" {
		return
	}
	at := m
	if given := w.field(m, "apiVersion"); given != nil {
		at = given
	}
	w.report(w.at(at), "apiVersion is %q; it must be VERSION or GROUP/VERSION, such as v1 or apps/v1", shorten(apiVersion))
}

// whatToDo tells files that were taken for manifests from manifests that lack
// something.
func whatToDo(d Document) string {
	group, _, _ := strings.Cut(d.APIVersion, "/")
	switch {
	case group == "kustomize.config.k8s.io" || d.Kind == "Kustomization":
		return "this is what kustomize reads and no object; give what kubectl kustomize prints"
	case group == "kubeadm.k8s.io" || strings.HasSuffix(group, ".config.k8s.io"):
		return "this configures a program and is no object that a cluster takes; leave it out"
	case d.APIVersion != "" && d.Kind == "" && d.Name == "":
		return "every object needs apiVersion, kind and metadata.name (of a Helm chart, give what helm template prints)"
	}
	return "every object needs apiVersion, kind and metadata.name"
}

// isCustom tells kinds of custom resources, where a cluster's other programs say
// what a field means.
func isCustom(apiVersion string) bool {
	group, _, ok := strings.Cut(apiVersion, "/")
	return ok && strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io")
}
