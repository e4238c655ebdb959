package push

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/satchel-kit/satchel/internal/archive"
)

// tree is the layer of all small files: a tar that is made anew each time it is
// read, so that it takes neither memory nor disk. The files are checked now.
func (b *bundleSource) tree(ctx context.Context, small []entry) (content, error) {
	entries := make([]archive.Entry, len(small))
	for i, e := range small {
		entries[i] = archive.Entry{Path: e.Path, Mode: e.Mode.Perm(), Size: e.Size, Open: func() (io.ReadCloser, error) { return b.content(e).read(nil) }}
	}
	c := content{use: "the small files of the bundle", open: func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { w.CloseWithError(archive.Write(ctx, w, archive.Tar, entries)) }()
		return r, nil
	}}
	r, err := c.open()
	if err != nil {
		return c, err
	}
	defer r.Close()
	sum := sha256.New()
	if c.size, err = io.Copy(sum, r); err != nil {
		return c, err
	}
	c.digest = fmt.Sprintf("sha256:%x", sum.Sum(nil))
	return c, nil
}
