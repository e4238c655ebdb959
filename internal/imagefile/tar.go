package imagefile

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// The bounds of the memory that the names in a hostile tar can take.
const (
	maxEntries = 1 << 17
	maxName    = 1024
)

// maxLinks is how many links may lead from one to the next.
const maxLinks = 8

// tarTree is a plain tar of which the headers have been read.
type tarTree struct {
	file *os.File
	at   map[string]span
	// links has where links lead to, as paths in the tar. docker save up to version 24
	// writes one for a layer that another image of the archive has.
	links map[string]string
}

type span struct{ begin, size int64 }

func newTarTree(f *os.File) (*tarTree, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	t := &tarTree{file: f, at: map[string]span{}, links: map[string]string{}}
	r := tar.NewReader(f)
	for {
		hdr, err := r.Next()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if errors.Is(err, tar.ErrHeader) && len(t.at) == 0 {
			return nil, errors.New("it is not a tar archive")
		}
		if err != nil {
			return nil, fmt.Errorf("reading the tar archive: %w", err)
		}
		if err := t.add(hdr, info.Size()); err != nil {
			return nil, fmt.Errorf("reading entry %.200q: %w", hdr.Name, err)
		}
	}
}

func (t *tarTree) add(hdr *tar.Header, size int64) error {
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		return nil // words about all entries, such as the commit from git archive
	}
	name, err := clean(hdr.Name)
	if err != nil || hdr.Typeflag == tar.TypeDir {
		return err
	}
	if t.has(name) {
		return errors.New("it is there twice")
	}
	if len(t.at)+len(t.links) >= maxEntries {
		return fmt.Errorf("there are more than %d", maxEntries)
	}
	switch hdr.Typeflag {
	case tar.TypeReg:
		for key := range hdr.PAXRecords {
			if strings.HasPrefix(key, "GNU.sparse.") {
				return errors.New("it is stored sparse")
			}
		}
		begin, err := t.file.Seek(0, io.SeekCurrent)
		if err == nil && hdr.Size > size-begin {
			err = io.ErrUnexpectedEOF
		}
		t.at[name] = span{begin, hdr.Size}
		return err
	case tar.TypeLink:
		t.links[name], err = clean(hdr.Linkname)
	case tar.TypeSymlink:
		t.links[name], err = clean(path.Join(path.Dir(name), hdr.Linkname))
		if path.IsAbs(hdr.Linkname) {
			err = errors.New("it is a link that leads out of the archive")
		}
	default:
		return fmt.Errorf("it is neither a file nor a directory nor a link (type %q)", hdr.Typeflag)
	}
	return err
}

func (t *tarTree) has(name string) bool {
	_, file := t.at[name]
	_, link := t.links[name]
	return file || link
}

// clean takes a name in a tar for a path that stays inside.
func clean(name string) (string, error) {
	if len(name) > maxName {
		return "", fmt.Errorf("the name has more than %d bytes", maxName)
	}
	cleaned := path.Clean(name)
	if !fs.ValidPath(cleaned) {
		return "", errors.New("the name leads out of the archive")
	}
	return cleaned, nil
}

func (t *tarTree) Open(path string) (io.ReadCloser, int64, error) {
	for range maxLinks {
		to, linked := t.links[path]
		if !linked {
			break
		}
		path = to
	}
	s, found := t.at[path]
	if !found {
		return nil, 0, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return io.NopCloser(io.NewSectionReader(t.file, s.begin, s.size)), s.size, nil
}

func (t *tarTree) Close() error { return t.file.Close() }
