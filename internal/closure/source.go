package closure

import (
	"path"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/render"
)

// bundleRoot is how paths in the bundle begin once marks are filled.
const bundleRoot = "$BUNDLE/"

// readSources reads the scripts that a script reads in. Those of the system, such as
// /etc/os-release, are the host's.
func (c *check) readSources(s *script) {
	for _, b := range s.inOrder() {
		for _, e := range b.events {
			if len(e.command) < 2 || e.command[0].Lit() != "." && e.command[0].Lit() != "source" {
				continue
			}
			list, ok := scope{s, b, e.when}.values(e.command[1])
			if !ok {
				continue
			}
			for _, v := range list {
				own, inBundle := strings.CutPrefix(v.text, mark+"BUNDLE"+mark+"/")
				if !inBundle {
					continue
				}
				text := c.script(own)
				c.reader.sourced[own] = text
				if text != nil {
					s.sources = append(s.sources, c.read(own, text))
				}
			}
		}
	}
}

// script is the text of a script of the tree; nil where a path is that of none.
func (c *check) script(own string) []byte {
	if f := c.files[own]; f != nil && c.isScript(*f) {
		return f.Data
	}
	return nil
}

// rendered tells the parts of a bundle that the tree holds from those that pack adds.
func (c *check) rendered(own string) bool {
	first, _, _ := strings.Cut(own, "/")
	return slices.Contains([]string{"check.sh", "checks", "hosts", "manifests", "steps", "units"}, first)
}

// has tells whether the tree has a file or a directory, or anything that fits a
// pattern.
func (c *check) has(own string) bool {
	own = strings.TrimSuffix(own, "/")
	if strings.ContainsAny(own, "*?[") {
		return len(c.fitting(own)) > 0 || len(c.fitting(own+"/*")) > 0
	}
	return c.files[own] != nil || c.dirs[own]
}

// fitting are the files that a pattern fits.
func (c *check) fitting(glob string) []string {
	if list, ok := c.globs[glob]; ok {
		return list
	}
	var list []string
	prefix := glob[:strings.IndexAny(glob, "*?[")]
	from, _ := slices.BinarySearchFunc(c.tree, prefix, func(f render.File, prefix string) int { return strings.Compare(f.Path, prefix) })
	for _, f := range c.tree[from:] {
		if !strings.HasPrefix(f.Path, prefix) {
			break
		}
		if ok, err := path.Match(glob, f.Path); err == nil && ok {
			list = append(list, f.Path)
		}
	}
	c.globs[glob] = list
	return list
}
