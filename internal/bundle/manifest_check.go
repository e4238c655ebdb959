package bundle

import (
	"fmt"
	"math"
	"strings"
	"unicode"

	"github.com/satchel-kit/satchel/internal/archive"
)

// check makes sure that the rest of the package can rely on the manifest:
// everything is well-formed, sorted and there once, and every blob of an image
// is a file of the bundle.
func (m *Manifest) check() error {
	if m.Name == "" || m.Version == "" || m.Satchel == "" {
		return fmt.Errorf("name, version and satchel must not be empty")
	}
	for _, digest := range []string{m.Spec, m.Lock} {
		if _, err := hexDigits(digest); err != nil {
			return err
		}
	}
	if err := m.checkDelta(); err != nil {
		return err
	}
	if err := checkHosts(m.Hosts); err != nil {
		return err
	}
	if err := m.checkSeats(); err != nil {
		return err
	}
	if err := m.checkFiles(); err != nil {
		return err
	}
	return m.checkImages()
}

func checkHosts(hosts []Host) error {
	before := ""
	for _, host := range hosts {
		if archive.CheckName(host.Name) != nil || strings.Contains(host.Name, "/") {
			return fmt.Errorf("host name %q is not fit for a folder", host.Name)
		}
		if host.Name <= before {
			return fmt.Errorf("host %q is out of order or there twice", host.Name)
		}
		before = host.Name
	}
	return nil
}

func (m *Manifest) checkFiles() error {
	before, total := "", int64(0)
	for _, file := range m.Files {
		if err := file.check(); err != nil {
			return err
		}
		if file.Path <= before {
			return fmt.Errorf("file %q is out of order or there twice", file.Path)
		}
		if before = file.Path; file.Size > math.MaxInt64-total {
			return fmt.Errorf("the files are larger together than any disk")
		}
		total += file.Size
	}
	return nil
}

func (f *File) check() error {
	if err := archive.CheckName(f.Path); err != nil {
		return err
	}
	switch {
	case limitOf(f.Path) > 0:
		return fmt.Errorf("file %q must not list itself", f.Path)
	case f.Size < 0:
		return fmt.Errorf("file %q has size %d", f.Path, f.Size)
	case !isHex(f.SHA256):
		return fmt.Errorf("file %q has sha256 %q, not 64 lower-case hexadecimal digits", f.Path, f.SHA256)
	case f.Mode != Plain && f.Mode != Executable:
		return fmt.Errorf("file %q has mode %q, not %q or %q", f.Path, f.Mode, Plain, Executable)
	case strings.HasPrefix(f.Path, blobsDir) && f.Path != blobsDir+f.SHA256:
		return fmt.Errorf("file %q has sha256 %q: a blob is named by its digest", f.Path, f.SHA256)
	}
	return nil
}

func (m *Manifest) checkImages() error {
	files := m.byPath()
	before := ""
	for _, image := range m.Images {
		if image.Name <= before {
			return fmt.Errorf("image %q is out of order or there twice", image.Name)
		}
		if before = image.Name; strings.ContainsFunc(image.Name, notInList) {
			return fmt.Errorf("image %q has a space or a control character in its name", image.Name)
		}
		if len(image.Platforms) == 0 {
			return fmt.Errorf("image %q has no platform", image.Name)
		}
		for _, digest := range image.blobs() {
			if _, err := hexDigits(digest); err != nil {
				return fmt.Errorf("image %q: %w", image.Name, err)
			}
			if _, found := files[blobPath(digest)]; !found {
				return fmt.Errorf("image %q needs %s, which is not in the list of files", image.Name, digest)
			}
		}
	}
	return nil
}

// notInList says which characters would make two lines or words of a name in the
// list of the images.
func notInList(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// blobs are the digests of all that the image consists of; some can be there
// more than once.
func (i *Image) blobs() []string {
	all := []string{i.Digest}
	for _, p := range i.Platforms {
		all = append(all, p.Digest, p.Config)
		all = append(all, p.Layers...)
	}
	for _, a := range i.Attached {
		all = append(all, a.Digest)
		all = append(all, a.Blobs...)
	}
	return all
}

func (m *Manifest) byPath() map[string]File {
	files := make(map[string]File, len(m.Files))
	for _, file := range m.Files {
		files[file.Path] = file
	}
	return files
}
