package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/satchel-kit/satchel/internal/disk"
)

// body is the bytes of an archive, in one file or in parts.
type body interface {
	io.ReaderAt
	io.Closer
	size() int64
	// willRead says that a stretch is about to be read.
	willRead(at, n int64)
}

// place is what a path turned out to be: a directory, or an archive in one file or
// in parts.
type place struct {
	path     string
	unpacked bool
	// whole is what the parts make together, or "".
	whole string
}

// Unpacked tells whether the archive at path is a directory. It is not if path is an
// archive's file, the first of its parts, or the name that the parts have in common.
func Unpacked(path string) (bool, error) {
	p, err := find(path)
	return p.unpacked, err
}

// find looks at what is at path, and opens nothing but a list of parts.
func find(path string) (place, error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isFile(path+listSuffix):
		return place{path: path, whole: path}, nil
	case err != nil:
		return place{}, fmt.Errorf("opening archive: %w", err)
	case st.IsDir():
		return place{path: path, unpacked: true}, nil
	case !st.Mode().IsRegular():
		return place{}, fmt.Errorf("opening archive %q: it is neither a file nor a directory", path)
	}
	whole, number := splitPartName(path)
	switch {
	case number == 0:
	case isFile(whole + listSuffix):
		return place{path: path, whole: whole}, nil
	case number > 1, isFile(partName(whole, 2)):
		return place{}, fmt.Errorf("opening archive %q: it is a part of %q, and the list of the parts, %q, is missing: bring it too, or join the parts (cat %s.[0-9]* >%s)",
			path, whole, whole+listSuffix, whole, whole)
	}
	return place{path: path}, nil
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// open opens an archive that is not a directory.
func (p place) open(ctx context.Context) (body, error) {
	if p.whole != "" {
		return openParts(ctx, p.whole)
	}
	f, err := os.Open(p.path)
	if err != nil {
		return nil, fmt.Errorf("opening archive: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("opening archive: %w", err)
	}
	return oneFile{f, st.Size()}, nil
}

type oneFile struct {
	*os.File
	n int64
}

func (f oneFile) size() int64          { return f.n }
func (f oneFile) willRead(at, n int64) { disk.ReadAhead(f.File, at, n) }

// stream is a body from its beginning to its end.
func stream(b body) *io.SectionReader { return io.NewSectionReader(b, 0, b.size()) }
