package closure

import "strings"

// unused reports what a host or the bundle carries and no script names. It says
// nothing where a script could not be read, which may name all of it.
func (c *check) unused() {
	if c.unread {
		return
	}
	named := map[string]bool{}
	for _, h := range c.hosts {
		for own := range h.used {
			named[own] = true
		}
		for _, config := range h.Configs {
			own := "hosts/" + h.Name + "/" + config.Path
			if _, ok := h.used[own]; !ok && c.files[own] != nil {
				c.report(place{own, 1, 1}, "", "no step that runs on its host uses this file")
			}
		}
		for _, own := range h.Files {
			if _, ok := h.used[own]; !ok {
				c.report(place{"hosts/" + h.Name + "/host.env", 1, 1}, "", "the plan lists "+own+" for this host, and no step that runs on it uses it")
			}
		}
	}
	run := map[string]bool{}
	for _, h := range c.hosts {
		for _, step := range h.Steps {
			run["steps/"+step] = true
		}
	}
	for _, f := range c.tree {
		switch first, _, _ := strings.Cut(f.Path, "/"); {
		case named[f.Path] || run[f.Path]:
		case first == "steps":
			c.report(place{f.Path, 1, 1}, "", "no host runs this step")
		case first == "units" || first == "manifests":
			c.report(place{f.Path, 1, 1}, "", "no step of any host uses this file")
		}
	}
}
