package lock

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/derive"
	"github.com/satchel-kit/satchel/internal/plan"
)

// Covers checks that the lock is about exactly what a plan needs. The error
// lists everything that is not.
func (l *Lock) Covers(images []plan.Image, files []plan.File) error {
	var want, have wants = wants{}, wants{}
	for _, img := range images {
		want["image "+img.Name] = strings.Join(slices.Sorted(slices.Values(img.Platforms)), ", ")
		if img.Attestations {
			want["attestations of image "+img.Name] = "keeping"
		}
		if img.Archive != nil {
			want["image "+img.Name+"'s archive"] = describeArchive(img.Archive.Path, img.Archive.Image)
		}
		if img.Recipe != nil {
			want["image "+img.Name+"'s base"] = img.Recipe.Base
			want["image "+img.Name+"'s recipe"] = derive.Digest(img.Recipe)
		}
	}
	for _, f := range files {
		want["file "+f.Path] = f.URL
	}
	for _, img := range l.Images {
		var platforms []string
		for _, m := range img.Manifests {
			platforms = append(platforms, m.Platform)
		}
		have["image "+img.Name] = strings.Join(platforms, ", ")
		if img.Attestations {
			have["attestations of image "+img.Name] = "keeping"
		}
		if img.Archive != nil {
			have["image "+img.Name+"'s archive"] = describeArchive(img.Archive.Path, img.Archive.Image)
		}
		if img.From != nil {
			have["image "+img.Name+"'s base"] = img.From.Base
			have["image "+img.Name+"'s recipe"] = img.From.Recipe
		}
	}
	for _, f := range l.Files {
		have["file "+f.Path] = f.URL
	}
	changes := have.changes(want, "the lock lacks %s", "the lock has %s, which nothing needs any more", "%s is locked for %s, and needed for %s")
	if len(changes) == 0 {
		return nil
	}
	return errors.New("the lock does not fit the spec: run `satchel lock`\n  " + strings.Join(changes, "\n  "))
}

func describeArchive(path, image string) string {
	if image == "" {
		return path
	}
	return image + " in " + path
}

// Diff says what moved from one lock to another, one line for each name.
func Diff(old, new *Lock) []string {
	return old.contents().changes(new.contents(), "%s is new", "%s is gone", "%s moved from %s to %s")
}

// wants maps a name to what matters about it.
type wants map[string]string

func (l *Lock) contents() wants {
	all := wants{}
	for _, img := range l.Images {
		all["image "+img.Name] = img.Digest
		if img.From != nil {
			all["image "+img.Name+"'s base"] = img.From.Base + "@" + img.From.Digest
			all["image "+img.Name+"'s recipe"] = img.From.Recipe
		}
		if img.Archive != nil {
			all["image "+img.Name+"'s archive"] = describeArchive(img.Archive.Path, img.Archive.Image)
		}
		if img.Attestations {
			all["attestations of image "+img.Name] = "keeping"
		}
		for _, m := range img.Manifests {
			all["image "+img.Name+" for "+m.Platform] = m.Digest
		}
		for _, a := range img.Attached {
			if a.Subject != "" {
				all["image "+img.Name+"'s "+cmp.Or(a.Tag, a.ArtifactType, a.MediaType)+" "+a.Digest] = a.Digest
			}
		}
	}
	for _, f := range l.Files {
		all["file "+f.Path] = fmt.Sprintf("sha256:%s at %s", f.SHA256, f.URL)
	}
	return all
}

func (old wants) changes(new wants, added, removed, changed string) []string {
	names := maps.Clone(old)
	maps.Copy(names, new)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, before := old[name]
		is, now := new[name]
		switch {
		case !before:
			lines = append(lines, fmt.Sprintf(added, name))
		case !now:
			lines = append(lines, fmt.Sprintf(removed, name))
		case was != is:
			lines = append(lines, fmt.Sprintf(changed, name, was, is))
		}
	}
	return lines
}

// With is the lock with the images and files of another in the place of its own.
func (l *Lock) With(fresh *Lock) *Lock {
	with := &Lock{Format: Format, Images: slices.Clone(fresh.Images), Files: slices.Clone(fresh.Files)}
	for _, i := range l.Images {
		if !slices.ContainsFunc(fresh.Images, func(f Image) bool { return f.Name == i.Name }) {
			with.Images = append(with.Images, i)
		}
	}
	for _, f := range l.Files {
		if !slices.ContainsFunc(fresh.Files, func(o File) bool { return o.Path == f.Path }) {
			with.Files = append(with.Files, f)
		}
	}
	slices.SortFunc(with.Images, func(a, b Image) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(with.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return with
}
