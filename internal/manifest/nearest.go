package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// How stable a version is, from its name.
const (
	alpha = iota
	beta
	stable
)

func stability(version string) int {
	switch {
	case strings.Contains(version, "alpha"):
		return alpha
	case strings.Contains(version, "beta"):
		return beta
	}
	return stable
}

// compareVersions orders v1alpha1, v1beta1, v1beta2, v1, v2.
func compareVersions(a, b string) int {
	aMajor, aMinor := versionNumbers(a)
	bMajor, bMinor := versionNumbers(b)
	return cmp.Or(cmp.Compare(stability(a), stability(b)), cmp.Compare(aMajor, bMajor), cmp.Compare(aMinor, bMinor))
}

// versionNumbers are 2 and 1 in v2beta1, and 2 and 0 in v2.
func versionNumbers(version string) (major, minor int) {
	version = strings.NewReplacer("alpha", " ", "beta", " ").Replace(strings.TrimPrefix(version, "v"))
	_, _ = fmt.Sscan(version, &major, &minor) // v2 has no second number, which leaves 0
	return major, minor
}

// nearest is the kind whose name is at most two letters away, or spelled with
// other capitals; one of the same apiVersion first.
func nearest(among []API, group, version, kind string) (API, bool) {
	const most = 2
	distance := func(a API) int {
		if len(a.Kind) > len(kind)+most || len(kind) > len(a.Kind)+most {
			return most + 1
		}
		return editDistance(strings.ToLower(a.Kind), strings.ToLower(kind))
	}
	near := slices.DeleteFunc(slices.Clone(among), func(a API) bool {
		return distance(a) > min(most, len(kind)/3)
	})
	if len(near) == 0 {
		return API{}, false
	}
	return slices.MinFunc(near, func(a, b API) int {
		return cmp.Or(
			first(a.Group == group && a.Version == version, b.Group == group && b.Version == version),
			cmp.Compare(distance(a), distance(b)),
			first(a.Group == group, b.Group == group),
			-compareVersions(a.Version, b.Version),
		)
	}), true
}

// editDistance is how many letters have to be put in, taken out or changed to make
// one word of another (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
