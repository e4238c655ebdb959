package lock

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// validate checks everything that a later stage relies on.
func (l *Lock) validate() error {
	if l.Format != Format {
		return fmt.Errorf("the lock has format %d, and this satchel knows format %d", l.Format, Format)
	}
	sizes := map[string]int64{}
	last := ""
	for _, img := range l.Images {
		err := errors.Join(follows(last, img.Name), img.validate(sizes))
		if err != nil {
			return &entryError{"name", img.Name, err}
		}
		last = img.Name
	}
	last = ""
	for _, f := range l.Files {
		err := errors.Join(follows(last, f.Path), f.validate(sizes))
		if err != nil {
			return &entryError{"path", f.Path, err}
		}
		last = f.Path
	}
	last = ""
	for _, s := range l.Packages {
		err := errors.Join(follows(last, s.Place), s.validate(sizes))
		if err != nil {
			return &entryError{"place", s.Place, err}
		}
		last = s.Place
	}
	return nil
}

// follows checks that entries are sorted and that none is there twice.
func follows(last, next string) error {
	switch {
	case next == "":
		return errors.New("it is empty")
	case last == next:
		return errors.New("it is there twice")
	case last > next:
		return fmt.Errorf("it stands behind %q, but entries are sorted", last)
	}
	return nil
}

func (img Image) validate(sizes map[string]int64) error {
	if _, err := name.ParseReference(img.Name); err != nil {
		return err
	}
	if !isDigest(img.Digest) {
		return fmt.Errorf("digest %q is not \"sha256:\" and 64 lower-case hexadecimal digits", img.Digest)
	}
	if len(img.Manifests) == 0 {
		return errors.New("it has no manifest")
	}
	last := ""
	for _, m := range img.Manifests {
		if err := follows(last, m.Platform); err != nil {
			return fmt.Errorf("platform %q: %w", m.Platform, err)
		}
		last = m.Platform
		for _, b := range m.blobs() {
			if err := errors.Join(b.validate(), agree(sizes, b.Digest, b.Size)); err != nil {
				return fmt.Errorf("platform %q: %w", m.Platform, err)
			}
		}
	}
	if err := img.validateAttached(sizes); err != nil {
		return err
	}
	if img.Archive != nil && (img.From != nil || !fs.ValidPath(img.Archive.Path)) {
		return fmt.Errorf("archive: %q is not a clean path, or the image is made from another one too", img.Archive.Path)
	}
	if img.From != nil {
		if err := img.From.validate(img.Manifests, sizes); err != nil {
			return fmt.Errorf("what it is made from: %w", err)
		}
	}
	return nil
}

func (img Image) validateAttached(sizes map[string]int64) error {
	last := ""
	for _, a := range img.Attached {
		err := follows(last, a.Digest+" "+a.Tag)
		if a.Subject != "" && !isDigest(a.Subject) {
			err = fmt.Errorf("the subject %q is no digest", a.Subject)
		}
		if a.Tag != "" {
			if _, tagErr := name.NewTag("registry.invalid/x:"+a.Tag, name.StrictValidation); tagErr != nil {
				err = tagErr
			}
		}
		for _, b := range append([]Blob{a.Blob}, a.Blobs...) {
			err = errors.Join(err, b.validate(), agree(sizes, b.Digest, b.Size))
		}
		if err != nil {
			return fmt.Errorf("attached %s: %w", a.Digest, err)
		}
		last = a.Digest + " " + a.Tag
	}
	return nil
}

func (f *From) validate(manifests []Manifest, sizes map[string]int64) error {
	if _, err := name.ParseReference(f.Base); err != nil {
		return err
	}
	for _, digest := range []string{f.Digest, f.Recipe, cmp.Or(f.Layer, f.Digest)} {
		if !isDigest(digest) {
			return fmt.Errorf("digest %q is not \"sha256:\" and 64 lower-case hexadecimal digits", digest)
		}
	}
	same := func(p Part, m Manifest) bool { return p.Platform == m.Platform }
	if !slices.EqualFunc(f.Parts, manifests, same) {
		return errors.New("the parts are for other platforms than the manifests")
	}
	for i, p := range f.Parts {
		for _, b := range []Blob{p.Manifest, p.Config} {
			if err := errors.Join(b.validate(), agree(sizes, b.Digest, b.Size)); err != nil {
				return fmt.Errorf("platform %q: %w", p.Platform, err)
			}
		}
		layers := manifests[i].Layers
		if f.Layer != "" && (len(layers) == 0 || layers[len(layers)-1].Digest != f.Layer) {
			return fmt.Errorf("platform %q: the last layer is not %s", p.Platform, f.Layer)
		}
	}
	return nil
}

func (m Manifest) blobs() []Blob {
	return append([]Blob{m.Blob, m.Config}, m.Layers...)
}

func (f File) validate(sizes map[string]int64) error {
	if !fs.ValidPath(f.Path) || !strings.HasPrefix(f.Path, "files/") {
		return errors.New("it is not a clean path below \"files/\"")
	}
	u, err := url.Parse(f.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("url %q is not an https:// or http:// address", f.URL)
	}
	if !isSHA256(f.SHA256) {
		return fmt.Errorf("sha256 %q is not 64 lower-case hexadecimal digits", f.SHA256)
	}
	if f.Size < 0 {
		return fmt.Errorf("the size %d is negative", f.Size)
	}
	return agree(sizes, f.Digest(), f.Size)
}

// agree checks that one digest has one size throughout the lock.
func agree(sizes map[string]int64, digest string, size int64) error {
	if known, ok := sizes[digest]; ok && known != size {
		return fmt.Errorf("%s has %d bytes here and %d elsewhere", digest, size, known)
	}
	sizes[digest] = size
	return nil
}
