package bundle

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// sums is the content of SHA256SUMS: one line a file, sorted by path, in the
// form that `sha256sum -c` reads. It follows from the manifest; it exists so
// that a host can check a bundle, and a signature vouch for it, without satchel.
func sums(files []File, manifest []byte) []byte {
	all := append(slices.Clone(files), File{Path: manifestName, SHA256: hexSum(manifest)})
	slices.SortFunc(all, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return sumLines(all)
}

func sumLines(files []File) []byte {
	var out strings.Builder
	for _, file := range files {
		out.WriteString(file.SHA256 + "  " + file.Path + "\n")
	}
	return []byte(out.String())
}

// compareSums says in which lines a SHA256SUMS differs from what it should be.
func compareSums(got, want []byte) []Problem {
	left := map[string]bool{}
	for line := range strings.Lines(string(got)) {
		left[line] = true
	}
	var problems []Problem
	for line := range strings.Lines(string(want)) {
		if !left[line] {
			problems = append(problems, Problem{sumsName, "lacks the line " + quoteLine(line)})
		}
		delete(left, line)
	}
	for line := range strings.Lines(string(got)) {
		if left[line] {
			problems = append(problems, Problem{sumsName, "has the line " + quoteLine(line) + ", which is not from " + manifestName})
		}
	}
	if problems == nil && string(got) != string(want) {
		problems = append(problems, Problem{sumsName, "has its lines in another order, or some twice"})
	}
	return problems
}

func quoteLine(line string) string { return strconv.Quote(strings.TrimSuffix(line, "\n")) }
