package bundle

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"

	"github.com/satchel-kit/satchel/internal/archive"
)

// source is a bundle, packed or unpacked, whose bundle.json has been read.
type source struct {
	path     string
	unpacked bool
	manifest *Manifest
	raw      []byte // the bytes of bundle.json
	// whole is the manifest of the bundle that a delta leads to, and wholeRaw its
	// bytes. Of a bundle that is no delta they are its own.
	whole    *Manifest
	wholeRaw []byte
	// identity is the digest of wholeRaw.
	identity string
	files    map[string]File
	// contents are files by the digits of their SHA-256; see content.
	contents map[string]File
}

// file is the file that bundle.json lists with that path.
func (s *source) file(path string) (File, bool) {
	file, found := s.files[path]
	return file, found
}

// open reads bundle.json. Of an archive it reads the first entry only.
func open(ctx context.Context, path string) (*source, error) {
	unpacked, err := archive.Unpacked(path)
	if err != nil {
		return nil, fmt.Errorf("opening bundle: %w", err)
	}
	f := &finder{unpacked: unpacked}
	if err := archive.Read(ctx, path, f.find); err != nil {
		return nil, fmt.Errorf("opening bundle %q: %w", path, whichPart(ctx, path, err))
	}
	if f.manifest == nil {
		return nil, fmt.Errorf("opening bundle %q: there is no %s in it", path, manifestName)
	}
	s, err := newSource(path, f.manifest, f.raw)
	if err != nil {
		return nil, fmt.Errorf("opening bundle %q: %w", path, err)
	}
	s.unpacked = unpacked
	return s, nil
}

func newSource(path string, m *Manifest, raw []byte) (*source, error) {
	s := &source{path: path, manifest: m, raw: raw, whole: m.whole(), wholeRaw: raw, files: m.byPath()}
	if m.Since != nil {
		var err error
		if s.wholeRaw, err = s.whole.encode(); err != nil {
			return nil, err
		}
	}
	s.identity = "sha256:" + hexSum(s.wholeRaw)
	return s, nil
}

// whichPart names the damaged parts of an archive that is split, as the reason of an
// error.
func whichPart(ctx context.Context, path string, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	return cmp.Or(archive.CheckParts(ctx, path), err)
}

// finder takes bundle.json out of an archive.
type finder struct {
	unpacked bool
	manifest *Manifest
	raw      []byte
}

func (f *finder) find(e archive.Entry) error {
	switch {
	case e.Path != manifestName && f.unpacked:
		return nil
	case e.Path != manifestName:
		return fmt.Errorf("it is not a bundle: the first entry is %q, not %s", e.Path, manifestName)
	}
	if e.Size > maxManifest {
		return fmt.Errorf("reading %s: it is larger than %d bytes", manifestName, maxManifest)
	}
	rc, err := e.Open()
	if err != nil {
		return err
	}
	defer rc.Close()
	if f.manifest, f.raw, err = readManifest(rc); err != nil {
		return err
	}
	return fs.SkipAll
}
