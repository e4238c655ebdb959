package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrCompressed says that the files of an archive cannot be read in any order,
// because it is compressed.
var ErrCompressed = errors.New("the archive is compressed")

// Index gives the files of a directory or of a plain tar in any order, to many
// at once. It must be closed.
type Index struct {
	// One of the two is there.
	root *os.Root
	tar  body
	// at says where in the tar a file's content lies.
	at map[string]span
}

type span struct{ begin, size int64 }

// OpenIndex reads the headers of a tar, and of a directory nothing. A tar must be
// sound in all that Read checks; a file of a directory is looked at when it is
// opened.
func OpenIndex(ctx context.Context, path string) (*Index, error) {
	at, err := find(path)
	if err != nil {
		return nil, err
	}
	if at.unpacked {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, fmt.Errorf("opening directory: %w", err)
		}
		return &Index{root: root}, nil
	}
	f, err := at.open(ctx)
	if err != nil {
		return nil, err
	}
	x := &Index{tar: f, at: map[string]span{}}
	if err := x.scan(ctx); err != nil {
		f.Close()
		return nil, fmt.Errorf("reading archive %q: %w", path, err)
	}
	return x, nil
}

// scan finds the contents.
func (x *Index) scan(ctx context.Context) error {
	in := stream(x.tar)
	format, err := detect(in)
	if err != nil {
		return err
	}
	if format != Tar {
		return fmt.Errorf("its files cannot be read in any order: %w", ErrCompressed)
	}
	return scan(ctx, in, func(e Entry, s span) error {
		x.at[e.Path] = s
		return nil
	})
}

// scan goes from header to header of a tar, over the contents.
func scan(ctx context.Context, r io.ReadSeeker, visit func(Entry, span) error) error {
	in := &seekPosition{position{r: r}, r}
	return readTar(ctx, in, func(e Entry) error { return visit(e, span{in.at(), e.Size}) })
}

// Open opens one file and tells its size. Of a directory it is an *os.File, which
// the kernel can send by itself. The error wraps fs.ErrNotExist if there is no
// such file.
func (x *Index) Open(name string) (io.ReadSeekCloser, int64, error) {
	if err := CheckName(name); err != nil {
		return nil, 0, err
	}
	if x.root != nil {
		return x.openFile(name)
	}
	s, found := x.at[name]
	if !found {
		return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return section{io.NewSectionReader(x.tar, s.begin, s.size)}, s.size, nil
}

func (x *Index) openFile(name string) (io.ReadSeekCloser, int64, error) {
	// Not waiting for a pipe.
	f, err := x.root.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("opening %q: it is not a regular file", name)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

// Close ends the reading of all files of a tar.
func (x *Index) Close() error {
	if x.root != nil {
		return x.root.Close()
	}
	return x.tar.Close()
}

type section struct{ *io.SectionReader }

func (section) Close() error { return nil }
