package deb

import (
	"fmt"
	"strings"

	version "github.com/knqyf263/go-deb-version"
)

// Compare orders two versions as dpkg does: the result is negative if a is older than
// b, and zero if they are the same to dpkg. Both were checked by checkVersion; what
// was not, and is no version, is older than all that are.
func Compare(a, b string) int {
	if a == b {
		return 0
	}
	va, errA := version.NewVersion(a)
	vb, errB := version.NewVersion(b)
	switch {
	case errA != nil && errB != nil:
		return strings.Compare(a, b)
	case errA != nil:
		return -1
	case errB != nil:
		return 1
	}
	return va.Compare(vb)
}

// maxDigits is how long a number in a version may be: what does not fit into 64 bits,
// the library takes for equal.
const maxDigits = 18

// checkVersion refuses what dpkg refuses, and what cannot be compared. The library
// takes letters of all alphabets, and nothing after a "-".
func checkVersion(v string) error {
	digits := 0
	for i := range len(v) {
		switch {
		case !isAlnum(v[i]) && !strings.ContainsRune(".+-~:", rune(v[i])):
			return fmt.Errorf("the version %.60q has the character %q, which no version may have", v, v[i])
		case !isDigit(v[i]):
			digits = 0
		case digits == maxDigits:
			return fmt.Errorf("the version %.60q has a number of more than %d digits, which cannot be compared", v, maxDigits)
		default:
			digits++
		}
	}
	_, upstream, _ := strings.Cut(v, ":")
	if strings.HasSuffix(v, "-") || strings.HasPrefix(upstream, "-") {
		return fmt.Errorf("the version %.60q has nothing before or after a \"-\"", v)
	}
	if epoch, _, found := strings.Cut(v, ":"); found && (epoch == "" || len(epoch) > 9 || strings.ContainsFunc(epoch, func(c rune) bool { return c < '0' || c > '9' })) {
		return fmt.Errorf("the version %.60q begins with the epoch %.20q, which is no number that dpkg knows", v, epoch)
	}
	if _, err := version.NewVersion(v); err != nil {
		return fmt.Errorf("the version %.60q: %w", v, err)
	}
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlnum(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
