package deb

import (
	"strings"
	"testing"
)

func TestTheStatusOfAHostIsRead(t *testing.T) {
	i := installedOf(t,
		strings.Replace(status("b", "1:2-3", "Depends: a", "Conffiles:", " /etc/b 0123"), "install ok", "hold ok", 1),
		status("a", "1", "Provides: v (= 2)"),
		strings.Replace(status("gone", "1"), "install ok installed", "deinstall ok config-files", 1),
		strings.Replace(status("never", "1"), "install ok installed", "unknown ok not-installed", 1),
		strings.Replace(status("late", "1", "Architecture: i386"), "ok installed", "ok triggers-pending", 1))
	got := i.Packages()
	if names(got) != "a=1 b=1:2-3 late=1" || !got[1].held || got[0].held || got[0].Provides[0].String() != "v (= 2)" || got[2].native("amd64") {
		t.Errorf("%s", names(got))
	}
	got[0] = nil
	if i.Packages()[0] == nil {
		t.Error("a reader changed what is installed")
	}
}

func TestWhatIsWrongWithAHostIsSaid(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "\n\n", []string{"/var/lib/dpkg/status"}},
		{"all half-installed packages", strings.Replace(status("a", "1")+status("b", "1"), "ok installed", "ok half-configured", 2),
			[]string{"line 1", "package a", "the field Status", "dpkg --configure --pending"}},
		{"a status that is none", strings.Replace(status("a", "1")+status("b", "1"), "install ok installed", "fine", 1), []string{"line 1", `"fine" in the field Status`}},
		{"a version that is none", status("a", "1_0"), []string{"package a", `"1_0"`}},
		{"one twice", status("a", "1") + status("a", "2"), []string{"a 1 and a 2"}},
		{"lines that are none", "a 1 amd64\nb 2\nc 3! amd64\n../d 1 amd64\n", []string{"line 2", "line 3", "line 4", "the field Package"}},
		{"a page", "<html>\n<body>\n", []string{"line 1", "line 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadInstalled(strings.NewReader(c.text))
			mustFail(t, err, append(c.want, "reading the installed packages")...)
		})
	}
}

func TestWhatIsNoRelationIsRefused(t *testing.T) {
	for _, text := range []string{"a (", "a (1", "a (>= )", "a (=> 1)", "a () ", "a (>= 1) b", "a b", "|", "a |", "a:", "a:b:c", "a [amd64]", "a <!nocheck>", "$a", "a (>= 1_0)"} {
		if got, err := parseDepends(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
	if _, err := parseRelations("a | b"); err == nil {
		t.Error("Conflicts may not have alternatives")
	}
}
