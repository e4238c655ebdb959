package rpm

import (
	"fmt"
	"strings"
)

// Relation is one capability that is provided, required or in conflict: the name of a
// package, a soname, a path, or any other word, such as "openssl-libs >= 1:3.0".
type Relation struct {
	// Name may also be a whole rich dependency, such as "(a if b)": see [parseCondition].
	Name string
	// Op is "<", "<=", "=", ">=" or ">", or empty if every version will do.
	Op string
	// Version is such as "1:3.0-2.el9". One without a release stands for every release.
	Version string
	// itself is for a package of the name alone, not for what provides it: what a person
	// asks for by a name that a package has, and what is in Obsoletes.
	itself bool
}

func (r Relation) String() string {
	if r.Op == "" {
		return r.Name
	}
	return r.Name + " " + r.Op + " " + r.Version
}

// isRich tells whether the relation is a whole condition.
func (r Relation) isRich() bool { return strings.HasPrefix(r.Name, "(") }

// isInternal tells whether the relation is about rpm itself. What a repository's packages
// need of it, the rpm of its distribution can do.
func (r Relation) isInternal() bool { return strings.HasPrefix(r.Name, "rpmlib(") }

// overlaps tells whether there is a version that both allow. It is rpm's rule: what has
// no version is every version, both where it is required and where it is provided.
func (r Relation) overlaps(o Relation) bool {
	if r.Op == "" || o.Op == "" {
		return true
	}
	less := func(r Relation) bool { return r.Op[0] == '<' }
	more := func(r Relation) bool { return r.Op[0] == '>' }
	same := func(r Relation) bool { return strings.HasSuffix(r.Op, "=") }
	switch c := compareLoosely(r.Version, o.Version); {
	case c < 0:
		return more(r) || less(o)
	case c > 0:
		return less(r) || more(o)
	}
	return same(r) && same(o) || less(r) && less(o) || more(r) && more(o)
}

// check refuses what no package can have.
func (r Relation) check() error {
	if r.Name == "" {
		return fmt.Errorf("a relation has no name")
	}
	if r.Op == "" {
		return nil
	}
	// Provided versions may have any characters; some have more than one "-".
	epoch, ver, _ := splitEVR(r.Version)
	if ver == "" || strings.ContainsFunc(epoch, func(c rune) bool { return c < '0' || c > '9' }) {
		return fmt.Errorf("%.100q has no version after %q", r.Name, r.Op)
	}
	return nil
}

// operators are rpm's, by the words that the indexes have for them.
var operators = map[string]string{"LT": "<", "LE": "<=", "EQ": "=", "GE": ">=", "GT": ">"}

// operator reads what stands between a name and a version.
func operator(word string) (string, bool) {
	switch word {
	case "<", "<=", "=", ">=", ">":
		return word, true
	case "==":
		return "=", true
	case "=<":
		return "<=", true
	case "=>":
		return ">=", true
	}
	return "", false
}
