package sign

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// linesOfSigners are lines that list the key with the seed 1 as KEY, and what they
// come to at noon of 1 June 2030, UTC: "" is good, anything else the reason.
var linesOfSigners = []struct {
	line string
	want Reason
}{
	{"release@example.com KEY", ""},
	{"release@example.com KEY with a comment", ""},
	{"\t release@example.com\t\tKEY\t", ""},
	{"a@example.com,b@example.com,*@release.example.com KEY", ""},
	{`"release of the lab" KEY`, ""},
	{"* KEY", ""},
	{`x namespaces="satchel-bundle" KEY`, ""},
	{`x NameSpaces="file,satchel-*" KEY`, ""},
	{`x namespaces="satchel-?undle" KEY`, ""},
	{`x namespaces="*" KEY`, ""},
	{`x namespaces="file" KEY`, NotForThis},
	{`x namespaces="file,git" KEY`, NotForThis},
	{`x namespaces="satchel-bundl?e" KEY`, NotForThis},
	{`x namespaces="*,!satchel-*" KEY`, NotForThis},
	{`x namespaces="!file" KEY`, NotForThis},
	{`x namespaces="" KEY`, NotForThis},
	{`x valid-after="20300601" KEY`, ""},
	{`x valid-after="20300601Z" KEY`, ""},
	{`x valid-after="203006011159Z" KEY`, ""},
	{`x valid-after="203006011201Z" KEY`, NotYet},
	{`x valid-after="20300601120001Z" KEY`, NotYet},
	{`x valid-after="20310101" KEY`, NotYet},
	{`x valid-before="20310101" KEY`, ""},
	{`x valid-before="20300601120001Z" KEY`, ""},
	{`x valid-before="20300601115959utc" KEY`, Expired},
	{`x valid-before="20300601Z" KEY`, Expired},
	{`x valid-before="19991231" KEY`, Expired},
	{`x valid-after="20300101",valid-before="20310101",namespaces="satchel-bundle" KEY`, ""},
	{`x valid-after="20300101",valid-before="20310101",namespaces="file" KEY`, NotForThis},
	{"x OTHER", Unknown},
	{"# only this\n\n# and this\nx KEY", ""},
	{"x OTHER\ny KEY\nz OTHER", ""},
	{`x namespaces="file" KEY` + "\n" + "y KEY", ""},
}

func fillKeys(text string) string {
	return strings.NewReplacer("KEY", authorized(fixed(1)), "OTHER", authorized(fixed(2))).Replace(text)
}

func TestLinesOfSigners(t *testing.T) {
	utc(t)
	for _, c := range linesOfSigners {
		list, err := ParseSigners("signers", []byte(fillKeys(c.line)+"\n"))
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		who, err := list.Verify([]byte(fromKeygen), message, now)
		if got := reason(err); got != c.want || (err == nil) != (c.want == "") || (err == nil) != (who.By != "") {
			t.Errorf("%s: got %+v, %v, want %q", c.line, who, err, c.want)
		}
	}
}

// utc makes this machine's zone that of the table.
func utc(t *testing.T) {
	t.Helper()
	before := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = before })
}

// TestSSHKeygenReadsTheLinesTheSameWay holds the table against the program.
func TestSSHKeygenReadsTheLinesTheSameWay(t *testing.T) {
	t.Setenv("TZ", "UTC")
	sig := write(t, "sig", []byte(fromKeygen))
	for _, c := range linesOfSigners {
		list := write(t, "signers", []byte(fillKeys(c.line)+"\n"))
		var err error
		for line := range strings.Lines(c.line) {
			principal, _, _ := cutPrincipals(strings.TrimSpace(line))
			if principal == "" || strings.ContainsAny(principal, "*,") {
				principal = "a@example.com"
			}
			_, err = keygen(t, message, "-Y", "verify", "-O", "verify-time=20300601120000Z", "-I", principal, "-f", list, "-s", sig, "-n", Namespace)
			if err == nil {
				break
			}
		}
		if (err == nil) != (c.want == "") {
			t.Errorf("%s: ssh-keygen has %v, satchel %q", c.line, err, c.want)
		}
	}
}

func TestLinesThatAreNotUnderstoodAreRefused(t *testing.T) {
	for line, want := range map[string]string{
		"":                   "there is no signer in it",
		"# nothing":          "there is no signer in it",
		"x":                  `signers:1: behind "x" there is no key`,
		"KEY":                "there is no key",
		`"x KEY`:             "a quote is not closed",
		`"" KEY`:             "it names no principal",
		"x ssh-ed25519":      "there is no key",
		"x ssh-ed25519 AAAA": "there is no key",
		"x ssh-rsa " + strings.Fields(authorized(fixed(1)))[1]:   "there is no key",
		"x ssh-dss " + dsaText:                                   `type "ssh-dss"`,
		"x cert-authority KEY":                                   "cert-authority is not supported",
		`x namespaces="file",CERT-AUTHORITY KEY`:                 "cert-authority is not supported",
		"x restrict KEY":                                         `option "restrict"`,
		`x namespaces=file KEY`:                                  "does not stand in double quotes",
		`x namespaces="a",namespaces="b" KEY`:                    "it is there twice",
		`x valid-after="20300101",valid-after="20300102" KEY`:    "it is there twice",
		`x valid-after="yesterday" KEY`:                          `"yesterday" is no time`,
		`x valid-after="20301301" KEY`:                           "is no time",
		`x valid-after="2030010112" KEY`:                         "is no time",
		`x valid-after="" KEY`:                                   "is no time",
		`x valid-after="19700101Z" KEY`:                          "is no time",
		`x valid-after="20310101",valid-before="20300101" KEY`:   "valid-before is not later",
		`x valid-after="20310101Z",valid-before="20310101Z" KEY`: "valid-before is not later",
		"x\x00 KEY":    "control character",
		"x\x1b[2J KEY": "control character",
	} {
		_, err := ParseSigners("signers", []byte(fillKeys(line)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", line, err, want)
		}
	}
}

func TestAllBadLinesAreNamedAtOnce(t *testing.T) {
	_, err := ParseSigners("signers", []byte(fillKeys("x KEY\r\ny\n# z\nx cert-authority KEY\n")))
	if err == nil || !strings.Contains(err.Error(), "signers:2: ") || !strings.Contains(err.Error(), "signers:4: ") || strings.Contains(err.Error(), "signers:1: ") {
		t.Errorf("got %v", err)
	}
}

func TestTimesWithoutAZoneAreOfThisMachine(t *testing.T) {
	before := time.Local
	time.Local = time.FixedZone("east", 8*60*60)
	t.Cleanup(func() { time.Local = before })
	for text, want := range map[string]string{
		"20300601":          "2030-05-31T16:00:00Z",
		"203006010930":      "2030-06-01T01:30:00Z",
		"20300601093045Z":   "2030-06-01T09:30:45Z",
		"20300601093045UTC": "2030-06-01T09:30:45Z",
	} {
		if at, err := parseTime(text); err != nil || at.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: got %v, %v, want %s", text, at.UTC(), err, want)
		}
	}
}

func TestReadingTheFileOfSigners(t *testing.T) {
	path := write(t, "signers", []byte(fillKeys("x KEY\n")))
	if s, err := ReadSigners(path); err != nil || len(s.lines) != 1 {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, err := ReadSigners(filepath.Join(t.TempDir(), "nowhere")); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
	if err := os.Truncate(path, maxSigners+1); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSigners(path); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v", err)
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true}, {"*", "", true}, {"**", "", true}, {"?", "", false}, {"a", "", false},
		{"a", "a", true}, {"a", "b", false}, {"a", "ab", false}, {"ab", "a", false},
		{"*b", "aab", true}, {"a*", "aab", true}, {"a*b", "ab", true}, {"a*b", "axxb", true}, {"a*b", "axxbc", false},
		{"*a*b*", "xxaxxbxx", true}, {"*a*b*", "xxbxxaxx", false}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"*?", "", false}, {"*?", "a", true}, {"a*a*a*a*a*a*a*b", strings.Repeat("a", 5000), false},
	} {
		if got := match(c.name, c.pattern); got != c.want {
			t.Errorf("%q against %q: got %v", c.name, c.pattern, got)
		}
	}
}
