//go:build lab && linux

package world

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// tree is a file tree that is written as a tar: owner 0:0, no times, sorted.
// Paths have no leading slash; the directories above a path come by themselves.
type tree struct{ entries map[string]entry }

// entry is a directory, unless one of the others is set.
type entry struct {
	source string // file on disk, executable
	text   string // content of a file that is not executable
	link   string // target of a symbolic link
}

func newTree() *tree { return &tree{entries: map[string]entry{}} }

func (t *tree) add(name string, e entry) *tree {
	t.entries[name] = e
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		t.entries[dir] = entry{}
	}
	return t
}

func (t *tree) program(name, source string) *tree { return t.add(name, entry{source: source}) }
func (t *tree) text(name, text string) *tree      { return t.add(name, entry{text: text}) }
func (t *tree) link(name, target string) *tree    { return t.add(name, entry{link: target}) }

// describe writes down what decides about the tree's bytes. The path of a source
// stands for its content.
func (t *tree) describe(w io.Writer) {
	for _, name := range slices.Sorted(maps.Keys(t.entries)) {
		fmt.Fprintf(w, "%q %q\n", name, t.entries[name])
	}
}

func (t *tree) write(ctx context.Context, w io.Writer) error {
	out := tar.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(t.entries)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := t.entries[name].write(out, name); err != nil {
			return fmt.Errorf("adding %q: %w", name, err)
		}
	}
	return out.Close()
}

// unfold makes the tree in a new directory, with links to the programs.
func (t *tree) unfold(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(t.entries)) {
		e, at := t.entries[name], filepath.Join(dir, name)
		var err error
		switch {
		case e.source != "":
			err = os.Link(e.source, at)
		case e.text != "":
			err = os.WriteFile(at, []byte(e.text), 0o644)
		case e.link != "":
			err = os.Symlink(e.link, at)
		default:
			err = os.Mkdir(at, 0o755)
		}
		if err != nil {
			return fmt.Errorf("making %q: %w", name, err)
		}
	}
	return nil
}

func (e entry) write(out *tar.Writer, name string) error {
	h := &tar.Header{Name: name, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
	switch {
	case e.source != "":
		return e.writeProgram(out, h)
	case e.text != "":
		h.Typeflag, h.Mode, h.Size = tar.TypeReg, 0o644, int64(len(e.text))
	case e.link != "":
		h.Typeflag, h.Mode, h.Linkname = tar.TypeSymlink, 0o777, e.link
	default:
		h.Typeflag, h.Mode, h.Name = tar.TypeDir, 0o755, name+"/"
		if name == "tmp" {
			h.Mode = 0o1777
		}
	}
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.Copy(out, strings.NewReader(e.text))
	return err
}

func (e entry) writeProgram(out *tar.Writer, h *tar.Header) error {
	f, err := os.Open(e.source)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h.Typeflag, h.Mode, h.Size = tar.TypeReg, 0o755, info.Size()
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(out, f)
	return err
}
