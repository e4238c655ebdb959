package closure

import (
	"path"
	"slices"
	"strings"
)

// runs tells whether a host has a program at a moment.
func (c *check) runs(m *moment, name string) bool {
	h := m.host
	if dir, base := path.Split(name); dir != "" {
		return c.runsAt(m, dir, base)
	}
	if _, ok := baseline(h.family).programs[name]; ok || m.has(name) || builtins[name] {
		return true
	}
	step, ok := h.brought[name]
	return ok && step <= m.step
}

// has tells whether a package that the host needs has brought a program by now.
func (m *moment) has(name string) bool { return m.host.needs[name] && m.step >= m.host.installs }

// systemDirs are where packages put programs; they are one in all of today's systems.
var systemDirs = []string{"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"}

// runsAt is the same for a program with its path: one of the system's directories, a
// place where a step put it, or the place where an archive was unpacked.
func (c *check) runsAt(m *moment, dir, base string) bool {
	h := m.host
	switch {
	case slices.Contains(systemDirs, dir):
		_, ok := baseline(h.family).programs[base]
		return ok || m.has(base)
	case strings.HasPrefix(dir, "/"):
		return h.installed[dir+base]
	case strings.HasPrefix(dir, bundleRoot):
		return true // it is looked at as a file
	}
	step, ok := h.brought[base]
	return ok && step <= m.step
}

func (c *check) missingProgram(m *moment, u *use, name string) {
	message := name + " is not there on " + hosts + ": no step up to this one brings it, no need of the host names it, and a minimal " + m.host.family + " lacks it"
	if strings.HasPrefix(name, "/") {
		message = name + " is not there on " + hosts + ": no step puts it there, and it is not where packages put programs"
	}
	c.report(u.place, m.host.Name, message)
}

// programsIn are the paths of the programs in a binary or archive of the bundle.
func programsIn(own string) []string {
	switch first, _, _ := strings.Cut(own, "/"); first {
	case "bin":
		name, _, _ := strings.Cut(path.Base(own), "-")
		return []string{name}
	case "files":
		if members, ok := archives[path.Base(own)]; ok {
			return strings.Fields(members)
		}
		return []string{path.Base(own)}
	}
	return nil
}

// install notes where programs of the bundle are put.
func (c *check) install(m *moment, u *use) {
	if !m.reaches(u) || !m.possible(u.target.when) {
		return
	}
	for source := range m.on(u.text) {
		for target := range m.on(u.target.text) {
			m.host.installed[target] = true
			for _, member := range strings.Fields(archives[path.Base(source)]) {
				if u.strip > 0 {
					_, member, _ = strings.Cut(member, "/")
				}
				m.host.installed[path.Join(target, member)] = true
			}
		}
	}
}
