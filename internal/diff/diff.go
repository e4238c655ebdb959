// Package diff compares two sides, each a spec, a tree, a bundle or a lock: what
// changes on which host, and what the change will do there when install.sh runs.
//
// It is pure: no files, network, clock or randomness, and every list in a result is
// sorted. What it knows of the steps is the table in effects_table.go.
package diff

import (
	"github.com/satchel-kit/satchel/internal/side"
)

// Format is the version of the form that a Diff has as JSON; diff.schema.json describes
// it.
const Format = 1

// Diff is everything that differs between two sides.
type Diff struct {
	Format    int   `json:"diff"`
	A         About `json:"a"`
	B         About `json:"b"`
	Different bool  `json:"different"`
	// NotCompared is what one side does not know.
	NotCompared []Gap    `json:"notCompared"`
	Notes       []string `json:"notes"`
	// Effects are what the change does or asks for, the gravest first.
	Effects  []Effect  `json:"effects"`
	Hosts    []Host    `json:"hosts"`
	Versions []Version `json:"versions"`
	Images   []Image   `json:"images"`
	Packages []Package `json:"packages"`
	Files    []File    `json:"files"`
	Settings []Setting `json:"settings"`
	Secrets  []Secret  `json:"secrets"`
	Texts    []Text    `json:"texts"`
}

// About is one side as a whole.
type About struct {
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Revision string `json:"revision,omitempty"`
	Cluster  string `json:"cluster,omitempty"`
	Version  string `json:"version,omitempty"`
	Spec     string `json:"spec,omitempty"`
	Lock     string `json:"lock,omitempty"`
	// Hosts is how many there are, where that is known.
	Hosts int `json:"hosts"`
}

// Gap is what could not be compared.
type Gap struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Change says how something differs.
type Change string

// The changes.
const (
	Added   Change = "added"
	Removed Change = "removed"
	Changed Change = "changed"
)

// Values are a value on both sides.
type Values struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// Host is a host that is new, gone or another one.
type Host struct {
	Name    string `json:"name"`
	Change  Change `json:"change"`
	Address Values `json:"address"`
	Roles   Values `json:"roles"`
	// Like is a host that the new one is like, but for its own name and address.
	Like string `json:"like,omitempty"`
}

// Version is a part whose release moved; a side without the part has an empty one.
type Version struct {
	Name string `json:"name"`
	Values
}

// Image is an image that differs. A new tag of one repository is a change.
type Image struct {
	Name      string     `json:"name"`
	Change    Change     `json:"change"`
	Tag       Values     `json:"tag"`
	Platforms []Platform `json:"platforms"`
}

// Platform is what an image is for one platform; a digest is empty where there is no
// such image or it is not known, and then the size is 0.
type Platform struct {
	Platform string `json:"platform"`
	Digest   Values `json:"digest"`
	Size     Sizes  `json:"size"`
}

// Sizes are sizes in bytes on both sides.
type Sizes struct {
	Old int64 `json:"old"`
	New int64 `json:"new"`
}

// File is a fetched file that differs.
type File struct {
	Path   string `json:"path"`
	Change Change `json:"change"`
	SHA256 Values `json:"sha256"`
	URL    Values `json:"url"`
	Size   Sizes  `json:"size"`
}

// Package is a package of the operating system that differs.
type Package struct {
	Place   string `json:"place"`
	Name    string `json:"name"`
	Arch    string `json:"arch"`
	Change  Change `json:"change"`
	Version Values `json:"version"`
	SHA256  Values `json:"sha256"`
	Size    Sizes  `json:"size"`
}

// Setting is a field of the resolved spec; values are JSON, empty where it is not set.
type Setting struct {
	Field string `json:"field"`
	Values
}

// Secret is a secret that hosts need and did not need before.
type Secret struct {
	Name  string   `json:"name"`
	Hosts []string `json:"hosts"`
	// New says that no host needed it before.
	New bool `json:"new"`
}

// Text is a rendered file that differs, or the same difference on several hosts.
type Text struct {
	// Path is that in the tree; of a host's file it is that of the first host.
	Path string `json:"path"`
	// File is the path with * in place of the host's name.
	File   string `json:"file"`
	Change Change `json:"change"`
	// Hosts have the difference, but for their own names and addresses; empty for what
	// all hosts share.
	Hosts []string `json:"hosts"`
	// On says the same for people, such as "all 12 workers".
	On string `json:"on"`
	// Mode says that whether the file may be run changed too.
	Mode bool `json:"mode"`
	// Plus and Minus count lines.
	Plus  int `json:"plus"`
	Minus int `json:"minus"`
	// Diff is in the unified form, without the lines that name the files.
	Diff string `json:"diff"`
}

// Compare compares two sides.
func Compare(a, b *side.Side) *Diff {
	c := &comparison{a: newCluster(a), b: newCluster(b)}
	d := &Diff{
		Format: Format, A: about(c.a), B: about(c.b),
		NotCompared: gaps(a, b), Notes: notes(a, b), Effects: []Effect{},
		Hosts: c.hosts(), Versions: versions(a, b), Images: images(a, b), Packages: packages(a, b),
		Files: files(a, b), Settings: settings(a, b), Secrets: c.secrets(),
	}
	d.Texts = c.texts(d.Hosts)
	d.Different = len(d.Hosts)+len(d.Versions)+len(d.Images)+len(d.Packages)+len(d.Files)+len(d.Settings)+len(d.Secrets)+len(d.Texts) > 0
	if d.Different {
		d.Effects = c.effects(d)
	}
	return d
}

// comparison is what the parts of one share.
type comparison struct {
	a, b *cluster
	// changed are the hosts' and the shared files that differ; texts finds them.
	changed []changedFile
}

func about(c *cluster) About {
	s := c.side
	return About{
		Name: s.Name, Kind: string(s.Kind), Revision: s.Revision, Cluster: s.Cluster, Version: s.Version,
		Spec: s.SpecDigest, Lock: s.LockDigest, Hosts: len(c.hosts),
	}
}

func notes(a, b *side.Side) []string {
	list := []string{}
	if a.Cluster != "" && b.Cluster != "" && a.Cluster != b.Cluster {
		list = append(list, "these are two clusters: A is "+a.Cluster+", B is "+b.Cluster)
	}
	for _, s := range []struct {
		name string
		side *side.Side
	}{{"A", a}, {"B", b}} {
		for _, note := range s.side.Notes {
			list = append(list, s.name+": "+note)
		}
	}
	return list
}

// gaps says what one side has not, and what neither has that people may look for.
func gaps(a, b *side.Side) []Gap {
	list := []Gap{}
	add := func(what string, inA, inB bool) {
		switch {
		case inA && inB:
		case !inA && !inB:
			list = append(list, Gap{what, "neither a " + string(a.Kind) + " nor a " + string(b.Kind) + " has them"})
		case inA:
			list = append(list, Gap{what, "B, a " + string(b.Kind) + ", has none"})
		default:
			list = append(list, Gap{what, "A, a " + string(a.Kind) + ", has none"})
		}
	}
	add("hosts and texts", a.Has.Texts, b.Has.Texts)
	add("images", a.Has.Images, b.Has.Images)
	add("files", a.Has.Files, b.Has.Files)
	if len(a.Packages)+len(b.Packages) > 0 {
		add("packages", a.Has.Packages, b.Has.Packages)
	}
	add("settings", a.Has.Settings, b.Has.Settings)
	if a.Has.Programs != b.Has.Programs && a.Has.Files && b.Has.Files {
		add("the satchel in the bundle", a.Has.Programs, b.Has.Programs)
	}
	for i := range list {
		if a.Kind == b.Kind {
			list[i].Why = "a " + string(a.Kind) + " has none"
		}
	}
	return list
}
