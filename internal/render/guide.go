package render

import (
	"path"

	"github.com/satchel-kit/satchel/internal/guide"
	"github.com/satchel-kit/satchel/internal/plan"
)

// guide adds the guide, and the scripts that it speaks of.
func (r *renderer) guide() {
	g := r.plan.Guide
	r.copy("check.sh", modeScript)
	r.copy("checks/lib.sh", modeFile)
	r.copy("checks/zh.sh", modeFile)
	for _, name := range g.Checks() {
		r.copy(path.Join("checks", name+".sh"), modeScript)
	}
	r.copy("lesson.sh", modeScript)
	r.copy("lessons/lib.sh", modeFile)
	for _, l := range g.Lessons {
		r.copy(path.Join("lessons", l.Name+".sh"), modeScript)
	}
	d := data{Cluster: &r.plan.Cluster, Plan: r.plan}
	r.execute("guide/facts.env", "guide/facts.env.tmpl", modeFile, d)
	r.pages("guide", path.Join("guide", g.Language+".md.tmpl"), g.Language, d)
}

// pages adds a text as Markdown and as a page for browsers.
func (r *renderer) pages(dir, from, language string, d data) {
	text := r.text(from, d)
	if r.err != nil {
		return
	}
	page, err := guide.Page(text, language)
	if err != nil {
		r.err = err
		return
	}
	r.tree = append(r.tree,
		File{Path: path.Join(dir, "README.md"), Mode: modeFile, Data: text},
		File{Path: path.Join(dir, "index.html"), Mode: modeFile, Data: page})
}

// teacher are the pages for whoever hands out the seats of a kit.
func teacher(p *plan.Plan, from *embedded) (Tree, error) {
	r := renderer{plan: p, from: from}
	d := data{Cluster: &p.Cluster, Plan: p}
	r.pages("teacher", path.Join("teacher", p.Guide.Language+".md.tmpl"), p.Guide.Language, d)
	r.execute("teacher/facts.env", "teacher/facts.env.tmpl", modeFile, d)
	r.copy("teacher/teacher.sh", modeScript)
	return r.tree, r.err
}
