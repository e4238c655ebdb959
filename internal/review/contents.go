package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/progress"
)

// part is a part of a bundle: a directory, a file, an image. Its parts add up to it.
type part struct {
	name string
	size int64
	// files is how many there are below a directory.
	files int
	// shallow says that its directories are shown as a sum: their files are small and many.
	shallow bool
	// first is shown however small it is.
	first bool
	note  string
	kids  []*part
	byDir map[string]*part
}

// carried are the directories whose files are listed one by one, and texts stands for
// all others.
var carried = []string{"bin", "files", "packages"}

const (
	pictures = "images"
	texts    = "texts"
)

// category is the first directory of a path, or texts.
func category(path string) string {
	dir, _, below := strings.Cut(path, "/")
	if below && (dir == pictures || slices.Contains(carried, dir)) {
		return dir
	}
	return texts
}

// contents is a bundle as a tree whose parts are sorted by size.
func contents(s *bundle.Summary) *part {
	root := &part{name: s.Manifest.Name}
	for _, f := range s.Manifest.Files {
		kind := category(f.Path)
		root.add(f.Size)
		top := root.dir(kind)
		top.add(f.Size)
		switch kind {
		case pictures:
		case texts:
			top.shallow = true
			top.put(f.Path, f)
		default:
			top.put(strings.TrimPrefix(f.Path, kind+"/"), f)
		}
	}
	if top := root.byDir[pictures]; top != nil {
		top.images(s)
	}
	root.sort()
	return root
}

func (n *part) add(size int64) { n.size, n.files = n.size+size, n.files+1 }

// dir is the part of a name, which is made where it is not there.
func (n *part) dir(name string) *part {
	if n.byDir == nil {
		n.byDir = map[string]*part{}
	}
	if n.byDir[name] == nil {
		n.byDir[name] = &part{name: name}
		n.kids = append(n.kids, n.byDir[name])
	}
	return n.byDir[name]
}

func (n *part) put(path string, f bundle.File) {
	for {
		dir, rest, below := strings.Cut(path, "/")
		if !below {
			break
		}
		n = n.dir(dir + "/")
		n.add(f.Size)
		path = rest
	}
	file := &part{name: path, size: f.Size}
	if f.Base {
		file.note = "left to the base"
	}
	n.kids = append(n.kids, file)
}

// images are what each image has for itself, and what is not one image's alone.
func (n *part) images(s *bundle.Summary) {
	rest := n.size
	for _, i := range s.Images {
		k := &part{name: i.Name + "  " + i.Platform, size: i.Own}
		if i.Size > i.Own {
			k.note = progress.Bytes(i.Size) + " with what it shares"
		}
		rest -= i.Own
		n.kids = append(n.kids, k)
	}
	n.files = len(s.Images)
	if rest > 0 {
		n.kids = append(n.kids, &part{name: "what images share, and their indexes", size: rest, first: true})
	}
}

// sort puts the largest first, and a directory that is alone into the one around it.
func (n *part) sort() {
	for _, k := range n.kids {
		k.sort()
	}
	if len(n.kids) == 1 && n.kids[0].kids != nil && slices.Contains(carried, n.name) {
		only := n.kids[0]
		n.name, n.kids = strings.TrimSuffix(n.name, "/")+"/"+only.name, only.kids
	}
	slices.SortStableFunc(n.kids, func(a, b *part) int {
		switch {
		case a.first:
			return -1
		case b.first:
			return 1
		}
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.name, b.name))
	})
}

func (n *part) label() string {
	text := n.name
	if n.kids != nil || n.files > 0 {
		thing := "file"
		if n.name == pictures {
			thing = "image"
		}
		text = strings.TrimSuffix(n.name, "/") + "  " + count(n.files, thing)
	}
	if n.note != "" {
		text += "  (" + n.note + ")"
	}
	return text
}

// largest are the parts to show, and the rest as one.
func (n *part) largest() (kids []*part, rest *part) {
	if len(n.kids) <= mostKids+1 {
		return n.kids, nil
	}
	rest = &part{name: fmt.Sprintf("%d more", len(n.kids)-mostKids)}
	for _, k := range n.kids[mostKids:] {
		rest.size += k.size
	}
	return n.kids[:mostKids], rest
}
