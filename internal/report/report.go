// Package report draws and describes one cluster for people: a page that is complete in
// one file, and the same picture of the cluster alone.
//
// A report says what the spec, its plan, its tree and its lock say and nothing of its
// own: no date, no random number, no address but those of the cluster. The same input
// gives the same bytes. The page loads nothing, and its own policy forbids it to. The
// package must not write files, and must not know a secret: only their names.
package report

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"

	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/render"
)

// Input is what a report is about. The spec is valid, and its bundle closed: whoever
// calls has proven both.
type Input struct {
	Plan *plan.Plan
	Tree render.Tree
	// Lock is nil where there is none: then digests and sizes are not known.
	Lock *lock.Lock
}

// The parts of the page. Colours are shared with the picture, which may stand alone.
var (
	//go:embed page.html
	pageText string
	//go:embed colors.css
	colors string
	//go:embed picture.css
	pictureStyle string
	//go:embed page.css
	pageStyle string
	//go:embed page.js
	script string
)

// The widths of the picture, in pixels: for a desktop or paper, and for a phone.
const (
	wide   = 960
	narrow = 360
)

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"bytes": progress.Bytes,
	"share": share,
}).Parse(pageText))

// HTML writes the page.
func HTML(w io.Writer, in Input) error {
	c := newCluster(in)
	style := colors + pictureStyle + pageStyle
	return page.Execute(w, &content{
		Cluster:  c,
		Style:    template.CSS(style),
		Script:   template.JS(script),
		StyleSum: sum(style), ScriptSum: sum(script),
		Wide:   template.HTML(c.draw(wide)),
		Narrow: template.HTML(c.draw(narrow)),
	})
}

// SVG writes the picture alone.
func SVG(w io.Writer, in Input) error {
	_, err := io.WriteString(w, newCluster(in).standalone(wide))
	return err
}

// content is what the page's template prints.
type content struct {
	*Cluster
	Style               template.CSS
	Script              template.JS
	StyleSum, ScriptSum string
	Wide, Narrow        template.HTML
}

// sum is how the page's policy names a style or a script
// (https://www.w3.org/TR/CSP3/#grammardef-hash-source).
func sum(text string) string {
	digest := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(digest[:])
}

// share is a part of the largest, in percent, of which something is to be seen.
func share(part, largest int64) int64 { return max(1, 100*part/max(1, largest)) }

// Cluster is everything that a report says.
type Cluster struct {
	Name, Version, Summary string
	Facts                  []Fact
	Hosts                  []Host
	Entries                []Entry
	Traffic                []Traffic
	Firewall               string
	Images                 []Image
	Files                  []File
	// ImageBytes counts each blob once. Sizes are 0 where they are not known.
	ImageBytes, FileBytes, PackageBytes       int64
	LargestImage, LargestFile, LargestPackage int64
	// Packages are those that hosts have to have, Brought those that the bundle brings.
	Packages               []Package
	Brought                []Brought
	Secrets                []Secret
	Checks                 []Check
	SpecDigest, LockDigest string

	plan   *plan.Plan
	groups []group
}

func newCluster(in Input) *Cluster {
	p := in.Plan
	c := &Cluster{
		Name: p.Cluster.Name, Version: p.Cluster.Version, SpecDigest: p.SpecDigest,
		Firewall: p.Cluster.System.Firewall, plan: p,
	}
	l := cmp.Or(in.Lock, &lock.Lock{})
	if in.Lock != nil {
		c.LockDigest = in.Lock.Digest()
	}
	c.addHosts()
	c.addTraffic()
	c.addEntries()
	c.addImages(l)
	c.addFiles(l)
	c.addPackages(l)
	c.addSecrets(in.Tree)
	c.addChecks(in)
	c.addFacts()
	return c
}
