package deb

import (
	"fmt"
	"strings"
	"testing"
)

// status is a stanza of what is installed.
func status(name, version string, fields ...string) string {
	stanza, _, _ := strings.Cut(control(name, version, fields...), "Filename:")
	return stanza + "Status: install ok installed\n\n"
}

func installedOf(t testing.TB, stanzas ...string) *Installed {
	t.Helper()
	if len(stanzas) == 0 {
		return &Installed{}
	}
	i, err := ReadInstalled(strings.NewReader(strings.Join(stanzas, "")))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestTheRightPackagesAreChosen(t *testing.T) {
	for _, c := range []struct {
		name      string
		index     []string
		installed []string
		ask       string
		prefer    string
		want      string
	}{
		{name: "what is installed is enough", index: []string{control("a", "2")}, installed: []string{status("a", "1")}, ask: "a", want: ""},
		{name: "dependencies of dependencies", ask: "a", want: "a=1 b=1 c=1 d=1",
			index: []string{control("a", "1", "Depends: b, c"), control("b", "1", "Pre-Depends: d"), control("c", "1"), control("d", "1"), control("e", "1")}},
		{name: "a cycle", ask: "a", want: "a=1 b=1", index: []string{control("a", "1", "Depends: b"), control("b", "1", "Depends: a (= 1)")}},
		{name: "recommended ones are not added", ask: "a", want: "a=1", index: []string{control("a", "1", "Recommends: b", "Suggests: b"), control("b", "1")}},
		{name: "the newest version", ask: "a", want: "a=1:0.1", index: []string{control("a", "9"), control("a", "1:0.1"), control("a", "9.1")}},
		{name: "an older version where the newest does not fit", ask: "b", want: "a=1.9 b=1",
			index: []string{control("a", "1.9"), control("a", "2.0"), control("b", "1", "Depends: a (<< 2~)")}},
		{name: "an exact version", ask: "a=1.2-1.1", want: "a=1.2-1.1", index: []string{control("a", "1.2-1.1"), control("a", "1.3-1.1")}},
		{name: "an exact version as dpkg sees it", ask: "a=0:1.2", want: "a=1.2", index: []string{control("a", "1.2"), control("a", "1.3")}},
		{name: "a pin that bends others", ask: "tool=1 lib", want: "lib=1 tool=1",
			index: []string{control("tool", "1", "Depends: lib (= 1)"), control("tool", "2", "Depends: lib (= 2)"), control("lib", "1"), control("lib", "2")}},
		{name: "the first alternative", ask: "a", want: "a=1 b=1", index: []string{control("a", "1", "Depends: b | c"), control("b", "1"), control("c", "1")}},
		{name: "an alternative that is installed", ask: "a", want: "a=1", installed: []string{status("c", "1")},
			index: []string{control("a", "1", "Depends: b | c"), control("b", "1"), control("c", "1")}},
		{name: "an alternative that is needed anyway", ask: "a", want: "a=1 c=1 d=1",
			index: []string{control("a", "1", "Depends: b | c, d"), control("b", "1"), control("c", "1"), control("d", "1", "Depends: c")}},
		{name: "an alternative that is asked for", ask: "a c", want: "a=1 c=1",
			index: []string{control("a", "1", "Depends: b | c"), control("b", "1"), control("c", "1")}},
		{name: "an alternative that is preferred", ask: "a", prefer: "x c", want: "a=1 c=1",
			index: []string{control("a", "1", "Depends: b | c"), control("b", "1"), control("c", "1")}},
		{name: "an alternative because the first cannot be", ask: "a", want: "a=1 c=1",
			index: []string{control("a", "1", "Depends: b | c"), control("b", "1", "Depends: nonesuch"), control("c", "1")}},
		{name: "a package itself before those that provide it", ask: "mta", want: "mta=1",
			index: []string{control("exim", "1", "Provides: mta", "Priority: important"), control("mta", "1")}},
		{name: "what is asked for is not what only provides it", ask: "chrony", want: "chrony=1", installed: []string{status("ntpsec", "1", "Provides: chrony")},
			index: []string{control("maas", "1", "Provides: chrony"), control("chrony", "1")}, prefer: "maas"},
		{name: "a provider by its priority", ask: "mta", want: "postfix=1",
			index: []string{control("exim", "1", "Provides: mta", "Priority: optional"), control("postfix", "1", "Provides: mta", "Priority: standard")}},
		{name: "a provider by its name", ask: "mta", want: "exim=2",
			index: []string{control("postfix", "1", "Provides: mta"), control("exim", "1", "Provides: mta"), control("exim", "2", "Provides: mta")}},
		{name: "a provider that is preferred", ask: "mta", prefer: "postfix", want: "postfix=1",
			index: []string{control("exim", "1", "Provides: mta"), control("postfix", "1", "Provides: mta")}},
		{name: "a provider of the right version", ask: "a", want: "a=1 new=1",
			index: []string{control("a", "1", "Depends: api (>= 2)"), control("bare", "9", "Provides: api"), control("new", "1", "Provides: api (= 2.1)"), control("anew", "9", "Provides: api (= 1)")}},
		{name: "an upgrade that a dependency needs", ask: "a", want: "a=1 lib=2", installed: []string{status("lib", "1"), status("other", "1")},
			index: []string{control("a", "1", "Depends: lib (>= 2)"), control("lib", "2"), control("other", "2")}},
		{name: "an upgrade that another needs to go along", ask: "a", want: "a=1 lib=2 user=2", installed: []string{status("lib", "1"), status("user", "1", "Depends: lib (= 1)")},
			index: []string{control("a", "1", "Depends: lib (>= 2)"), control("lib", "2"), control("user", "2", "Depends: lib (= 2)"), control("user", "3", "Depends: lib (= 3)")}},
		{name: "an upgrade that a conflict needs", ask: "a", want: "a=1 old=2", installed: []string{status("old", "1")},
			index: []string{control("a", "1", "Breaks: old (<< 2)"), control("old", "2")}},
		{name: "an upgrade since what is installed breaks the new", ask: "a", want: "a=1 old=2", installed: []string{status("old", "1", "Breaks: a (<< 5)")},
			index: []string{control("a", "1"), control("old", "2")}},
		{name: "an upgrade that loses what it provided", ask: "a", want: "a=1 lib=2 p=1", installed: []string{status("lib", "1", "Provides: v"), status("user", "1", "Depends: v")},
			index: []string{control("a", "1", "Depends: lib (>= 2)"), control("lib", "2"), control("p", "1", "Provides: v")}},
		{name: "an upgrade that loses what a new one stood on", ask: "a b", want: "a=1 b=1 lib=2 p=1", installed: []string{status("lib", "1", "Provides: v")},
			index: []string{control("a", "1", "Depends: v"), control("b", "1", "Depends: lib (>= 2)"), control("lib", "2"), control("p", "1", "Provides: v")}},
		{name: "no upgrade where another way is", ask: "a", want: "a=1 c=1", installed: []string{status("lib", "1"), status("user", "1", "Depends: lib (= 1)")},
			index: []string{control("a", "1", "Depends: lib (>= 2) | c"), control("lib", "2"), control("c", "1")}},
		{name: "what was broken before is left", ask: "a", want: "a=1 lib=2", installed: []string{status("lib", "1"), status("sick", "1", "Depends: nonesuch, lib (>= 1)")},
			index: []string{control("a", "1", "Depends: lib (>= 2)"), control("lib", "2")}},
		{name: "round a conflict", ask: "a", want: "a=1 c=1 e=1",
			index: []string{control("a", "1", "Depends: b | c, e"), control("b", "1"), control("c", "1"), control("e", "1", "Conflicts: b")}},
		{name: "round a conflict with what is installed", ask: "a", want: "a=1 c=1", installed: []string{status("docker-ce", "1")},
			index: []string{control("a", "1", "Depends: docker.io | c"), control("docker.io", "1", "Conflicts: docker-ce"), control("c", "1")}},
		{name: "a conflict with itself is none", ask: "a", want: "a=1", index: []string{control("a", "1", "Provides: mta", "Conflicts: mta", "Replaces: mta")}},
		{name: "any architecture", ask: "a", want: "a=1 python3=3", index: []string{control("a", "1", "Depends: python3:any (>= 3)"), control("python3", "3", "Multi-Arch: allowed")}},
		{name: "by its architecture", ask: "a", want: "a=1 b=1 c=1", index: []string{control("a", "1", "Architecture: all", "Depends: b:amd64, c:amd64"), control("b", "1"), control("c", "1", "Architecture: all")}},
		{name: "a foreign package that may help", ask: "a", want: "a=1", installed: []string{status("b", "1", "Architecture: i386", "Multi-Arch: foreign")},
			index: []string{control("a", "1", "Depends: b"), control("b", "1")}},
		{name: "a foreign package that may not", ask: "a", want: "a=1 b=1", installed: []string{status("b", "1", "Architecture: i386", "Multi-Arch: same")},
			index: []string{control("a", "1", "Depends: b"), control("b", "1", "Multi-Arch: same")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := indexOf(t, c.index...)
			got, err := Resolve([]*Index{x}, installedOf(t, c.installed...), Request{Names: strings.Fields(c.ask), Prefer: strings.Fields(c.prefer)})
			if err != nil {
				t.Fatal(err)
			}
			if names(got) != c.want {
				t.Errorf("got %q, want %q", names(got), c.want)
			}
		})
	}
}

func TestWhatCannotBeIsShownWithItsReasons(t *testing.T) {
	for _, c := range []struct {
		name      string
		index     []string
		installed []string
		ask       string
		want      []string
	}{
		{name: "a package that nobody has", ask: "nonesuch", index: []string{control("a", "1")},
			want: []string{"for amd64", "nonesuch is asked for", "in none of the repositories", base}},
		{name: "a dependency that nobody has", ask: "a", index: []string{control("a", "1", "Depends: b"), control("b", "2", "Pre-Depends: c (>= 3)"), control("c", "2")},
			want: []string{"a is asked for", "a 1 Depends: b", "b 2 Pre-Depends: c (>= 3)", "c 2: is what " + base + " has, but is not c (>= 3)"}},
		{name: "all of the request", ask: "a x=1 y", index: []string{control("a", "1"), control("x", "2")},
			want: []string{"x (= 1) cannot be installed", "y cannot be installed", "x 2: is what"}},
		{name: "only together impossible", ask: "a b", index: []string{control("a", "1", "Depends: c (= 1)"), control("b", "1", "Depends: c (= 2)"), control("c", "1"), control("c", "2")},
			want: []string{"not all together", "c (= 1)", "c (= 2)", "c 1 is chosen already"}},
		{name: "a conflict with what is installed", ask: "containerd.io", installed: []string{status("containerd", "1")},
			index: []string{control("containerd.io", "1", "Conflicts: containerd"), control("containerd", "2")},
			want:  []string{"containerd.io 1 Conflicts: containerd", "containerd 1 is installed, which is not removed"}},
		{name: "a downgrade", ask: "a=1", installed: []string{status("a", "2")}, index: []string{control("a", "1"), control("a", "2")},
			want: []string{"a 2 is installed, and nothing is downgraded"}},
		{name: "a package that is held", ask: "a", installed: []string{strings.Replace(status("lib", "1"), "install ok", "hold ok", 1)},
			index: []string{control("a", "1", "Depends: lib (>= 2)"), control("lib", "2")}, want: []string{"lib 1 is installed and held"}},
		{name: "an upgrade that others do not follow", ask: "a", installed: []string{status("lib", "1"), status("user", "1", "Depends: lib (= 1)")},
			index: []string{control("a", "1", "Depends: lib (>= 2)"), control("lib", "2")},
			want:  []string{"a 1 Depends: lib (>= 2)", "user 1, which is installed, Depends: lib (= 1)", "lib 1: is installed, but lib 2 is to replace it"}},
		{name: "only a provider without a version", ask: "a", index: []string{control("a", "1", "Depends: api (>= 2)"), control("p", "1", "Provides: api")},
			want: []string{"p 1: of " + base + " provides api, but not api (>= 2)"}},
		{name: "a package that others only provide", ask: "chrony", index: []string{control("maas", "1", "Provides: chrony"), control("chrony", "1", "Depends: nonesuch")},
			want: []string{"maas 1: of " + base + " only provides chrony", "chrony 1 Depends: nonesuch"}},
		{name: "another architecture", ask: "a", index: []string{control("a", "1", "Architecture: arm64")}, want: []string{"for amd64"}},
		{name: "a foreign half of a library", ask: "a", installed: []string{status("lib", "1", "Multi-Arch: same"), status("lib", "1", "Multi-Arch: same", "Architecture: i386")},
			index: []string{control("a", "1", "Depends: lib (>= 2)"), control("lib", "2", "Multi-Arch: same")}, want: []string{"lib 1 of i386 is installed as well"}},
		{name: "a package that cannot be read", ask: "a", index: []string{control("a", "1", "Depends: b (>> )"), control("b", "1")},
			want: []string{"a: cannot be read", base, "reading Depends"}},
		{name: "a package without a checksum", ask: "a", index: []string{"Package: a\nVersion: 1\nArchitecture: amd64\nFilename: a.deb\nSize: 1\nMD5sum: 0\n\n"},
			want: []string{"a: cannot be read", "the field SHA256"}},
		{name: "a package that leads out", ask: "a", index: []string{strings.Replace(control("a", "1"), "Filename: pool", "Filename: ../..", 1)},
			want: []string{"a: cannot be read", "leads out of the repository"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := indexOf(t, c.index...)
			got, err := Resolve([]*Index{x}, installedOf(t, c.installed...), Request{Names: strings.Fields(c.ask)})
			if err == nil {
				t.Fatalf("got %s", names(got))
			}
			mustFail(t, err, c.want...)
			t.Log(err)
		})
	}
}

func TestNamesThatAreNoneAreRefusedTogether(t *testing.T) {
	_, err := Resolve([]*Index{indexOf(t, control("a", "1"))}, nil, Request{Names: []string{"a b", "a=", "a=x y", "../a"}})
	mustFail(t, err, `"a b"`, `"a="`, `"a=x y"`, `"../a"`)
	_, err = Resolve(nil, nil, Request{Names: []string{"a"}})
	mustFail(t, err, "no repositories")
}

func TestTheSameVersionComesFromTheFirstRepository(t *testing.T) {
	first := indexOf(t, control("a", "1"))
	second := readIndex(t, strings.NewReader(control("a", "1")+control("a", "0")), "http://second.test", "amd64")
	got, err := Resolve([]*Index{first, second}, nil, Request{Names: []string{"a"}})
	if err != nil || got[0].Repository != base {
		t.Errorf("%v, %v", got, err)
	}
	_, err = Resolve([]*Index{first, {Arch: "arm64"}}, nil, Request{})
	mustFail(t, err, "one host has one architecture")
}

func TestLinesOfAHostAreCompletedFromTheRepositories(t *testing.T) {
	x := indexOf(t, control("a", "1", "Depends: mta, lib (>= 2)"), control("exim", "5", "Provides: mta"), control("postfix", "3", "Provides: mta", "Priority: important"),
		control("lib", "1"), control("lib", "2"), control("user", "1", "Depends: lib (= 1)"), control("user", "2"))
	installed := installedOf(t, "exim 4 amd64\nlib:amd64 1 amd64\nuser 1 amd64\n")
	got, err := Resolve([]*Index{x}, installed, Request{Names: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	if names(got) != "a=1 lib=2 user=2" {
		t.Errorf("got %s", names(got))
	}
}

func TestTheMinimalSystemIsADistributionsOwnAndOfTheOldestVersions(t *testing.T) {
	debian := indexOf(t, control("base-files", "1", "Essential: yes", "Depends: awk"), control("mawk", "1", "Provides: awk"), control("apt", "1", "Priority: important", "Depends: libssl (>= 3)"),
		control("libssl", "3.1"), control("libssl", "3.0"), control("less", "1", "Priority: standard"))
	vendor := indexOf(t, control("agent", "1", "Priority: required"))
	got, err := Minimal([]*Index{debian, vendor})
	if err != nil {
		t.Fatal(err)
	}
	if want := "apt=1 base-files=1 libssl=3.0 mawk=1"; names(got.Packages()) != want {
		t.Errorf("got %s, want %s", names(got.Packages()), want)
	}
	_, err = Minimal([]*Index{vendor})
	mustFail(t, err, "Essential")
}

// Nine pigeons do not fit into eight holes, and no search finds that out in good time.
func TestASearchThatComesToNoEndIsGivenUp(t *testing.T) {
	var index, names []string
	for p := range 9 {
		var holes []string
		for h := range 8 {
			name := fmt.Sprintf("p%d-in-%d", p, h)
			index = append(index, control(name, "1", fmt.Sprintf("Provides: hole%d", h), fmt.Sprintf("Conflicts: hole%d", h)))
			holes = append(holes, name)
		}
		name := fmt.Sprintf("pigeon%d", p)
		index = append(index, control(name, "1", "Depends: "+strings.Join(holes, " | ")))
		names = append(names, name)
	}
	_, err := Resolve([]*Index{indexOf(t, index...)}, nil, Request{Names: names})
	mustFail(t, err, "given up", "NAME=VERSION")
	if _, err := Resolve([]*Index{indexOf(t, index...)}, nil, Request{Names: names[1:]}); err != nil {
		t.Error(err)
	}
}
