package side

import (
	"bufio"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/satchel-kit/satchel/internal/archive"
)

// object is a file of a commit.
type object struct {
	path, name string
	exec       bool
	// link is set for symbolic links and submodules.
	link bool
}

// listing is everything that a commit has.
type listing []object

// parseListing reads `git ls-tree -r -z`: MODE SP TYPE SP OBJECT TAB PATH NUL.
func parseListing(out []byte) (listing, error) {
	var list listing
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if entry == "" {
			continue
		}
		head, name, ok := strings.Cut(entry, "\t")
		fields := strings.Split(head, " ")
		if !ok || len(fields) != 3 || !isObjectName(fields[2]) || name == "" {
			return nil, fmt.Errorf("git listed %q, which is not understood", entry)
		}
		list = append(list, object{path: name, name: fields[2], exec: fields[0] == "100755", link: fields[0] != "100644" && fields[0] != "100755"})
	}
	return list, nil
}

// part is what is taken out of a listing.
type part struct {
	files []object
	// links are paths of what is left out.
	links []string
}

// below takes what opening the path can need: the directory at the path, or around the
// file, and of a CUE module around that its module file and packages.
func (l listing) below(name string) (p part, err error) {
	dir, found := name, name == "."
	for _, o := range l {
		if o.path == name {
			if o.link {
				return p, fmt.Errorf("%s is a symbolic link or a submodule", name)
			}
			dir, found = path.Dir(name), true
		}
		found = found || inside(name, o.path)
	}
	if !found {
		return p, fmt.Errorf("there is no %s", name)
	}
	single := dir != name && path.Ext(name) != ".cue"
	module := l.module(dir)
	for _, o := range l {
		switch {
		case single && o.path != name:
		case inside(dir, o.path) || module != "" && inside(module, o.path) && ofModule(module, o.path):
			if o.link {
				p.links = append(p.links, o.path)
				continue
			}
			if err := archive.CheckName(o.path); err != nil {
				return p, fmt.Errorf("the path %q cannot be copied: %w", o.path, err)
			}
			p.files = append(p.files, o)
		}
	}
	return p, nil
}

// module is the nearest directory around dir that is the root of a CUE module, or "".
func (l listing) module(dir string) string {
	roots := map[string]bool{}
	for _, o := range l {
		if root, ok := strings.CutSuffix("/"+o.path, "/cue.mod/module.cue"); ok {
			roots[path.Clean("./"+root)] = true
		}
	}
	for {
		if roots[dir] {
			return dir
		}
		if dir == "." {
			return ""
		}
		dir = path.Dir(dir)
	}
}

func ofModule(root, name string) bool {
	return path.Ext(name) == ".cue" || inside(path.Join(root, "cue.mod"), name)
}

func inside(dir, name string) bool { return dir == "." || strings.HasPrefix(name, dir+"/") }

// readAnswer reads the line before a content of `git cat-file --batch`: OBJECT SP TYPE SP
// SIZE. An object that is missing has "missing" in place of the type.
func readAnswer(r *bufio.Reader, name string) (int64, error) {
	line, err := r.ReadString('\n')
	fields := strings.Fields(line)
	switch {
	case err != nil:
		return 0, errors.New("git ended too early")
	case len(fields) == 2 && fields[1] == "missing":
		return 0, errors.New("the repository lacks it, as a partial clone does; fetch it first")
	case len(fields) != 3 || fields[0] != name || fields[1] != "blob":
		return 0, fmt.Errorf("git answered %q", strings.TrimSpace(line))
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil || size < 0 {
		return 0, fmt.Errorf("git answered %q", strings.TrimSpace(line))
	}
	return size, nil
}

// isObjectName tells a full SHA-1 or SHA-256.
func isObjectName(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}
