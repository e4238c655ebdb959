package closure

import (
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/templates"
)

func TestReadUnit(t *testing.T) {
	const text = "# a comment\n[Unit]\nDescription=one \\\n  two\n; another\n\n[Service]\nExecStart = /bin/a \\\n# between\n\t'b c' \\\n\n Environment=x\nbroken\n"
	u := readUnit(text)
	want := []directive{
		{"Unit", "Description", "one    two", 3, 13},
		{"Service", "ExecStart", "/bin/a  \t'b c'", 8, 13},
		{"Service", "Environment", "x", 12, 14},
	}
	if !slices.Equal(u.directives, want) {
		t.Errorf("got %+v, want %+v", u.directives, want)
	}
	if len(u.problems) != 1 || u.problems[0].Line != 13 {
		t.Errorf("problems: %v", u.problems)
	}
}

func TestCommandLines(t *testing.T) {
	for value, want := range map[string][][]string{
		"":                             nil,
		"/bin/a":                       {{"/bin/a"}},
		"-@/bin/a b":                   {{"/bin/a", "b"}},
		`/bin/sh -c 'a "b"  c'`:        {{"/bin/sh", "-c", `a "b"  c`}},
		`/bin/a "x\"y" \x41 ; /bin/b;`: {{"/bin/a", `x"y`, `\x41`}, {"/bin/b;"}},
		"/bin/a ; ; +/bin/b":           {{"/bin/a"}, {"/bin/b"}},
		"/bin/a ''":                    {{"/bin/a", ""}},
	} {
		got, err := commandLines(value)
		if err != nil || !slices.EqualFunc(got, want, slices.Equal[[]string]) {
			t.Errorf("%q: got %q, %v, want %q", value, got, err, want)
		}
	}
	if _, err := commandLines("/bin/a 'b"); err == nil {
		t.Error("an open quote was taken")
	}
}

func TestReadAssignment(t *testing.T) {
	for line, want := range map[string]string{
		"A=''": "", "A='b c'": "b c", `A='it'\''s'`: "it's", `A=''\'''`: "'", "A='$(x)'": "$(x)",
	} {
		if v, ok := readAssignment(line); !ok || v.name != "A" || v.value != want {
			t.Errorf("%s: got %q, %v", line, v, ok)
		}
	}
	for _, line := range []string{"A=b", "A='b", "A='b'c", "A='b''c'", "A='b'; c", `A='b'\'`, "='b'", "1A='b'", "export A='b'", "A"} {
		if v, ok := readAssignment(line); ok {
			t.Errorf("%s: taken as %q", line, v)
		}
	}
}

func TestReadTOML(t *testing.T) {
	settings, err := readTOML([]byte("version = 3\n[a.'b.c']\n  x = \"y\" # z\n  [a.'b.c'.d]\n  e.f = 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range settings {
		got = append(got, strings.Join(s.key, "/")+" "+s.value)
	}
	want := []string{"version 3", "a/b.c/x y", "a/b.c/d/e/f 1"}
	if !slices.Equal(got, want) || settings[1].line != 3 || settings[1].column != 3 {
		t.Errorf("got %q, want %q; %+v", got, want, settings)
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"see https://example.com/x":        "https example.com",
		"tcp://u:p@[2001:db8::1]:80":       "tcp 2001:db8::1",
		"unix:///run/x fd:// a://$HOST/":   "",
		"://x":                             "",
		"\"http://a.b:5000\",http://c.d/":  "http a.b,http c.d",
		"https://@secret:x@/ https://%h:1": "",
	} {
		var got []string
		for _, a := range addresses([]byte(text)) {
			got = append(got, a.scheme+" "+a.host)
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func FuzzReadUnit(f *testing.F) {
	for _, name := range []string{"units/docker.service", "units/kubelet.service.d/10-kubeadm.conf"} {
		text, err := templates.FS.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("[Service]\nExecStart=-/bin/sh -c 'a \\\n; b'\n=\n[")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		for _, d := range readUnit(text).directives {
			if d.line < 1 || d.line > lines || d.column < 1 {
				t.Errorf("%q is at %d:%d of %d lines", d.name, d.line, d.column, lines)
			}
			list, err := commandLines(d.value)
			for _, words := range list {
				if err != nil || len(words) == 0 {
					t.Errorf("%q gives %q, %v", d.value, list, err)
				}
			}
		}
	})
}

func FuzzReadTOML(f *testing.F) {
	f.Add("version = 3\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\n  sandbox = \"x\"\n")
	f.Add("a.\"b\\u0041\" = {c = [1, 2]}\n[[d]]\ne = '''x'''\n")
	f.Fuzz(func(t *testing.T, text string) {
		settings, err := readTOML([]byte(text))
		for _, s := range settings {
			if err == nil && (len(s.key) == 0 || s.line < 1 || s.column < 1) {
				t.Errorf("%+v", s)
			}
		}
	})
}

// Any script is read, or refused with a place, and what it uses has one.
func FuzzScript(f *testing.F) {
	for _, name := range []string{"install.sh", "steps/lib.sh", "steps/45-images.sh", "steps/80-kubeadm.sh"} {
		text, err := templates.FS.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("f() { shift $(($# > 1 ? 1 : $#)); \"$@\"; }\nx=$x; x=$y y=$x\n$x\nf f f\ntrap f 0\nsh -c \"f $x\"\ncase $x in $x) ;; esac")
	f.Fuzz(func(t *testing.T, text string) {
		c := &check{reader: newReader(nil)}
		s := c.read("x.sh", []byte(text))
		if s.problem != nil && (s.problem.Line < 1 || s.problem.Column < 1) {
			t.Error(s.problem)
		}
		for _, u := range s.reached() {
			if u.line < 1 || u.column < 1 {
				t.Errorf("%q is at %d:%d", u.text, u.line, u.column)
			}
		}
	})
}
