package spec

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"
)

// Problem is one thing that makes a spec invalid.
type Problem struct {
	// File is relative to the working directory where that is shorter.
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	// Path is the field, such as hosts.master1.address.
	Path string `json:"field"`
	// Given is what the field holds; empty when it is missing.
	Given string `json:"given,omitempty"`
	// Allowed says in words what the field may hold.
	Allowed string `json:"allowed,omitempty"`
	// Message is set instead of Given and Allowed for what CUE itself found,
	// such as a syntax error.
	Message string `json:"message,omitempty"`
	// Seat is the first seat of a kit that has the problem, where not all have it.
	Seat string `json:"seat,omitempty"`

	// more is how many seats have it in the same way, maxSeats where nobody has counted.
	// rule tells what is the same, where Allowed does not.
	more int
	rule string
}

// Position is "FILE:LINE:COLUMN", or "" where there is no place to point at.
func (p Problem) Position() string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// String is one line: position, field, what was given, what is allowed.
func (p Problem) String() string {
	var parts []string
	for _, s := range []string{p.Position(), p.seats(), p.Path} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	switch {
	case p.Message != "":
		parts = append(parts, p.Message)
	case p.Given == "":
		parts = append(parts, "missing; needs "+p.Allowed)
	default:
		parts = append(parts, fmt.Sprintf("given %s; allowed: %s", p.Given, p.Allowed))
	}
	return strings.Join(parts, ": ")
}

// seats says which seats of a kit have the problem.
func (p Problem) seats() string {
	switch {
	case p.Seat == "":
		return ""
	case p.more == 0:
		return "seat " + p.Seat
	case p.more == maxSeats:
		return "seat " + p.Seat + " and others"
	}
	return fmt.Sprintf("seat %s and %d more", p.Seat, p.more)
}

// Problems are all that make a spec invalid, in the order of their places.
type Problems []Problem

// Error is one line a problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
}

// at fills in the place.
func (p Problem) at(pos token.Pos) Problem {
	if pos.IsValid() {
		p.File, p.Line, p.Column = shortPath(pos.Filename()), pos.Line(), pos.Column()
	}
	return p
}

// fromCUE turns CUE's own errors, such as a syntax error or a cycle, into problems.
func fromCUE(err error) error {
	var ps Problems
	for _, e := range cueerrors.Errors(err) {
		format, args := e.Msg()
		p := Problem{Path: fieldName(e.Path()), Message: strings.TrimSuffix(fmt.Sprintf(format, args...), ":")}
		ps = append(ps, p.at(userPosition(e)))
	}
	ps.sort()
	return slices.CompactFunc(ps, func(a, b Problem) bool { return a == b })
}

// userPosition is the first place of an error that is not in the embedded schema.
func userPosition(e cueerrors.Error) token.Pos {
	for _, pos := range append([]token.Pos{e.Position()}, e.InputPositions()...) {
		if pos.IsValid() && !strings.HasPrefix(pos.Filename(), "schema/v1/") {
			return pos
		}
	}
	return token.NoPos
}

func fieldName(path []string) string {
	if len(path) > 0 && strings.HasPrefix(path[0], "#") {
		path = path[1:]
	}
	return strings.Join(path, ".")
}

func shortPath(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
			return rel
		}
	}
	return path
}
