package archive

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/satchel-kit/satchel/internal/disk"
)

// modeBits are the bits of a mode that an archive can store.
const modeBits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// readDir is Read for an unpacked archive. It never leaves dir: every file is
// opened through os.Root.
func readDir(ctx context.Context, dir string, visit func(Entry) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening directory: %w", err)
	}
	defer root.Close()
	v := &visitor{visit: visit}
	err = walkDir(ctx, root, v.entry)
	if v.err != nil {
		return v.result()
	}
	if err != nil {
		return fmt.Errorf("reading directory %q: %w", dir, err)
	}
	return nil
}

// readDirAny is ReadAny for an unpacked archive.
func readDirAny(ctx context.Context, dir string, visit func(Entry) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening directory: %w", err)
	}
	defer root.Close()
	var all []Entry
	problem := walkDir(ctx, root, func(e Entry) error { all = append(all, e); return nil })
	v := &visitor{visit: visit}
	if v.any(ctx, all); v.err != nil {
		return v.result()
	}
	if problem != nil {
		return fmt.Errorf("reading directory %q: %w", dir, problem)
	}
	return nil
}

func walkDir(ctx context.Context, root *os.Root, visit func(Entry) error) error {
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || d.IsDir() {
			return err
		}
		return visitFile(ctx, root, name, d, visit)
	})
}

func visitFile(ctx context.Context, root *os.Root, name string, d fs.DirEntry, visit func(Entry) error) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if !d.Type().IsRegular() {
		return fmt.Errorf("reading entry %q: it is a link or a special file, only regular files are allowed", name)
	}
	st, err := d.Info()
	if err != nil {
		return err
	}
	return visit(Entry{
		Path: name,
		Mode: st.Mode() & modeBits,
		Size: st.Size(),
		Open: func() (io.ReadCloser, error) {
			// Not through a link and not waiting for a pipe, should one
			// have taken the file's place by now.
			f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
			if err != nil {
				return nil, err
			}
			return &entryBody{ctx, &fileBody{File: f}}, nil
		},
	})
}

// fileBody is a file that the disk reads ahead of its reader.
type fileBody struct {
	*os.File
	ahead ahead
}

func (b *fileBody) Read(p []byte) (int, error) {
	b.ahead.ask(func(at, n int64) { disk.ReadAhead(b.File, at, n) })
	n, err := b.File.Read(p)
	b.ahead.at += int64(n)
	return n, err
}
