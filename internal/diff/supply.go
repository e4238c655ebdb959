package diff

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/side"
)

// images are those that differ. An image that went and one that came are one change
// where they are the only such of their repository.
func images(a, b *side.Side) []Image {
	list := []Image{}
	if !a.Has.Images || !b.Has.Images {
		return list
	}
	var gone, came []side.Image
	for _, p := range byKey(a.Images, b.Images, func(i side.Image) string { return i.Name }) {
		switch {
		case p.a == nil:
			came = append(came, *p.b)
		case p.b == nil:
			gone = append(gone, *p.a)
		default:
			if platforms, differ := platforms(*p.a, *p.b); differ {
				repository, tag := reference(p.key)
				list = append(list, Image{Name: repository, Change: Changed, Tag: Values{tag, tag}, Platforms: platforms})
			}
		}
	}
	list = append(list, moved(gone, came)...)
	slices.SortFunc(list, func(a, b Image) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Tag.Old, b.Tag.Old), cmp.Compare(a.Tag.New, b.Tag.New))
	})
	return list
}

func moved(gone, came []side.Image) []Image {
	var list []Image
	repository := func(i side.Image) string { name, _ := reference(i.Name); return name }
	old, fresh := map[string][]side.Image{}, map[string][]side.Image{}
	for _, i := range gone {
		old[repository(i)] = append(old[repository(i)], i)
	}
	for _, i := range came {
		fresh[repository(i)] = append(fresh[repository(i)], i)
	}
	for name := range old {
		if len(old[name]) == 1 && len(fresh[name]) == 1 {
			list = append(list, imageChange(name, Changed, old[name][0], fresh[name][0]))
			delete(old, name)
			delete(fresh, name)
		}
	}
	for name, images := range old {
		for _, i := range images {
			list = append(list, imageChange(name, Removed, i, side.Image{}))
		}
	}
	for name, images := range fresh {
		for _, i := range images {
			list = append(list, imageChange(name, Added, side.Image{}, i))
		}
	}
	return list
}

func imageChange(name string, change Change, a, b side.Image) Image {
	_, was := reference(a.Name)
	_, is := reference(b.Name)
	list, _ := platforms(a, b)
	return Image{Name: name, Change: change, Tag: Values{was, is}, Platforms: list}
}

// beside stands in place of a platform for what is carried beside an image.
const beside = "signatures and the like"

// platforms pairs the platforms of an image, and tells whether they are known to differ:
// a digest that one side does not know is no difference.
func platforms(a, b side.Image) (list []Platform, differ bool) {
	list = []Platform{}
	for _, p := range byKey(a.Platforms, b.Platforms, func(p side.Platform) string { return p.Platform }) {
		entry := Platform{Platform: p.key}
		if p.a != nil {
			entry.Digest.Old, entry.Size.Old = p.a.Digest, p.a.Size
		}
		if p.b != nil {
			entry.Digest.New, entry.Size.New = p.b.Digest, p.b.Size
		}
		list = append(list, entry)
		differ = differ || p.change() != Changed || unlike(entry.Digest)
	}
	if a.Known && b.Known && a.Attached != b.Attached {
		list = append(list, Platform{Platform: beside, Digest: Values{a.Attached, b.Attached}})
		differ = true
	}
	return list, differ
}

// unlike tells two values that are both known and not the same.
func unlike(v Values) bool { return v.Old != "" && v.New != "" && v.Old != v.New }

// reference takes a full name apart into repository and tag or digest.
func reference(name string) (repository, tag string) {
	if repository, digest, ok := strings.Cut(name, "@"); ok {
		return repository, digest
	}
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[:i], name[i+1:]
	}
	return name, ""
}

// files are those that differ: by checksum, or by address where no checksum is known.
func files(a, b *side.Side) []File {
	list := []File{}
	if !a.Has.Files || !b.Has.Files {
		return list
	}
	programs := a.Has.Programs && b.Has.Programs
	for _, p := range byKey(a.Files, b.Files, func(f side.File) string { return f.Path }) {
		if !programs && strings.HasPrefix(p.key, "bin/") {
			continue
		}
		f := File{Path: p.key, Change: p.change()}
		if p.a != nil {
			f.SHA256.Old, f.URL.Old, f.Size.Old = p.a.SHA256, p.a.URL, p.a.Size
		}
		if p.b != nil {
			f.SHA256.New, f.URL.New, f.Size.New = p.b.SHA256, p.b.URL, p.b.Size
		}
		known := f.SHA256.Old != "" && f.SHA256.New != ""
		if f.Change != Changed || unlike(f.SHA256) || !known && unlike(f.URL) {
			list = append(list, f)
		}
	}
	return list
}

// packages are those of the operating system that differ.
func packages(a, b *side.Side) []Package {
	list := []Package{}
	if !a.Has.Packages || !b.Has.Packages {
		return list
	}
	keyOf := func(p side.Package) string { return p.Place + "\x00" + p.Name + "\x00" + p.Arch }
	for _, p := range byKey(a.Packages, b.Packages, keyOf) {
		one := cmp.Or(p.a, p.b)
		entry := Package{Place: one.Place, Name: one.Name, Arch: one.Arch, Change: p.change()}
		if p.a != nil {
			entry.Version.Old, entry.SHA256.Old, entry.Size.Old = p.a.Version, p.a.SHA256, p.a.Size
		}
		if p.b != nil {
			entry.Version.New, entry.SHA256.New, entry.Size.New = p.b.Version, p.b.SHA256, p.b.Size
		}
		if entry.Change != Changed || entry.Version.Old != entry.Version.New || unlike(entry.SHA256) {
			list = append(list, entry)
		}
	}
	return list
}

// sortedKeys are a map's keys in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
