package side

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/archive"
	"github.com/satchel-kit/satchel/internal/bundle"
)

// readBundle reads bundle.json and the texts that it lists. A delta has all texts of the
// bundle that it leads to, and lists the rest.
func (s *Side) readBundle(ctx context.Context, path string, seen *texts) error {
	summary, err := bundle.Inspect(ctx, path)
	if err != nil {
		return err
	}
	m := summary.Manifest
	if m.Since != nil {
		s.Kind = Delta
		s.Notes = append(s.Notes, "it is a delta of "+m.Since.String()+"; it is compared as the bundle that it leads to")
	}
	s.Cluster, s.Version, s.SpecDigest, s.LockDigest = m.Name, m.Version, m.Spec, m.Lock
	s.Has = Has{Texts: true, Images: true, Files: true, Packages: true, Programs: true}
	s.addImages(summary.Images)
	s.addAttached(m.Images)
	if err := s.readTexts(ctx, path, m.Files, seen); err != nil {
		return fmt.Errorf("reading the texts of %s: %w", s.Name, err)
	}
	s.addFiles(m.Files, origins([]byte(s.Texts[provenance].Data)))
	delete(s.Texts, provenance)
	if len(s.Absent) > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%d texts that its bundle.json lists are not there, as after unpack --host; they are not compared", len(s.Absent)))
	}
	return nil
}

func (s *Side) addImages(sizes []bundle.ImageSize) {
	for _, i := range sizes {
		if n := len(s.Images); n == 0 || s.Images[n-1].Name != i.Name {
			s.Images = append(s.Images, Image{Name: i.Name})
		}
		last := &s.Images[len(s.Images)-1]
		last.Platforms = append(last.Platforms, Platform{Platform: i.Platform, Digest: i.Digest, Size: i.Size})
	}
}

// addAttached tells of the images, which are in the same order, what is beside them.
func (s *Side) addAttached(list []bundle.Image) {
	for i := range s.Images {
		var beside []string
		for _, a := range list[i].Attached {
			beside = append(beside, a.Digest+" "+a.Tag)
		}
		s.Images[i].Attached, s.Images[i].Known = attached(beside), true
	}
}

// provenance says where the files were fetched.
const provenance = "provenance.json"

// notTexts are the places of a bundle that hold contents, and what build adds to the
// rendered tree.
var notTexts = []string{"images/", "files/", "bin/", "packages/", "sbom/"}

func isText(path string) bool {
	return !slices.ContainsFunc(notTexts, func(dir string) bool { return strings.HasPrefix(path, dir) })
}

// readTexts reads the texts until it has all: they come before the contents.
func (s *Side) readTexts(ctx context.Context, path string, listed []bundle.File, seen *texts) error {
	wanted := map[string]bundle.File{}
	var sum int64
	for _, f := range listed {
		if !isText(f.Path) {
			continue
		}
		if sum += f.Size; f.Size > maxText || sum > maxTexts {
			return fmt.Errorf("%s is too large for a text", f.Path)
		}
		wanted[f.Path] = f
	}
	err := archive.Read(ctx, path, func(e archive.Entry) error {
		want, ok := wanted[e.Path]
		if !ok {
			return nil
		}
		data, err := readAll(e.Open, want.Size)
		if err != nil {
			return err
		}
		if digits := sha256.Sum256(data); hex.EncodeToString(digits[:]) != want.SHA256 {
			return fmt.Errorf("%s is not what bundle.json says; verify the bundle", e.Path)
		}
		s.Texts[e.Path] = Text{Data: seen.keep(data), Exec: want.Mode == bundle.Executable}
		if delete(wanted, e.Path); len(wanted) == 0 {
			return fs.SkipAll
		}
		return nil
	})
	if err != nil || len(wanted) == 0 {
		return err
	}
	// Only a directory can have a part of the texts: an archive is whole or damaged.
	if unpacked, err := archive.Unpacked(path); err != nil || !unpacked {
		return fmt.Errorf("bundle.json lists %s, which is not there; verify the bundle", slices.Sorted(maps.Keys(wanted))[0])
	}
	for name := range wanted {
		s.Absent[name] = true
	}
	return nil
}

// addFiles sorts what is listed into files, programs and packages.
func (s *Side) addFiles(listed []bundle.File, origins map[string]string) {
	for _, f := range listed {
		if strings.HasPrefix(f.Path, "files/") || strings.HasPrefix(f.Path, "bin/") {
			s.Files = append(s.Files, File{Path: f.Path, URL: origins[f.Path], SHA256: f.SHA256, Size: f.Size})
		}
		if p, ok := parsePackage(f.Path); ok {
			p.SHA256, p.Size = f.SHA256, f.Size
			s.Packages = append(s.Packages, p)
		}
	}
	sortPackages(s.Packages)
}

// origins reads from a bundle's provenance where each file was fetched. It only helps
// to name versions, so what cannot be read is left out.
func origins(statement []byte) map[string]string {
	var s struct {
		Predicate struct {
			BuildDefinition struct {
				ResolvedDependencies []struct{ Name, URI string }
			}
		}
	}
	found := map[string]string{}
	if json.Unmarshal(statement, &s) != nil {
		return found
	}
	for _, d := range s.Predicate.BuildDefinition.ResolvedDependencies {
		if strings.HasPrefix(d.Name, "files/") {
			found[d.Name] = d.URI
		}
	}
	return found
}
