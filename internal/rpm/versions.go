package rpm

import "slices"

// Versions are those that the index has of a package, newest first.
func (x *Index) Versions(name string) []string {
	var list []string
	for _, n := range x.byName[name] {
		list = append(list, x.packages[n].EVR())
	}
	slices.SortFunc(list, func(a, b string) int { return Compare(b, a) })
	return slices.Compact(list)
}
