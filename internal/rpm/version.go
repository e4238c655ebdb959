package rpm

import (
	"fmt"
	"strconv"
	"strings"

	version "github.com/knqyf263/go-rpm-version"
)

// Compare orders two versions as rpm does: the result is negative if a is older than b,
// and zero if they are the same to rpm. They are such as "1:2.0-3.el9"; no epoch is the
// epoch 0.
func Compare(a, b string) int {
	if a == b {
		return 0
	}
	return version.NewVersion(a).Compare(version.NewVersion(b))
}

// compareLoosely is Compare for dependencies: where one has no release, every release of
// the other is the same to it.
func compareLoosely(a, b string) int {
	va, _, okA := strings.Cut(a, "-")
	vb, _, okB := strings.Cut(b, "-")
	if !okA || !okB {
		a, b = va, vb
	}
	return Compare(a, b)
}

// joinEVR makes the form in which versions are kept here. The epoch 0 is left out.
func joinEVR(epoch, ver, release string) string {
	s := ver
	if release != "" {
		s += "-" + release
	}
	if epoch != "" && epoch != "0" {
		s = epoch + ":" + s
	}
	return s
}

// splitEVR is the reverse of joinEVR. The epoch is "0" if there is none.
func splitEVR(evr string) (epoch, ver, release string) {
	epoch, rest, found := strings.Cut(evr, ":")
	if !found {
		epoch, rest = "0", evr
	}
	ver, release, _ = strings.Cut(rest, "-")
	return epoch, ver, release
}

// checkEVR refuses what rpm could not have built, and what cannot be compared.
func checkEVR(evr string) error {
	epoch, ver, release := splitEVR(evr)
	if _, err := strconv.ParseUint(epoch, 10, 31); err != nil {
		return fmt.Errorf("the version %.60q begins with the epoch %.20q, which is no number that rpm knows", evr, epoch)
	}
	if ver == "" {
		return fmt.Errorf("the version %.60q has nothing before its release", evr)
	}
	if strings.HasSuffix(evr, "-") {
		return fmt.Errorf("the version %.60q has nothing after its \"-\"", evr)
	}
	for _, part := range []string{ver, release} {
		for i := range len(part) {
			if !isAlnum(part[i]) && !strings.ContainsRune("._+~^", rune(part[i])) {
				return fmt.Errorf("the version %.60q has the character %q, which no version may have", evr, part[i])
			}
		}
	}
	return nil
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
