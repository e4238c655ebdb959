package side

import (
	"cmp"
	"net/url"
	"path"
	"slices"
	"strings"
)

// parsePackage reads a package's name, version and architecture from its place in a
// bundle: packages/PLACE/…/NAME_VERSION_ARCH.deb (deb-name(5), an epoch's colon as %3a)
// or packages/PLACE/…/NAME-VERSION-RELEASE.ARCH.rpm.
func parsePackage(file string) (Package, bool) {
	rest, ok := strings.CutPrefix(file, "packages/")
	if !ok {
		return Package{}, false
	}
	p := Package{}
	p.Place, _, ok = strings.Cut(rest, "/")
	base := path.Base(rest)
	if name, isDeb := strings.CutSuffix(base, ".deb"); isDeb && ok {
		parts := strings.Split(name, "_")
		if len(parts) != 3 {
			return Package{}, false
		}
		p.Name, p.Version, p.Arch = parts[0], parts[1], parts[2]
		if v, err := url.PathUnescape(p.Version); err == nil {
			p.Version = v
		}
		return p, p.whole()
	}
	name, isRPM := strings.CutSuffix(base, ".rpm")
	dot := strings.LastIndexByte(name, '.')
	if !isRPM || !ok || dot < 0 {
		return Package{}, false
	}
	p.Arch, name = name[dot+1:], name[:dot]
	release := strings.LastIndexByte(name, '-')
	version := strings.LastIndexByte(name[:max(release, 0)], '-')
	if version < 0 {
		return Package{}, false
	}
	p.Name, p.Version = name[:version], name[version+1:]
	return p, p.whole()
}

func (p Package) whole() bool {
	return p.Place != "" && p.Name != "" && p.Version != "" && p.Arch != ""
}

func sortPackages(list []Package) {
	slices.SortFunc(list, func(a, b Package) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Version, b.Version))
	})
}
