package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"sync"

	"github.com/satchel-kit/satchel/internal/archive"
)

// unpacker writes the files of the bundle that a chain leads to below root, and checks
// each on the way. It writes several at a time.
type unpacker struct {
	chain  chain
	root   *os.Root
	target *target
	// wanted has, for each in the chain, by path there, the files to write.
	wanted []map[string][]File
	mu     sync.Mutex // for what follows, and for making directories
	// left are the paths of wanted that are still to come.
	left []map[string]bool
	dirs []string
}

func newUnpacker(c chain, root *os.Root, t *target) *unpacker {
	u := &unpacker{chain: c, root: root, target: t}
	for range c {
		u.wanted, u.left = append(u.wanted, map[string][]File{}), append(u.left, map[string]bool{})
	}
	last := c.last()
	for _, file := range last.manifest.Files {
		name, ok := t.place(file.Path)
		if !ok {
			continue
		}
		number, from := c.origin(file)
		file.Path = name
		u.want(number, from, file)
	}
	for _, name := range []string{manifestName, sumsName} {
		u.want(len(c)-1, name, File{Path: name})
	}
	return u
}

func (u *unpacker) want(number int, from string, file File) {
	u.wanted[number][from] = append(u.wanted[number][from], file)
	u.left[number][from] = true
}

// read takes what is wanted of one in the chain.
func (u *unpacker) read(ctx context.Context, number int) error {
	s := u.chain[number]
	visit := func(e archive.Entry) error { return u.entry(e, number) }
	if s != u.chain.last() {
		visit = func(e archive.Entry) error { return u.fromBase(e, number) }
		if len(u.wanted[number]) == 0 {
			return nil
		}
	}
	if err := archive.ReadAny(ctx, s.path, visit); err != nil {
		return err
	}
	return u.checkAll(number)
}

// entry is for the last of the chain: whatever is in it must be listed.
func (u *unpacker) entry(e archive.Entry, number int) error {
	s := u.chain[number]
	if limit := limitOf(e.Path); limit > 0 {
		if e.Size > limit {
			return fmt.Errorf("file %q has %d bytes, more than any: verify the bundle", e.Path, e.Size)
		}
		return u.metadata(e, number)
	}
	want, found := s.file(e.Path)
	switch {
	case !found || want.Base:
		return fmt.Errorf("file %q is not in %s: verify the bundle", e.Path, manifestName)
	case e.Size != want.Size || e.Mode != want.Mode.Perm():
		return fmt.Errorf("file %q has %d bytes and mode %#o, should have %d and %s: verify the bundle", e.Path, e.Size, uint32(e.Mode), want.Size, want.Mode)
	}
	return u.take(e, number)
}

// fromBase is for all others of the chain. What else is in them does not matter: a base
// may be in use, and have more than its bundle.json lists, or less.
func (u *unpacker) fromBase(e archive.Entry, number int) error {
	files := u.wanted[number][e.Path]
	switch {
	case files == nil:
		return nil
	case e.Size != files[0].Size:
		return fmt.Errorf("file %q of %q has %d bytes, should have %d: verify that bundle", e.Path, u.chain[number].path, e.Size, files[0].Size)
	}
	return u.take(e, number)
}

// take writes the files that have the content of an entry.
func (u *unpacker) take(e archive.Entry, number int) error {
	files := u.wanted[number][e.Path]
	if files == nil {
		return nil
	}
	got, err := u.write(e, files[0])
	if err == nil && got != files[0].SHA256 {
		err = fmt.Errorf("file %q of %q has other content than its %s says: verify that bundle", e.Path, u.chain[number].path, manifestName)
	}
	for _, again := range files[1:] {
		if err == nil && again.Size != files[0].Size {
			err = fmt.Errorf("file %q has %d bytes, and %q with the same content %d: verify the bundle", again.Path, again.Size, files[0].Path, files[0].Size)
		}
		if err == nil {
			err = u.copy(files[0], again)
		}
	}
	if err == nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.left[number], e.Path)
	}
	return err
}

// metadata writes what bundle.json cannot list. That of a delta becomes the one of the
// bundle that it leads to.
func (u *unpacker) metadata(e archive.Entry, number int) error {
	s := u.chain[number]
	got, err := readSmall(e)
	if err != nil {
		return err
	}
	data := got
	switch e.Path {
	case manifestName:
		if string(got) != string(s.raw) {
			return fmt.Errorf("file %q changed while it was read", e.Path)
		}
		data = u.target.raw
	case signatureName:
		if u.target.seat != nil {
			return nil // it is that of the kit
		}
	case sumsName:
		if string(got) != string(sums(s.whole.Files, s.wholeRaw)) {
			return fmt.Errorf("file %q has other content than %s says: verify the bundle", e.Path, manifestName)
		}
		data = sums(u.target.manifest.Files, u.target.raw)
	}
	if e.Path != signatureName && e.Mode != Plain.Perm() {
		return fmt.Errorf("file %q has mode %#o, should have %s: verify the bundle", e.Path, uint32(e.Mode), Plain)
	}
	it := atHand(e.Path, Plain, data)
	_, err = u.write(archive.Entry{Path: e.Path, Size: it.Size, Open: func() (io.ReadCloser, error) { return it.reader(), nil }}, it.File)
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.left[number], e.Path)
	return err
}

// checkAll makes sure that no file failed to come, except those that an unpacked
// bundle for one host rightly lacks.
func (u *unpacker) checkAll(number int) error {
	s := u.chain[number]
	if len(u.left[number]) == 0 {
		return nil
	}
	if s == u.chain.last() {
		missing := sortedKeys(u.left[number])
		return fmt.Errorf("%d files are missing, the first is %q: verify the bundle", len(missing), missing[0])
	}
	var missing []string
	for _, name := range sortedKeys(u.left[number]) {
		file, _ := s.file(name)
		missing = append(missing, s.manifest.describe(file))
	}
	return fmt.Errorf("%q lacks %d files that it should have and that are needed:%s", s.path, len(missing), shown(missing))
}

func sortedKeys(set map[string]bool) []string {
	var keys []string
	for key := range set {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// write creates a file and returns the hash of what went in.
func (u *unpacker) write(e archive.Entry, to File) (string, error) {
	rc, err := e.Open()
	if err != nil {
		return "", err
	}
	defer rc.Close()
	return u.create(to, rc)
}

// copy creates a file with the content of one that is there.
func (u *unpacker) copy(from, to File) error {
	f, err := u.root.Open(from.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	got, err := u.create(to, f)
	if err == nil && got != from.SHA256 {
		err = fmt.Errorf("file %q changed while it was copied to %q", from.Path, to.Path)
	}
	return err
}

func (u *unpacker) create(to File, content io.Reader) (digits string, err error) {
	if err := u.makeDirs(path.Dir(to.Path)); err != nil {
		return "", err
	}
	f, err := u.root.OpenFile(to.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	err = copyHashed(f, sum, content)
	if err == nil {
		err = errors.Join(f.Chmod(to.Mode.Perm()), f.Sync())
	}
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(err, f.Close())
}

// makeDirs creates a directory and its parents, whatever the umask is.
func (u *unpacker) makeDirs(dir string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.makeDir(dir)
}

func (u *unpacker) makeDir(dir string) error {
	if dir == "." {
		return nil
	}
	if _, err := u.root.Lstat(dir); err == nil {
		return nil
	}
	if err := u.makeDir(path.Dir(dir)); err != nil {
		return err
	}
	if err := u.root.Mkdir(dir, 0o700); err != nil {
		return err
	}
	u.dirs = append(u.dirs, dir)
	return u.root.Chmod(dir, 0o755)
}

// finishDirs brings the directories themselves to the disk.
func (u *unpacker) finishDirs() error {
	if err := u.root.Chmod(".", 0o755); err != nil {
		return err
	}
	for _, dir := range append(u.dirs, ".") {
		d, err := u.root.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			return err
		}
	}
	return nil
}
