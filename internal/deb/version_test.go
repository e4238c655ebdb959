package deb

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// awkward are versions that are easily got wrong.
var awkward = []string{
	"0", "0-0", "1", "1-0", "1-1", "1-0~", "1.0~rc1", "1.0", "1.0+b1", "1.0~~", "1.0~~a", "1.0~", "01.0", "1.00", "1:0", "0:1.0", "2:0.1", "1:1.0-1",
	"1.0-1", "1.0-1-1", "1.0-1+deb12u1", "1.0-1+b1", "1.0-1~bpo12+1", "1.0-1ubuntu1", "1.0-1ubuntu1~22.04.1", "1.0a", "1.0A", "1.0.", "1.0+", "1.0.1",
	"7.6.q-32", "1.20260301123045", "0.0~git20230101.abcdef0", "1.10", "1.9", "1.010", "2.0.0+dfsg", "2.0.0~dfsg", "999999999999999999", "1:2:3-4",
}

func TestVersionsAreComparedAsDpkgDoes(t *testing.T) {
	programs(t, "dpkg")
	for i, a := range awkward {
		if err := checkVersion(a); err != nil {
			t.Error(err)
		}
		for _, b := range awkward[:i] {
			sameAsDpkg(t, a, b)
		}
	}
}

// dpkg takes a millisecond for each, so most are compared only with their neighbours in
// order, and of these every fiftieth pair.
func TestVersionsOfARealIndexAreComparedAsDpkgDoes(t *testing.T) {
	programs(t, "dpkg")
	versions := realVersions(t)
	slices.SortFunc(versions, func(a, b string) int { return cmp.Or(Compare(a, b), cmp.Compare(a, b)) })
	step := max(1, len(versions)/400)
	for i := step; i < len(versions); i += step {
		sameAsDpkg(t, versions[i-1], versions[i])
	}
}

func realVersions(t *testing.T) []string {
	t.Helper()
	var versions []string
	s := bufio.NewScanner(bytes.NewReader(realIndex(t)))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if v, ok := strings.CutPrefix(s.Text(), "Version: "); ok {
			if err := checkVersion(v); err != nil {
				t.Error(err)
			}
			versions = append(versions, v)
		}
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

func sameAsDpkg(t *testing.T, a, b string) {
	t.Helper()
	op := "eq"
	if c := Compare(a, b); c < 0 {
		op = "lt"
	} else if c > 0 {
		op = "gt"
	}
	err := exec.Command("dpkg", "--compare-versions", a, op, b).Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		t.Errorf("%s is not %s %s to dpkg", a, op, b)
	} else if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsNoVersionIsRefused(t *testing.T) {
	for _, v := range []string{"", " ", "-1", "1-", "1:", ":1", "a", "v1.0", "1 0", "1/2", "1_0", "ä1", "1ä", "x:1", "-1:1", "9999999999:1", "1.12345678901234567890", "1\n"} {
		if err := checkVersion(v); err == nil {
			t.Errorf("%q was taken for a version", v)
		}
	}
}

func FuzzVersions(f *testing.F) {
	for _, a := range awkward {
		f.Add(a, "1.0-1")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if checkVersion(a) != nil || checkVersion(b) != nil {
			return
		}
		if ab, ba := Compare(a, b), Compare(b, a); ab < 0 != (ba > 0) || ab == 0 != (ba == 0) {
			t.Errorf("%q and %q: %d one way, %d the other", a, b, ab, ba)
		}
		if Compare(a, a) != 0 {
			t.Errorf("%q is not itself", a)
		}
	})
}
