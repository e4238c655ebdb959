package rpm

import (
	"strings"
	"testing"
)

func TestRichDependenciesOfRealPackagesAreRead(t *testing.T) {
	for _, c := range []struct{ text, want string }{ // as Fedora and EL have them
		{"(glibc-gconv-extra(x86-64) = 2.34-83.el9 if redhat-rpm-config)", ""},
		{"(systemd >= 239 and (firewalld if firewalld-filesystem))", ""},
		{"(python3.9dist(requests) < 3~~ with python3.9dist(requests) >= 2.25)", ""},
		{"(container-selinux >= 2:2.162.1 if selinux-policy)", ""},
		{"((NetworkManager >= 1.20 or systemd-networkd) and iproute)", ""},
		{"(kernel-modules-extra-uname-r = 5.14.0-1.el9.x86_64 if kernel-uname-r)", ""},
		{"(a unless b else c)", ""},
		{"(crate(libc/default) >= 0.2.65 with crate(libc/default) < 0.3.0~)", ""},
		{"(a or b or c)", ""}, {"(a)", "a"}, {"( a   or\tb )", "(a or b)"}, {"((a or b))", "(a or b)"},
		{"(a == 1 or b => 2)", "(a = 1 or b >= 2)"},
		{"(pkgA without pkgA-special)", ""},
	} {
		want := c.want
		if want == "" {
			want = c.text
		}
		got, err := parseCondition(c.text)
		if err != nil || got.String() != want {
			t.Errorf("%s: %s, %v", c.text, got, err)
		}
	}
}

func TestWhatIsNoRichDependencyIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		"(a or":                   "a name is missing",
		"(a or b":                 "no \")\"",
		"(a b)":                   `"b" is no operator`,
		"a or b":                  "begin with",
		"(a or b) c":              "after its end",
		"(a or b and c)":          "needs parentheses",
		"(a if b if c)":           "needs parentheses",
		"(a else b)":              "without an \"if\"",
		"(a if b else c else d)":  "without an \"if\"",
		"(a without b without c)": "needs parentheses",
		"(a with (b if c))":       "has no meaning",
		"()":                      "a name is missing",
		"(a >= or b)":             "is no operator",
		strings.Repeat("(", 99) + "a" + strings.Repeat(")", 99):                       "parentheses in each other",
		"(" + strings.Repeat("(a and b) or ", 12) + "c)":                              "too complex",
		"(a or " + strings.Repeat("(a if ", 15) + "b" + strings.Repeat(")", 15) + ")": "",
	} {
		_, err := parseCondition(text)
		if want == "" && err == nil {
			continue
		}
		mustFail(t, err, want, "rich dependency")
	}
}

// What the clauses of a condition say is what the condition says, for all that can be there.
func TestClausesMeanWhatTheConditionMeans(t *testing.T) {
	for _, text := range []string{
		"(a and b)", "(a or b)", "(a if b)", "(a if b else c)", "(a unless b)", "(a unless b else c)", "((a and b) or c)", "((a or b) and (c if d))",
		"((a if b) or (c unless d))", "(a if (b or c) else d)", "((a unless b else c) if d)", "(a if (b if c))", "(a unless (b and c) else (c or d))", "(a with b)", "(a without b)",
	} {
		c, err := parseCondition(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, wanted := range []bool{true, false} {
			list, err := c.clauses(wanted)
			if err != nil {
				t.Fatal(err)
			}
			for bits := range 16 {
				set := map[string]simple{}
				for i, name := range []string{"a", "b", "c", "d"} {
					if bits>>i&1 == 1 {
						set[name] = simple{name: name, version: 1}
					}
				}
				got := true
				for _, one := range list {
					met := false
					for _, term := range one.any {
						met = met || holds(set, formulaOf(term), "")
					}
					for _, term := range one.none {
						met = met || !holds(set, formulaOf(term), "")
					}
					got = got && met
				}
				if want := holds(set, formulaOf(c), "") == wanted; got != want {
					t.Errorf("%s, wanted %t, of %v: %t", text, wanted, set, got)
				}
			}
		}
	}
}

func formulaOf(c condition) formula {
	f := formula{op: c.Op, want: want{name: c.Name}}
	for _, a := range c.Args {
		f.args = append(f.args, formulaOf(a))
	}
	return f
}

func FuzzCondition(f *testing.F) {
	for _, s := range []string{"(a >= 1 or b)", "((a and b) or (c if d else e))", "(a(x) with b without c)", "(a unless (b", "(libc.so.6(GLIBC_2.34)(64bit) = 1:2-3)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCondition(text)
		if err != nil || c.Op == "" {
			return
		}
		again, err := parseCondition(c.String())
		if err != nil || again.String() != c.String() {
			t.Errorf("%q is %q, and that is %q, %v", text, c, again, err)
		}
	})
}
