package closure

import (
	"path"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
)

// check is one run over a plan and its tree.
type check struct {
	plan *plan.Plan
	tree render.Tree
	// files are the tree's by path, dirs all directories of them.
	files map[string]*render.File
	dirs  map[string]bool
	// carried are the binaries and archives that the bundle has.
	carried map[string]bool
	// carriedAs are the images by the names under which hosts pull them.
	carriedAs map[string]*plan.Image
	own       own
	hosts     []*host
	byName    map[string]*host
	reader    *reader
	globs     map[string][]string
	findings  map[string]*finding
	// unread says that a script could not be read.
	unread bool
}

// host is a host of the plan and what the scripts that it runs turned out to do.
type host struct {
	*plan.Host
	family string
	// variables are what host.env sets.
	variables []variable
	// files, programs and packages are what the plan says that it gets or has.
	files    map[string]bool
	needs    map[string]bool
	packages map[string]bool
	// installs is the step that installs the bundle's packages, -1 where the host is
	// said to have them from the beginning.
	installs int
	// used are the bundle's files that its steps name, each with the first step.
	used map[string]int
	// brought are the programs of those that are binaries or archives, each with
	// the first step; installed are absolute paths that steps write.
	brought   map[string]int
	installed map[string]bool
}

type variable struct{ name, value string }

// family is the operating system's.
func family(h *plan.Host) string { return h.OS }

// newCheck takes the reader of another check, or nil, and has one of its own where that
// does not fit.
func newCheck(p *plan.Plan, tree render.Tree, known *reader) *check {
	c := &check{
		plan: p, tree: tree,
		files:     make(map[string]*render.File, len(tree)),
		dirs:      map[string]bool{},
		byName:    map[string]*host{},
		carriedAs: map[string]*plan.Image{},
		carried:   map[string]bool{},
		globs:     map[string][]string{},
		findings:  map[string]*finding{},
	}
	for i := range tree {
		c.files[tree[i].Path] = &tree[i]
		for dir := path.Dir(tree[i].Path); dir != "." && !c.dirs[dir]; dir = path.Dir(dir) {
			c.dirs[dir] = true
		}
	}
	for i := range p.Images {
		c.carriedAs[p.Cluster.Pull(p.Images[i].Name)] = &p.Images[i]
	}
	for _, f := range p.Files {
		c.carried[f.Path] = true
	}
	for _, arch := range p.Programs {
		c.carried["bin/satchel-"+arch] = true
	}
	variables := map[string]bool{}
	for i := range p.Hosts {
		h := c.newHost(&p.Hosts[i])
		c.hosts = append(c.hosts, h)
		c.byName[h.Name] = h
		for _, v := range h.variables {
			variables[v.name] = true
		}
	}
	if c.reader = known; known == nil || !known.fits(c, variables) {
		c.reader = newReader(variables)
	}
	c.readOwn()
	return c
}

func (c *check) host(name string) *host { return c.byName[name] }

func (c *check) newHost(in *plan.Host) *host {
	h := &host{
		Host: in, family: family(in),
		files: map[string]bool{}, needs: map[string]bool{}, packages: map[string]bool{},
		used: map[string]int{}, brought: map[string]int{}, installed: map[string]bool{},
	}
	for _, file := range in.Files {
		h.files[file] = true
	}
	for _, need := range in.Needs {
		program, pkg, _ := strings.Cut(need, ":")
		h.needs[program], h.packages[pkg] = true, true
	}
	for _, pkg := range in.Packages.Names {
		h.packages[pkg] = true
	}
	for pkg := range h.packages {
		for _, also := range packages[pkg].programs {
			h.needs[also] = true
		}
	}
	h.installs = slices.IndexFunc(in.Steps, func(step string) bool { return strings.HasPrefix(step, "07-packages-") })
	h.variables = c.environment(in.Name)
	return h
}

// environment reads the host's host.env. Steps source it, so a line that is more
// than an assignment of a quoted text would be run.
func (c *check) environment(name string) []variable {
	file := c.files["hosts/"+name+"/host.env"]
	if file == nil {
		return nil
	}
	var list []variable
	number := 0
	for line := range strings.Lines(string(file.Data)) {
		number++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		v, ok := readAssignment(line)
		if !ok {
			c.report(place{file.Path, number, 1}, "", "this line is not NAME='VALUE', and the steps would run what it says")
			continue
		}
		list = append(list, v)
	}
	return list
}

// readAssignment reads NAME='VALUE', where a quote in the value is written '\”.
func readAssignment(line string) (variable, bool) {
	name, rest, ok := strings.Cut(line, "=")
	if !ok || !isName(name) {
		return variable{}, false
	}
	inner, ok := strings.CutPrefix(rest, "'")
	if !ok {
		return variable{}, false
	}
	inner, ok = strings.CutSuffix(inner, "'")
	if !ok || strings.Contains(strings.ReplaceAll(inner, `'\''`, ""), "'") {
		return variable{}, false
	}
	return variable{name, strings.ReplaceAll(inner, `'\''`, "'")}, true
}

func isName(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// value is what host.env sets a variable to; what it does not set is empty.
func (h *host) value(name string) string {
	switch name {
	case "BUNDLE":
		return "$BUNDLE"
	case "HOST_DIR":
		return "$BUNDLE/hosts/" + h.Name
	}
	i := slices.IndexFunc(h.variables, func(v variable) bool { return v.name == name })
	if i < 0 {
		return ""
	}
	return h.variables[i].value
}
