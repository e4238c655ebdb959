package closure

import (
	"slices"
	"strings"
)

// scripts checks every script of the tree on every host that runs it.
func (c *check) scripts() {
	steps := map[string]families{}
	for _, f := range c.tree {
		if own, ok := strings.CutPrefix(f.Path, "steps/"); ok && c.isScript(f) {
			steps[own] = newFamilies(c.uses(f.Path))
		}
	}
	for _, h := range c.hosts {
		for i, step := range h.Steps {
			uses, ok := steps[step]
			if !ok {
				c.report(place{"steps/" + step, 1, 1}, h.Name, "the bundle has no such step, which "+hosts+" should run")
				continue
			}
			c.step(&moment{c, h, i}, uses.on(h.family))
		}
	}
	c.otherScripts()
}

// families are the uses of one script, less the programs that every host of a family
// has: most of a script is made of them.
type families struct {
	all    []use
	ofEach map[string][]use
}

func newFamilies(uses []use) families { return families{uses, map[string][]use{}} }

func (f families) on(family string) []use {
	list, ok := f.ofEach[family]
	if !ok {
		programs := baseline(family).programs
		list = slices.DeleteFunc(slices.Clone(f.all), func(u use) bool {
			_, known := programs[u.text]
			return u.kind == program && known
		})
		f.ofEach[family] = list
	}
	return list
}

// otherScripts are those of one host, and those that stand beside install.sh. Of the
// latter only install.sh is sure to run before the steps; what the others run has to
// be there on some host.
func (c *check) otherScripts() {
	for _, f := range c.tree {
		if strings.HasPrefix(f.Path, "steps/") || !c.isScript(f) {
			continue
		}
		uses := c.uses(f.Path)
		if name, _, ok := hostFile(f.Path); ok {
			if h := c.host(name); h != nil {
				c.step(&moment{c, h, len(h.Steps)}, uses)
			}
			continue
		}
		if f.Path != "install.sh" {
			uses = c.unknownToAll(uses)
		}
		of := newFamilies(uses)
		for _, h := range c.hosts {
			step := len(h.Steps)
			if f.Path == "install.sh" {
				step = -1
			}
			c.step(&moment{c, h, step}, of.on(h.family))
		}
	}
}

// uses reads a script of the tree, which reports what cannot be read.
func (c *check) uses(path string) []use {
	s := c.read(path, c.files[path].Data)
	if s.problem != nil {
		c.unread = true
		c.report(place{path, s.problem.Line, s.problem.Column}, "", s.problem.Message)
	}
	uses := s.reached()
	if path == s.path {
		return uses
	}
	uses = slices.Clone(uses) // the same text was read under another host's name
	for i := range uses {
		if uses[i].path == s.path {
			uses[i].path = path
		}
	}
	return uses
}

// unknownToAll leaves out the programs that some host has.
func (c *check) unknownToAll(uses []use) []use {
	return slices.DeleteFunc(slices.Clone(uses), func(u use) bool {
		return u.kind == program && slices.ContainsFunc(c.hosts, func(h *host) bool {
			return c.runs(&moment{c, h, len(h.Steps)}, u.text)
		})
	})
}

// step checks what a script uses at one moment. Files come first: they bring
// programs and units.
func (c *check) step(m *moment, uses []use) {
	for i := range uses {
		switch u := &uses[i]; u.kind {
		case file:
			c.file(m, u)
		case install:
			c.install(m, u)
		}
	}
	for i := range uses {
		u := &uses[i]
		switch u.kind {
		case program:
			for name := range m.on(u.text) {
				if !c.runs(m, name) && m.reaches(u) && !grants(u, present{program, name}) && !c.otherwise(m, uses, i) {
					c.missingProgram(m, u, name)
				}
			}
		case unit:
			for name := range m.on(u.text) {
				if isUnit(name) && !c.hasUnit(m.host, name, m.step) && m.reaches(u) && !grants(u, present{unit, name}) && !c.otherwise(m, uses, i) {
					c.missingUnit(m, u, name)
				}
			}
		case image:
			c.pulled(m, u)
		case address:
			c.reachedAddress(m, u)
		case trouble:
			if m.reaches(u) {
				c.report(u.place, "", u.text)
			}
		}
	}
}

// otherwise tells whether the host can choose another program or unit, which is there,
// for one that is not: `unit=a; if [[ -d /etc/b ]]; then unit=b; fi`.
func (c *check) otherwise(m *moment, uses []use, i int) bool {
	u := &uses[i]
	if !m.chooses(u) {
		return false
	}
	for j := range uses {
		o := &uses[j]
		if j == i || o.kind != u.kind || o.place != u.place || !m.reaches(o) {
			continue
		}
		for name := range m.on(o.text) {
			if u.kind == unit && c.hasUnit(m.host, name, m.step) || u.kind == program && c.runs(m, name) {
				return true
			}
		}
	}
	return false
}
