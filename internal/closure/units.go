package closure

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// units checks every unit of the tree on every host that a step puts it on.
func (c *check) units() {
	for _, f := range c.tree {
		if !isUnitFile(f.Path) {
			continue
		}
		u := c.unitFile(f.Data)
		for _, p := range u.problems {
			c.report(place{f.Path, p.Line, p.Column}, "", p.Message)
		}
		if name, _, own := hostFile(f.Path); own {
			if h := c.host(name); h != nil {
				c.unitOn(h, f.Path, u)
			}
			continue
		}
		for _, h := range c.hosts {
			if _, used := h.used[f.Path]; used {
				c.unitOn(h, f.Path, u)
			}
		}
	}
}

func (c *check) unitFile(text []byte) *unitFile {
	u, ok := c.reader.units[string(text)]
	if !ok {
		u = readUnit(string(text))
		c.reader.units[string(text)] = u
		c.reader.size += len(text)
	}
	return u
}

// needed are the directives that name units without which a unit does not start.
var needed = set("Requires Requisite BindsTo")

func (c *check) unitOn(h *host, path string, u *unitFile) {
	m := &moment{c, h, len(h.Steps)}
	c.dropIn(m, path)
	for _, d := range u.directives {
		at := place{path, d.line, d.column}
		switch {
		case d.section == "Unit" && needed[d.name]:
			for _, name := range strings.Fields(d.value) {
				if isUnit(name) && !c.hasUnit(h, name, m.step) {
					c.report(at, h.Name, "the unit "+name+" is not there on "+hosts+", and this one does not start without it")
				}
			}
		case d.section == "Service" && strings.HasPrefix(d.name, "Exec"):
			c.exec(m, at, d.value)
		}
	}
}

// dropIn checks that the unit is there to which a file adds.
func (c *check) dropIn(m *moment, own string) {
	base, ok := strings.CutSuffix(path.Base(path.Dir(own)), ".d")
	if ok && isUnit(base) && !c.hasUnit(m.host, base, m.step) {
		c.report(place{own, 1, 1}, m.host.Name, "the unit "+base+", to which this adds, is not there on "+hosts)
	}
}

// exec checks the programs of one Exec directive.
func (c *check) exec(m *moment, at place, value string) {
	lines, err := commandLines(value)
	if err != nil {
		c.report(at, "", "it cannot be read as a command: "+err.Error())
		return
	}
	for _, line := range lines {
		if strings.ContainsAny(line[0], "$%") {
			c.report(at, "", "which program "+line[0]+" is cannot be known before it runs, so nothing proves that the host has it")
			continue
		}
		if !c.runs(m, line[0]) {
			c.missingProgram(m, &use{place: at}, line[0])
		}
		switch path.Base(line[0]) {
		case "sh", "bash":
			c.execShell(m, at, line)
		case "cri-dockerd":
			c.criDockerd(m, at, line)
		}
	}
}

// execShell looks into sh -c CODE.
func (c *check) execShell(m *moment, at place, line []string) {
	for i, word := range line[1:] {
		if !strings.HasPrefix(word, "-") {
			return // a script, which is looked at by itself
		}
		if !strings.HasPrefix(word, "--") && strings.Contains(word, "c") && i+2 < len(line) {
			c.code(m, at, strings.NewReplacer("$$", "$", "%%", "%").Replace(line[i+2]))
			return
		}
	}
}

// code checks what a shell that systemd starts runs.
func (c *check) code(m *moment, at place, text string) {
	s := c.reader.scripts[content{"", text}]
	if s == nil {
		s = newScript("", nil)
		c.reader.scripts[content{"", text}] = s
		file, err := parse([]byte(text), "", syntax.LangBash)
		if err != nil {
			p := unreadable("", err)
			s.problem = &p
		} else {
			s.collect(file.Stmts)
			s.finish()
		}
	}
	if s.problem != nil {
		c.report(at, "", s.problem.Message)
	}
	uses := slices.Clone(s.reached())
	for i := range uses {
		uses[i].place = at
	}
	c.step(m, uses)
}

// criDockerd checks the image that cri-dockerd starts every pod with.
func (c *check) criDockerd(m *moment, at place, line []string) {
	const flag = "--pod-infra-container-image"
	for i, word := range line {
		name, ok := strings.CutPrefix(word, flag+"=")
		if word == flag && i+1 < len(line) {
			name, ok = line[i+1], true
		}
		if ok {
			c.image(at, []string{name}, []*host{m.host})
			return
		}
	}
	c.report(at, "", "cri-dockerd gets no "+flag+", so it pulls its own pause image from "+kubernetesRegistry)
}

func (c *check) missingUnit(m *moment, u *use, name string) {
	c.report(u.place, m.host.Name, "the unit "+name+" is not there on "+hosts+": no step up to this one installs it, and no package of the host's needs or of a minimal "+m.host.family+" brings it")
}

// hasUnit tells whether a host has a unit from a step on.
func (c *check) hasUnit(h *host, name string, step int) bool {
	for _, own := range []string{"units/" + name, "hosts/" + h.Name + "/" + name} {
		if from, ok := h.used[own]; ok && from <= step {
			return true
		}
	}
	if baseline(h.family).known[name] {
		return true
	}
	for pkg := range h.packages {
		if slices.Contains(unitsOf(pkg, h.family), name) {
			return true
		}
	}
	return false
}

func isUnit(name string) bool {
	return slices.Contains([]string{".service", ".socket", ".target", ".timer", ".mount", ".path", ".slice", ".swap"}, path.Ext(name)) &&
		!strings.ContainsAny(name, "/ ")
}
