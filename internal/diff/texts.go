package diff

import (
	"cmp"
	"slices"
	"strings"

	unified "github.com/rogpeppe/go-internal/diff"

	"github.com/satchel-kit/satchel/internal/side"
)

// changedFile is one file that differs; host is nil for what all hosts share.
type changedFile struct {
	host *host
	// file is the path below the host's directory, or the whole path.
	file   string
	change Change
	a, b   side.Text
}

// path is the file's place in the tree.
func (f *changedFile) path() string {
	if f.host == nil {
		return f.file
	}
	return "hosts/" + f.host.name + "/" + f.file
}

// pattern is the path with * for the host's name.
func (f *changedFile) pattern() string {
	if f.host == nil {
		return f.file
	}
	return "hosts/*/" + f.file
}

// find lists the files that differ of the hosts that both sides have, and of all hosts
// together.
func (c *comparison) find() []changedFile {
	list := c.differing(nil, c.a.shared, c.b.shared)
	for _, name := range c.both() {
		list = append(list, c.differing(c.b.hosts[name], c.a.hosts[name].texts, c.b.hosts[name].texts)...)
	}
	return list
}

func (c *comparison) differing(h *host, a, b map[string]side.Text) []changedFile {
	var list []changedFile
	add := func(f changedFile) {
		if path := f.path(); !c.a.side.Absent[path] && !c.b.side.Absent[path] {
			list = append(list, f)
		}
	}
	for file, was := range a {
		is, ok := b[file]
		switch {
		case !ok:
			add(changedFile{h, file, Removed, was, is})
		case was != is:
			add(changedFile{h, file, Changed, was, is})
		}
	}
	for file, is := range b {
		if _, ok := a[file]; !ok {
			add(changedFile{h, file, Added, side.Text{}, is})
		}
	}
	slices.SortFunc(list, func(a, b changedFile) int { return cmp.Compare(a.file, b.file) })
	return list
}

// texts are the differences of texts, each once. The files of a new host that is like
// another one, and those of a host that is gone, say nothing new.
func (c *comparison) texts(hosts []Host) []Text {
	list := []Text{}
	if !c.textsKnown() {
		return list
	}
	c.changed = c.find()
	files := slices.Clone(c.changed)
	for _, h := range hosts {
		if h.Change == Added && h.Like == "" {
			files = append(files, c.differing(c.b.hosts[h.Name], nil, c.b.hosts[h.Name].texts)...)
		}
	}
	for _, g := range c.group(files) {
		list = append(list, c.text(g))
	}
	slices.SortFunc(list, func(a, b Text) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Path, b.Path)) })
	return list
}

// group is files with one difference.
type group struct {
	files []changedFile
	diff  string
}

// group puts together what is the same text, and of the rest what is the same but for
// the hosts' own names and addresses.
func (c *comparison) group(files []changedFile) []*group {
	type same struct {
		pattern string
		a, b    side.Text
	}
	equal := map[same]*group{}
	var list []*group
	for _, f := range files {
		key := same{f.pattern(), f.a, f.b}
		if equal[key] == nil {
			equal[key] = &group{diff: difference(f.a.Data, f.b.Data)}
			list = append(list, equal[key])
		}
		equal[key].files = append(equal[key].files, f)
	}
	alike := map[string]*group{}
	var merged []*group
	for _, g := range list {
		key := c.key(g)
		if key != "" && alike[key] != nil {
			alike[key].files = append(alike[key].files, g.files...)
			continue
		}
		alike[key] = g
		merged = append(merged, g)
	}
	return merged
}

// key is what groups are put together by. A text that several hosts have as it is may
// name them all, so theirs is no host's own.
func (c *comparison) key(g *group) string {
	f := g.files[0]
	if f.host == nil {
		return ""
	}
	kind := strings.Join([]string{f.file, string(f.change), mode(f.a), mode(f.b), ""}, "\x00")
	body := withoutNumbers(g.diff)
	if len(g.files) > 1 {
		return kind + body
	}
	before := c.a.hosts[f.host.name]
	if before == nil {
		before = f.host
	}
	return kind + newOwn(before, f.host).hide(body)
}

func mode(t side.Text) string {
	if t.Exec {
		return "x"
	}
	return "-"
}

// withoutNumbers leaves the places of the hunks out.
func withoutNumbers(diff string) string {
	var b strings.Builder
	for line := range strings.Lines(diff) {
		if strings.HasPrefix(line, "@@ ") {
			line = "@@\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// difference is the unified form without its first lines, which name the files.
func difference(a, b string) string {
	out := string(unified.Diff("a", []byte(a), "b", []byte(b)))
	for range 3 {
		_, out, _ = strings.Cut(out, "\n")
	}
	return out
}

// users are the hosts of both sides that do something with a text of all hosts.
func (c *comparison) users(file string) []string {
	dir, name, _ := strings.Cut(file, "/")
	return slices.DeleteFunc(c.both(), func(host string) bool {
		h := c.b.hosts[host]
		switch dir {
		case "manifests":
			return h != c.b.first
		case "steps":
			return name != "lib.sh" && !h.runs(name)
		case "units":
			return !slices.ContainsFunc(rules, func(r rule) bool { return r.file == file && h.runs(r.step) })
		}
		return false
	})
}

func (c *comparison) text(g *group) Text {
	f := g.files[0]
	t := Text{Path: f.path(), File: f.pattern(), Change: f.change, Hosts: []string{}, Diff: g.diff}
	t.Mode = f.change == Changed && f.a.Exec != f.b.Exec
	for _, f := range g.files {
		if f.host != nil {
			t.Hosts = append(t.Hosts, f.host.name)
		}
	}
	slices.Sort(t.Hosts)
	t.On = c.on(t.Hosts)
	if f.host == nil {
		t.On = c.on(c.users(f.file))
	}
	for line := range strings.Lines(g.diff) {
		switch line[0] {
		case '+':
			t.Plus++
		case '-':
			t.Minus++
		}
	}
	return t
}
