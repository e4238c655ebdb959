// Package render turns a plan into the tree of text files that a bundle holds.
// It is pure: the same plan gives the same bytes on every machine. It is the
// only importer of sprig, and it must not import a later stage.
package render

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/satchel-kit/satchel/internal/plan"
)

const (
	modeFile   fs.FileMode = 0o644
	modeScript fs.FileMode = 0o755
)

// hostDir is where the templates keep the files of each host.
const hostDir = "hosts/HOST"

// Render returns the bundle's text files, sorted by path.
func Render(p *plan.Plan) (Tree, error) {
	if len(p.Seats) > 0 {
		return renderKit(p)
	}
	from, err := readEmbedded()
	if err != nil {
		return nil, err
	}
	return renderCluster(p, from)
}

func renderCluster(p *plan.Plan, from *embedded) (Tree, error) {
	r := renderer{plan: p, from: from, once: map[string][]byte{}}
	for _, script := range []string{"cluster.sh", "fleet.sh", "install.sh", "reset.sh", "status.sh", "upgrade.sh"} {
		r.copy(script, modeScript)
	}
	if len(p.Packages) > 0 {
		r.copy("baseline.sh", modeScript)
		for _, library := range []string{"accounts.sh", "notes.sh", "packages.sh", "paths.sh"} {
			r.copy(path.Join("steps", library), modeFile)
		}
	}
	for _, library := range []string{"bundle.sh", "encryption.sh", "expiry.sh", "journal.sh", "keys.sh", "lib.sh", "network.sh", "parts.sh", "restore.sh", "turn.sh", "undo.sh"} {
		r.copy(path.Join("steps", library), modeFile)
	}
	for _, step := range plan.Steps(p.Hosts) {
		r.copy(path.Join("steps", step), modeScript)
	}
	for _, unit := range p.Units {
		r.copy(path.Join("units", unit), modeFile)
	}
	for _, manifest := range p.Manifests {
		r.manifest(manifest)
	}
	for i := range p.Hosts {
		r.host(&p.Hosts[i])
	}
	for i := range p.Packages {
		r.keys(&p.Packages[i])
	}
	if p.Guide != nil {
		r.guide()
	}
	if r.err != nil {
		return nil, r.err
	}
	r.tree.sort()
	return r.tree, nil
}

// data is what a template sees. Everything in it is computed and sorted by the
// plan; templates only choose and print.
type data struct {
	Cluster *plan.Cluster
	Host    *plan.Host
	// Workload is set for the manifest of an application or of services.
	Workload *plan.Workload
	// Plan is set for the guide.
	Plan *plan.Plan
}

type renderer struct {
	plan *plan.Plan
	from *embedded
	tree Tree
	// once holds the text of templates that are the same for all hosts.
	once map[string][]byte
	err  error
}

func (r *renderer) manifest(m plan.Manifest) {
	to := path.Join("manifests", m.Path)
	if m.Template == "" {
		r.tree = append(r.tree, File{Path: to, Mode: modeFile, Data: m.Text})
		return
	}
	r.execute(to, path.Join("manifests", m.Template), modeFile, data{Cluster: &r.plan.Cluster, Workload: m.Workload})
}

// keys adds the public keys of the repositories that packages come from.
func (r *renderer) keys(set *plan.PackageSet) {
	for _, from := range set.Repositories {
		if from.Unsigned {
			continue
		}
		r.tree = append(r.tree, File{Path: set.KeyFile(from), Mode: modeFile, Data: from.Keys})
	}
}

func (r *renderer) host(h *plan.Host) {
	for _, c := range h.Configs {
		mode := modeFile
		if c.Script {
			mode = modeScript
		}
		to, from := path.Join("hosts", h.Name, c.Path), path.Join(hostDir, c.Template)
		switch {
		case c.Template == "":
			r.tree = append(r.tree, File{Path: to, Mode: mode, Data: append([]byte(strings.TrimRight(c.Text, "\n")), '\n')})
		case !strings.HasSuffix(from, ".tmpl"):
			r.add(to, from, mode)
		case c.Shared:
			if _, ok := r.once[from]; !ok {
				r.once[from] = r.text(from, data{Cluster: &r.plan.Cluster})
			}
			r.tree = append(r.tree, File{Path: to, Mode: mode, Data: r.once[from]})
		default:
			r.execute(to, from, mode, data{Cluster: &r.plan.Cluster, Host: h})
		}
	}
}

// copy adds an embedded file under its own path.
func (r *renderer) copy(name string, mode fs.FileMode) { r.add(name, name, mode) }

func (r *renderer) add(to, from string, mode fs.FileMode) {
	text, ok := r.from.texts[from]
	if !ok && r.err == nil {
		r.err = fmt.Errorf("there is no template %s", from)
	}
	r.tree = append(r.tree, File{Path: to, Mode: mode, Data: text})
}

func (r *renderer) execute(to, from string, mode fs.FileMode, d data) {
	r.tree = append(r.tree, File{Path: to, Mode: mode, Data: r.text(from, d)})
}

// text executes one template. The text begins at the first line that is not empty
// and ends with one newline.
func (r *renderer) text(name string, d data) []byte {
	if r.err != nil {
		return nil
	}
	var b bytes.Buffer
	if err := r.from.templates.ExecuteTemplate(&b, name, d); err != nil {
		host := "the cluster"
		if d.Host != nil {
			host = d.Host.Name
		}
		r.err = fmt.Errorf("rendering for %s: %w", host, err)
		return nil
	}
	return append(bytes.Trim(b.Bytes(), "\n"), '\n')
}
