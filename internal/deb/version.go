package deb

import (
	"fmt"
	"strconv"
	"strings"
)

// Compare orders two versions as dpkg does: the result is negative if a is older than
// b, and zero if they are the same to dpkg. It allocates nothing, and compares runs of
// digits of any length: versions have whole timestamps in them.
func Compare(a, b string) int {
	epochA, upstreamA, revisionA := splitVersion(a)
	epochB, upstreamB, revisionB := splitVersion(b)
	if c := compareDigits(epochA, epochB); c != 0 {
		return c
	}
	if c := comparePart(upstreamA, upstreamB); c != 0 {
		return c
	}
	return comparePart(revisionA, revisionB)
}

func splitVersion(v string) (epoch, upstream, revision string) {
	epoch, upstream, found := strings.Cut(v, ":")
	if !found {
		epoch, upstream = "", v
	}
	if i := strings.LastIndexByte(upstream, '-'); i >= 0 {
		upstream, revision = upstream[:i], upstream[i+1:]
	}
	return epoch, upstream, revision
}

// comparePart takes runs of other characters and runs of digits by turns, as
// verrevcmp of dpkg does.
func comparePart(a, b string) int {
	for a != "" || b != "" {
		for a != "" && !isDigit(a[0]) || b != "" && !isDigit(b[0]) {
			if c := weight(a) - weight(b); c != 0 {
				return c
			}
			a, b = rest(a), rest(b)
		}
		var digitsA, digitsB string
		digitsA, a = cutDigits(a)
		digitsB, b = cutDigits(b)
		if c := compareDigits(digitsA, digitsB); c != 0 {
			return c
		}
	}
	return 0
}

// weight puts "~" before the end, the end before letters, letters before all else.
func weight(s string) int {
	switch {
	case s == "" || isDigit(s[0]):
		return 0
	case s[0] == '~':
		return -1
	case s[0] >= 'A' && s[0] <= 'Z' || s[0] >= 'a' && s[0] <= 'z':
		return int(s[0])
	}
	return int(s[0]) + 256
}

func rest(s string) string {
	if s == "" {
		return ""
	}
	return s[1:]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func cutDigits(s string) (digits, after string) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func compareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// checkVersion refuses what dpkg refuses. That a version should begin with a digit
// is only a warning there.
func checkVersion(v string) error {
	epoch, upstream, found := strings.Cut(v, ":")
	if !found {
		upstream = v
	} else if _, err := strconv.ParseUint(epoch, 10, 31); err != nil {
		return fmt.Errorf("the version %q begins with the epoch %q, which is no number that dpkg knows", v, epoch)
	}
	revision := "0"
	if i := strings.LastIndexByte(upstream, '-'); i >= 0 {
		upstream, revision = upstream[:i], upstream[i+1:]
	}
	if upstream == "" || revision == "" {
		return fmt.Errorf("the version %q is empty, or has nothing before or after a \"-\" or \":\"", v)
	}
	for i := range len(v) {
		if !isAlnum(v[i]) && !strings.ContainsRune(".+-~:", rune(v[i])) {
			return fmt.Errorf("the version %q has the character %q, which no version may have", v, v[i])
		}
	}
	if strings.Contains(revision, ":") {
		return fmt.Errorf("the version %q has a \":\" in its revision", v)
	}
	return nil
}

func isAlnum(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
