package side

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/satchel-kit/satchel/internal/derive"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
	"github.com/satchel-kit/satchel/internal/spec"
)

// lockName is the file beside a spec.
const lockName = "satchel.lock"

// readSpec renders the spec, and takes digests from the lock beside it.
func (s *Side) readSpec(path string, seen *texts) error {
	loaded, err := spec.Load(path)
	if err != nil {
		return invalid(s.Name, err)
	}
	p := plan.New(loaded)
	tree, err := render.Render(p)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	for _, f := range tree {
		s.Texts[f.Path] = Text{Data: seen.keep(f.Data), Exec: f.Mode&0o100 != 0}
	}
	s.Cluster, s.Version, s.SpecDigest = p.Cluster.Name, p.Cluster.Version, p.SpecDigest
	s.Has = Has{Texts: true, Images: true, Files: true, Settings: true}
	if s.Settings, err = settings(loaded); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return s.needs(p, path)
}

// invalid puts a heading over the problems of a spec.
func invalid(name string, err error) error {
	var problems spec.Problems
	if errors.As(err, &problems) {
		return fmt.Errorf("%s is not a valid spec, problems: %d\n%w", name, len(problems), err)
	}
	return err
}

// needs has the images and files that a plan needs, and of the lock what is about them.
func (s *Side) needs(p *plan.Plan, path string) error {
	dir := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		dir = filepath.Dir(path)
	}
	l, err := lock.Read(filepath.Join(dir, lockName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.Notes = append(s.Notes, "there is no "+lockName+" beside the spec: digests and sizes are not known")
		l = &lock.Lock{}
	case err != nil:
		return fmt.Errorf("the lock of %s: %w", s.Name, err)
	default:
		s.LockDigest = l.Digest()
		if l.Covers(p.Supply) != nil {
			s.Notes = append(s.Notes, lockName+" does not fit the spec (run satchel lock): some digests and sizes are not known")
		}
	}
	locked := lockSide(l)
	images := map[string]int{}
	for i := range locked.Images {
		images[l.Images[i].Name] = i
	}
	for _, want := range p.Images {
		image := Image{Name: want.Name}
		at, known := images[want.Name]
		for _, platform := range want.Platforms {
			entry := Platform{Platform: platform}
			switch {
			case known && fits(l.Images[at], want):
				entry = locked.Images[at].platform(platform)
				image.Attached, image.Known = locked.Images[at].Attached, true
			case known && want.Recipe != nil:
				// What the image is made of differs from what the lock has, and so will it.
				entry.Digest = Recipe + derive.Digest(want.Recipe)
			}
			image.Platforms = append(image.Platforms, entry)
		}
		s.Images = append(s.Images, image)
	}
	files := map[string]File{}
	for _, f := range locked.Files {
		files[f.Path] = f
	}
	for _, want := range p.Files {
		file, known := files[want.Path]
		if !known || file.URL != want.URL {
			file = File{Path: want.Path, URL: want.URL}
		}
		s.Files = append(s.Files, file)
	}
	s.Packages, s.Has.Packages = locked.Packages, len(p.Packages) == 0 || s.LockDigest != ""
	return nil
}

// fits tells whether a derived image was locked with the recipe that it has now. Other
// images have only their names.
func fits(locked lock.Image, want plan.Image) bool {
	switch {
	case want.Recipe == nil || locked.From == nil:
		return want.Recipe == nil && locked.From == nil
	}
	return locked.From.Base == want.Recipe.Base && locked.From.Recipe == derive.Digest(want.Recipe)
}

// platform is the image for one platform; it has nothing but the name where the image is
// not there for it.
func (i Image) platform(name string) Platform {
	for _, p := range i.Platforms {
		if p.Platform == name {
			return p
		}
	}
	return Platform{Platform: name}
}

// readLock reads a lock by itself.
func (s *Side) readLock(path string) error {
	l, err := lock.Read(path)
	if err != nil {
		if strings.Contains(err.Error(), path) {
			return err
		}
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	locked := lockSide(l)
	s.LockDigest, s.Has = l.Digest(), locked.Has
	s.Images, s.Files, s.Packages = locked.Images, locked.Files, locked.Packages
	return nil
}

// lockSide has what a lock knows.
func lockSide(l *lock.Lock) *Side {
	s := &Side{Has: Has{Images: true, Files: true, Packages: true}}
	for _, i := range l.Images {
		image := Image{Name: i.Name, Known: true}
		var beside []string
		for _, a := range i.Attached {
			beside = append(beside, a.Digest+" "+a.Tag)
		}
		image.Attached = attached(beside)
		for _, m := range i.Manifests {
			p := Platform{Platform: m.Platform, Digest: m.Digest}
			counted := map[string]bool{}
			for _, layer := range m.Layers {
				if !counted[layer.Digest] {
					p.Size += layer.Size
				}
				counted[layer.Digest] = true
			}
			image.Platforms = append(image.Platforms, p)
		}
		s.Images = append(s.Images, image)
	}
	for _, set := range l.Packages {
		for _, p := range set.Packages {
			// A bundle knows no more of a package than its file's name says.
			if named, ok := parsePackage(set.Dir() + "/" + set.File(p)); ok {
				named.SHA256, named.Size = p.SHA256, p.Size
				s.Packages = append(s.Packages, named)
			}
		}
	}
	sortPackages(s.Packages)
	for _, f := range l.Files {
		s.Files = append(s.Files, File{Path: f.Path, URL: f.URL, SHA256: f.SHA256, Size: f.Size})
	}
	return s
}
