package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// UnknownField is a path that the schema does not have.
type UnknownField struct {
	Path string
	// Near are the paths that may have been meant, the likeliest first.
	Near []string
	// Parent is as far as the path goes, and Beside are the names that exist there.
	Parent string
	Beside []string
}

func (e *UnknownField) Error() string {
	text := fmt.Sprintf("the spec has no field %q", e.Path)
	switch {
	case len(e.Near) > 0:
		last := len(e.Near) - 1
		list := e.Near[last]
		if last > 0 {
			list = strings.Join(e.Near[:last], ", ") + " or " + list
		}
		return text + "; did you mean " + list + "?"
	case len(e.Beside) > 0:
		return text + "; there are " + strings.Join(e.Beside, ", ")
	}
	return text + "; " + e.Parent + " has no fields"
}

// suggestions is how many names an error proposes at most.
const suggestions = 4

// near are the fields that a wrong name below parent may mean: one beside it with a
// similar name, or one anywhere with the same or nearly the same.
func (f *FieldDoc) near(parent *FieldDoc, name string) []string {
	type guess struct {
		path  string
		worse int
	}
	var all []guess
	consider := func(c *FieldDoc, limit, worse int) {
		is, wanted := strings.ToLower(c.name), strings.ToLower(name)
		far := distance(is, wanted)
		if len(wanted) > 2 && strings.HasPrefix(is, wanted) {
			far = min(far, 1)
		}
		if far <= min(limit, len(wanted)/2) && !c.StandsForAny() {
			all = append(all, guess{c.Path, far + worse})
		}
	}
	for _, c := range parent.named() {
		consider(c, 2, 0)
	}
	f.Walk(func(c *FieldDoc) { consider(c, 1, 2) })
	slices.SortStableFunc(all, func(a, b guess) int { return cmp.Compare(a.worse, b.worse) })
	var paths []string
	for _, g := range all {
		// Worse guesses are of use only where there is none better.
		if g.worse == all[0].worse && len(paths) < suggestions && !slices.Contains(paths, g.path) {
			paths = append(paths, g.path)
		}
	}
	return paths
}

// distance is how many letters have to be changed, added, removed or swapped with
// their neighbour to get from a to b.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	rows := make([][]int, len(from)+1)
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
		for j := range rows[i] {
			if i == 0 {
				rows[i][j] = j
				continue
			}
			if j == 0 {
				continue
			}
			same := 1
			if from[i-1] == to[j-1] {
				same = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+same)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(from)][len(to)]
}
