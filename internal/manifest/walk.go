package manifest

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// walker finds the images of one document by where they stand.
//
// A container is an item of a list under containers, initContainers or
// ephemeralContainers, wherever that is: in a Pod, in the template of a workload,
// in a custom resource that has pods. Its image is one whatever its form. So is
// the image.reference of an item of a list under volumes.
//
// Anywhere else a scalar under the key image is taken for an image if it is a
// reference with a registry's host. Custom resources name images that way, and
// nothing but their own schema says which field is one. The host keeps out what
// is no reference, such as a file's name; it also keeps out an image that a
// custom resource names without a host, which a spec has to list by itself.
//
// Not looked at are a ConfigMap's and a Secret's data, metadata, the status of an
// object, and a volume of Ceph's, whose image is a disk's.
type walker struct {
	*reader
	shape *shape
	// custom is whether the present object is a custom resource.
	custom bool
	merged map[*yaml.Node][]entry
	seen   map[visit]bool
	// direct are the scalars in an image's place, and aliased the aliases there.
	direct, aliased map[*yaml.Node]bool
}

// role is what a node is for.
type role int

const (
	topLevel role = iota
	anything
	containerList
	container
	volumeList
	volume
	imageVolume
)

// visit keeps a node with many aliases from being looked at once for each.
type visit struct {
	node   *yaml.Node
	as     role
	custom bool
}

func newWalker(s *shape) *walker {
	return &walker{
		reader: s.reader, shape: s, merged: map[*yaml.Node][]entry{}, seen: map[visit]bool{},
		direct: map[*yaml.Node]bool{}, aliased: map[*yaml.Node]bool{},
	}
}

func (w *walker) walk(n *yaml.Node, as role) {
	n = follow(n)
	if v := (visit{n, as, w.custom}); w.seen[v] {
		return
	} else if n.Kind != yaml.ScalarNode {
		w.seen[v] = true
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			w.walk(item, itemOf(as))
		}
	case yaml.MappingNode:
		for _, e := range w.entries(n) {
			w.inside(e, as)
		}
	}
}

// inside looks at one field of a mapping.
func (w *walker) inside(e entry, of role) {
	value := follow(e.value)
	switch {
	case e.key == "metadata", e.key == "rbd", of == topLevel && e.key == "status":
	case of == container && e.key == "image", of == imageVolume && e.key == "reference":
		w.image(e.value)
	case of == volume && e.key == "image" && value.Kind == yaml.MappingNode:
		w.walk(value, imageVolume)
	case e.key == "image" && isString(value) && isHosted(value.Value):
		w.image(e.value)
	case slices.Contains(containerLists, e.key):
		w.walk(value, containerList)
	case e.key == "volumes":
		w.walk(value, volumeList)
	default:
		w.walk(value, anything)
	}
}

var containerLists = []string{"containers", "initContainers", "ephemeralContainers"}

func itemOf(list role) role {
	switch list {
	case containerList:
		return container
	case volumeList:
		return volume
	}
	return anything
}

// isHosted tells an image from other text under the key image. The line break is
// what a block scalar adds.
func isHosted(value string) bool {
	value = strings.TrimSpace(value)
	_, err := fullName(value)
	return err == nil && hasHost(value)
}

// image takes up what stands in an image's place. Custom resources may leave an
// image empty for a default, or hold their own program's templates there.
func (w *walker) image(given *yaml.Node) {
	n := follow(given)
	switch {
	case w.shape.templates[n]:
	case n.Kind != yaml.ScalarNode && w.custom:
		w.walk(n, anything)
	case isNothing(n), isString(n) && n.Value == "":
		w.refuse(given, "there is no image's name here; write one as HOST/PATH:TAG, such as registry.k8s.io/pause:3.9")
	case n.Kind != yaml.ScalarNode:
		w.refuse(given, "image is %s; write the image's name", nature(n))
	case !isString(n):
		w.refuse(given, "image is %s; put it in quotes", nature(n))
	case isTemplate(n.Value):
		w.refuse(given, "image is an unresolved template, %s; %s", shorten(n.Value), renderFirst)
	case isBlock(n):
		w.report(w.at(given), "image is written over several lines, with | or >; write it on the line of its key")
	default:
		if _, err := fullName(n.Value); err != nil {
			w.report(w.at(given), "%s", err)
			return
		}
		w.mark(given)
	}
}

// refuse reports what is wrong in an object of Kubernetes itself.
func (w *walker) refuse(n *yaml.Node, format string, args ...any) {
	if !w.custom {
		w.report(w.at(n), format, args...)
	}
}

func (w *walker) mark(given *yaml.Node) {
	if given.Kind == yaml.AliasNode {
		w.aliased[given] = true
	} else {
		w.direct[given] = true
	}
}
