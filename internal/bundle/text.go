package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/satchel-kit/satchel/internal/archive"
)

// maxText bounds the memory that a text of a bundle can take.
const maxText = 512 << 20

// Text reads one of the files that bundle.json lists, from a bundle in any form, and
// checks it. The error wraps fs.ErrNotExist if it lists no such file.
func Text(ctx context.Context, path, name string) ([]byte, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, err
	}
	want, found := s.file(name)
	switch {
	case !found:
		return nil, fmt.Errorf("reading %q of %q: %w", name, path, fs.ErrNotExist)
	case want.Size > maxText:
		return nil, fmt.Errorf("reading %q of %q: it has %d bytes, more than any text", name, path, want.Size)
	}
	var got []byte
	err = archive.Read(ctx, path, func(e archive.Entry) error {
		if e.Path != name {
			return nil
		}
		if got, err = readBounded(e, int(want.Size)); err != nil {
			return err
		}
		return fs.SkipAll
	})
	if err == nil && hexSum(got) != want.SHA256 {
		err = errors.New("it has other content than bundle.json says, or is missing: verify the bundle")
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q of %q: %w", name, path, whichPart(ctx, path, err))
	}
	return got, nil
}
