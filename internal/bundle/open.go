package bundle

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/satchel-kit/satchel/internal/archive"
)

// source is a bundle, packed or unpacked, whose bundle.json has been read.
type source struct {
	path     string
	unpacked bool
	manifest *Manifest
	raw      []byte // the bytes of bundle.json
}

// open reads bundle.json. Of an archive it reads the first entry only.
func open(ctx context.Context, path string) (*source, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("opening bundle: %w", err)
	}
	s := &source{path: path, unpacked: st.IsDir()}
	if err := archive.Read(ctx, path, s.find); err != nil {
		return nil, fmt.Errorf("opening bundle %q: %w", path, err)
	}
	if s.manifest == nil {
		return nil, fmt.Errorf("opening bundle %q: there is no %s in it", path, manifestName)
	}
	return s, nil
}

func (s *source) find(e archive.Entry) error {
	switch {
	case e.Path != manifestName && s.unpacked:
		return nil
	case e.Path != manifestName:
		return fmt.Errorf("it is not a bundle: the first entry is %q, not %s", e.Path, manifestName)
	}
	rc, err := e.Open()
	if err != nil {
		return err
	}
	defer rc.Close()
	if s.manifest, s.raw, err = readManifest(rc); err != nil {
		return err
	}
	return fs.SkipAll
}
