package archive

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
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
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || d.IsDir() {
			return err
		}
		return visitFile(ctx, root, name, d, v)
	})
	if v.err != nil {
		return v.result()
	}
	if err != nil {
		return fmt.Errorf("reading directory %q: %w", dir, err)
	}
	return nil
}

func visitFile(ctx context.Context, root *os.Root, name string, d fs.DirEntry, v *visitor) error {
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
	return v.entry(Entry{
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
			return &entryBody{ctx, f}, nil
		},
	})
}
