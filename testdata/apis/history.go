package main

import (
	"cmp"
	"slices"
)

// The releases that go.mod names.
const oldest, newest = 23, 37

// row says from which minor release to which a kind is served.
type row struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
	// From is 0 for what the oldest release serves already.
	From int `json:"from,omitempty"`
	// To is 0 for what the newest release still serves.
	To int `json:"to,omitempty"`
	// Instead is the replacement that the authors name; only with To.
	Instead string `json:"instead,omitempty"`
}

type id struct{ group, version, kind string }

// life is what all releases together say about a kind.
type life struct {
	served  map[int]bool
	removed int
	instead string
}

type history map[id]*life

// add notes what a module says; minor is 0 for one that stands for all releases.
func (h history) add(minor int, k kind) {
	of := id{k.group, k.version, k.name}
	l := h[of]
	if l == nil {
		l = &life{served: map[int]bool{}}
		h[of] = l
	}
	from, to := minor, minor
	if minor == 0 {
		from, to = oldest, newest
	}
	for m := from; m <= to; m++ {
		if k.removed == 0 || m < k.removed {
			l.served[m] = true
		}
	}
	l.removed = k.removed
	l.instead = cmp.Or(k.instead, l.instead)
}

func (h history) rows() []row {
	var rows []row
	for of, l := range h {
		r := row{Group: of.group, Version: of.version, Kind: of.kind}
		if r.From, r.To = l.span(); r.To > 0 {
			r.Instead = l.instead
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Kind, b.Kind))
	})
	return rows
}

func (l *life) span() (from, to int) {
	if len(l.served) == 0 {
		return 0, l.removed - 1
	}
	for m := newest; m >= oldest; m-- {
		if l.served[m] {
			from, to = m, max(to, m)
		}
	}
	if from == oldest {
		from = 0
	}
	if to == newest {
		to = 0
	}
	return from, to
}
