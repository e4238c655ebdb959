package side

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/satchel-kit/satchel/internal/archive"
)

// Opener opens sides. Texts that two sides have in common are in memory once, so the
// sides of one comparison should come from one opener.
type Opener struct {
	seen texts
}

// What an argument may be, for messages.
const kinds = "give a spec (a CUE file or directory), a rendered tree, a bundle, a satchel.lock, or REV:PATH of a git repository"

// Open reads what arg names: something on disk, or else a path at a git revision.
func (o *Opener) Open(ctx context.Context, arg string) (*Side, error) {
	if arg == "" {
		return nil, fmt.Errorf("an empty name: %s", kinds)
	}
	local, err := exists(arg)
	if err != nil {
		return nil, err
	}
	if rev, path, ok := strings.Cut(arg, ":"); !local && ok {
		return o.openRevision(ctx, arg, rev, path)
	}
	if !local {
		return nil, fmt.Errorf("%s: no such file or directory; %s", arg, kinds)
	}
	return o.openLocal(ctx, arg, arg)
}

// exists tells whether something on disk has the name, be it in parts.
func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("opening %s: %w", path, err)
	}
	_, err = archive.Unpacked(path)
	return err == nil, nil
}

// openLocal reads what is at path; name is what it is called.
func (o *Opener) openLocal(ctx context.Context, name, path string) (*Side, error) {
	kind, err := detect(path)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	s := &Side{Name: name, Kind: kind, Texts: map[string]Text{}, Absent: map[string]bool{}}
	switch kind {
	case Spec:
		err = s.readSpec(path, &o.seen)
	case Tree:
		err = s.readTree(path, &o.seen)
	case Lock:
		err = s.readLock(path)
	default:
		err = s.readBundle(ctx, path, &o.seen)
	}
	if err != nil {
		return nil, err
	}
	s.splitSeats()
	return s, nil
}

// detect tells what is at path; a delta counts as a bundle here.
func detect(path string) (Kind, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Bundle, nil // one in parts
	case err != nil:
		return "", err
	case info.IsDir():
		return detectDir(path)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("it is no regular file; %s", kinds)
	case filepath.Ext(path) == ".cue":
		return Spec, nil
	}
	return detectFile(path)
}

func detectDir(path string) (Kind, error) {
	for _, mark := range []struct {
		pattern string
		kind    Kind
	}{{"bundle.json", Bundle}, {"install.sh", Tree}, {"*.cue", Spec}} {
		// A path may have characters that mean something in a pattern.
		found, err := fs.Glob(os.DirFS(path), mark.pattern)
		if err != nil {
			return "", err
		}
		if len(found) > 0 {
			return mark.kind, nil
		}
	}
	return "", fmt.Errorf("it is none of these: a spec has a file ending in .cue, a rendered tree has install.sh, an unpacked bundle has bundle.json")
}

// detectFile tells a lock, which is JSON, from an archive.
func detectFile(path string) (Kind, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	first := make([]byte, 1)
	switch n, err := io.ReadFull(f, first); {
	case n == 0 && errors.Is(err, io.EOF):
		return "", fmt.Errorf("it is empty; %s", kinds)
	case err != nil:
		return "", err
	case first[0] != '{':
		return Bundle, nil
	case filepath.Base(path) == "bundle.json":
		return "", fmt.Errorf("a bundle.json alone does not say what is in the texts; name the bundle, or the directory around it")
	}
	return Lock, nil
}

// texts holds each text once.
type texts struct {
	mu   sync.Mutex
	held map[string]string
}

func (t *texts) keep(data []byte) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held == nil {
		t.held = map[string]string{}
	}
	if s, ok := t.held[string(data)]; ok {
		return s
	}
	s := string(data)
	t.held[s] = s
	return s
}
