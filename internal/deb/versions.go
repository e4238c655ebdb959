package deb

import "slices"

// Versions are those that the index has of a package, newest first.
func (x *Index) Versions(name string) []string {
	var list []string
	for _, n := range x.byName[name] {
		list = append(list, x.entries[n].version)
	}
	slices.SortFunc(list, func(a, b string) int { return Compare(b, a) })
	return slices.Compact(list)
}
