package bundle

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"github.com/satchel-kit/satchel/internal/archive"
)

// unpacker writes the files of a bundle below root and checks each on the way.
type unpacker struct {
	root   *os.Root
	hasher *hasher
	buf    []byte
	// left are the files that are still to come.
	left map[string]File
	skip map[string]bool
	dirs []string
}

func newUnpacker(s *source, root *os.Root, host string) *unpacker {
	list := sums(s.manifest.Files, s.raw)
	u := &unpacker{
		root:   root,
		hasher: newHasher(),
		buf:    make([]byte, hashBufferSize),
		left:   s.manifest.byPath(),
		skip:   map[string]bool{},
	}
	u.left[manifestName] = File{Path: manifestName, Size: int64(len(s.raw)), SHA256: hexSum(s.raw), Mode: Plain}
	u.left[sumsName] = File{Path: sumsName, Size: int64(len(list)), SHA256: hexSum(list), Mode: Plain}
	for _, h := range s.manifest.Hosts {
		u.skip[h.Name] = host != "" && h.Name != host
	}
	return u
}

func (u *unpacker) entry(e archive.Entry) error {
	want, found := u.left[e.Path]
	switch {
	case e.Path == signatureName && e.Size <= maxSignature:
		return u.signature(e)
	case !found:
		return fmt.Errorf("file %q is not in %s: verify the bundle", e.Path, manifestName)
	case e.Size != want.Size || e.Mode != want.Mode.Perm():
		return fmt.Errorf("file %q has %d bytes and mode %#o, should have %d and %s: verify the bundle", e.Path, e.Size, uint32(e.Mode), want.Size, want.Mode)
	}
	delete(u.left, e.Path)
	if u.skip[hostOf(e.Path)] {
		return nil
	}
	got, err := u.write(e, want.Mode)
	if err == nil && got != want.SHA256 {
		err = fmt.Errorf("file %q has other content than %s says: verify the bundle", e.Path, manifestName)
	}
	return err
}

// maxSignature is more than any signature of SHA256SUMS needs.
const maxSignature = 64 << 10

// signature copies the one file that the manifest cannot list.
func (u *unpacker) signature(e archive.Entry) error {
	_, err := u.write(e, Plain)
	return err
}

// checkAll makes sure that no file failed to come, except those that an unpacked
// bundle for one host rightly lacks.
func (u *unpacker) checkAll() error {
	var missing []string
	for name := range u.left {
		if !u.skip[hostOf(name)] {
			missing = append(missing, name)
		}
	}
	if missing == nil {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("%d files are missing, the first is %q: verify the bundle", len(missing), missing[0])
}

// write creates a file and returns the hash of what went in.
func (u *unpacker) write(e archive.Entry, mode Mode) (string, error) {
	if err := u.makeDirs(path.Dir(e.Path)); err != nil {
		return "", err
	}
	rc, err := e.Open()
	if err != nil {
		return "", err
	}
	defer rc.Close()
	f, err := u.root.OpenFile(e.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = io.CopyBuffer(io.MultiWriter(f, u.hasher), struct{ io.Reader }{rc}, u.buf)
	got := u.hasher.finish()
	if err == nil {
		err = errors.Join(f.Chmod(mode.Perm()), f.Sync())
	}
	return got, errors.Join(err, f.Close())
}

// makeDirs creates a directory and its parents, whatever the umask is.
func (u *unpacker) makeDirs(dir string) error {
	if dir == "." {
		return nil
	}
	if _, err := u.root.Lstat(dir); err == nil {
		return nil
	}
	if err := u.makeDirs(path.Dir(dir)); err != nil {
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
