package rpm

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// vectors are from rpm's own test of its comparison (tests/rpmvercmp.at), and with epochs
// and releases.
var vectors = []struct {
	a, b string
	want int
}{
	{"1.0", "1.0", 0}, {"1.0", "2.0", -1}, {"2.0.1", "2.0.1", 0}, {"2.0", "2.0.1", -1}, {"2.0.1a", "2.0.1", 1}, {"5.5p1", "5.5p2", -1}, {"5.5p10", "5.5p1", 1},
	{"10xyz", "10.1xyz", -1}, {"xyz10", "xyz10.1", -1}, {"xyz.4", "8", -1}, {"xyz.4", "2", -1}, {"5.5p2", "5.6p1", -1}, {"5.6p1", "6.5p1", -1}, {"6.0.rc1", "6.0", 1},
	{"10b2", "10a1", 1}, {"1.0aa", "1.0a", 1}, {"10.0001", "10.0039", -1}, {"10.0001", "10.1", 0}, {"4.999.9", "5.0", -1}, {"20101121", "20101122", -1}, {"2_0", "2.0", 0},
	{"a+", "a_", 0}, {"1.0~rc1", "1.0", -1}, {"1.0~rc1", "1.0~rc2", -1}, {"1.0~rc1~git123", "1.0~rc1", -1}, {"1.0^", "1.0", 1}, {"1.0^git1", "1.0^git2", -1},
	{"1.0^git1", "1.01", -1}, {"1.0^20160101", "1.0.1", -1}, {"1.0^20160101^git1", "1.0^20160102", -1}, {"1.0~rc1^git1", "1.0~rc1", 1}, {"1.0^git1~pre", "1.0^git1", -1},
	{"1:1.0-1", "2.0-1", 1}, {"0:1.0-1", "1.0-1", 0}, {"1.0-2", "1.0-10", -1}, {"1.0-1.el9", "1.0-1.el9_1", -1}, {"1.0-1.el8", "1.0-1.el9", -1},
}

func TestVersionsAreInTheOrderOfRpm(t *testing.T) {
	for _, v := range vectors {
		if got := Compare(v.a, v.b); sign(got) != v.want {
			t.Errorf("%s and %s: %d", v.a, v.b, got)
		}
		if got := Compare(v.b, v.a); sign(got) != -v.want {
			t.Errorf("%s and %s: %d", v.b, v.a, got)
		}
	}
}

func sign(n int) int { return min(1, max(-1, n)) }

func TestVersionsAreInTheOrderOfTheRealRpm(t *testing.T) {
	programs(t, "rpm")
	r := rand.New(rand.NewPCG(3, 4))
	part := func() string {
		var b strings.Builder
		for range 1 + r.IntN(6) {
			b.WriteString([]string{"0", "1", "2", "10", "09", "a", "b", "rc", ".", "_", "~", "^", "+"}[r.IntN(13)])
		}
		return b.String()
	}
	var script strings.Builder
	var pairs [][2]string
	for range 2000 {
		p := [2]string{part(), part()}
		if r.IntN(2) == 0 {
			p[1] = p[0] + part()
		}
		pairs = append(pairs, p)
		fmt.Fprintf(&script, "print(rpm.vercmp('%s','%s')..' ')", p[0], p[1])
	}
	words := strings.Fields(run(t, "rpm", "--eval", "%{lua:"+script.String()+"}"))
	if len(words) != len(pairs) {
		t.Fatalf("%d answers", len(words))
	}
	for i, p := range pairs {
		if got := fmt.Sprint(sign(Compare(p[0], p[1]))); got != words[i] {
			t.Errorf("%s and %s: %s here, %s to rpm", p[0], p[1], got, words[i])
		}
	}
}

func TestRangesOverlapAsRpmHasIt(t *testing.T) {
	for _, c := range []struct {
		required, provided string
		want               bool
	}{
		{"a", "a = 1", true}, {"a >= 1", "a", true}, {"a >= 1", "a = 1-5", true}, {"a > 1", "a = 1-5", false}, {"a = 1", "a = 1-5", true}, {"a = 1-4", "a = 1-5", false},
		{"a = 1-5", "a = 1", true}, {"a < 2", "a = 1:1", false}, {"a < 1:2", "a = 3", true}, {"a >= 2", "a < 1", false}, {"a >= 2", "a <= 2", true}, {"a > 2", "a <= 2", false},
		{"a < 2", "a < 1", true}, {"a > 2", "a > 7", true}, {"a <= 1~rc", "a = 1", false},
	} {
		r, errR := parseRelation(c.required)
		p, errP := parseRelation(c.provided)
		if errR != nil || errP != nil {
			t.Fatal(errR, errP)
		}
		if r.overlaps(p) != c.want || p.overlaps(r) != c.want {
			t.Errorf("%s and %s: not %t", c.required, c.provided, c.want)
		}
	}
}

func TestWhatIsNoVersionIsSaid(t *testing.T) {
	for evr, want := range map[string]string{"": "nothing before", "x:1-1": "epoch", "1-1-1": "character", "1-": "nothing after", "-1": "nothing before", "1 2": "character", "9999999999:1": "epoch", "1/2-1": "character"} {
		mustFail(t, checkEVR(evr), want)
	}
}

func FuzzCompare(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.a, v.b, v.a)
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if checkEVR(a) != nil || checkEVR(b) != nil || checkEVR(c) != nil {
			return
		}
		if sign(Compare(a, b)) != -sign(Compare(b, a)) || Compare(a, a) != 0 {
			t.Errorf("%q and %q: %d, and %d the other way round", a, b, Compare(a, b), Compare(b, a))
		}
		if Compare(a, b) < 0 && Compare(b, c) < 0 && Compare(a, c) >= 0 {
			t.Errorf("%q is before %q, and that before %q, but not the first before the last", a, b, c)
		}
	})
}
