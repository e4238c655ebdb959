package rpm

import (
	"bytes"
	"strings"
	"testing"
)

func TestRequirementsAreFollowedToTheirEnd(t *testing.T) {
	x := indexOf(t,
		pkg("app-1-1.x86_64", "Requires: lib.so.1()(64bit)", "Requires: rpmlib(CompressedFileNames) <= 3.0.4-1", "Requires: /usr/bin/tool", "Requires: self", "Provides: self"),
		pkg("lib-1-1.x86_64", "Provides: lib.so.1()(64bit)", "Requires: data"), pkg("lib-1-1.i686", "Provides: lib.so.1"),
		pkg("data-1-1.noarch", "Requires: lib"), pkg("tool-1-1.x86_64", "File: /usr/bin/tool"), pkg("unwanted-9-1.x86_64"))
	resolves(t, x, nil, "app-1-1.x86_64 data-1-1.noarch lib-1-1.x86_64 tool-1-1.x86_64", ask("app"))
	resolves(t, x, installedOf(t, pkg("lib-1-1.x86_64"), pkg("data-1-1.noarch")), "app-1-1.x86_64 tool-1-1.x86_64", ask("app"))
	resolves(t, x, installedOf(t, pkg("app-1-1.x86_64", "Provides: app = 1-1")), "", ask("app"))
	resolves(t, x, nil, "", Request{})
}

func TestVersionsAreAskedFor(t *testing.T) {
	x := indexOf(t, pkg("kubelet-1.34.4-150500.1.1.x86_64", "Provides: agent = 3"), pkg("kubelet-1.34.5-150500.1.1.x86_64"), pkg("kubelet-1.34.4-150500.2.1.x86_64"),
		pkg("a-b-1.0-1.x86_64"), pkg("a-1.0-1.x86_64"))
	for text, want := range map[string]string{
		"kubelet": "kubelet-1.34.5-150500.1.1.x86_64", "kubelet-1.34.4": "kubelet-1.34.4-150500.2.1.x86_64", "kubelet-1.34.4-150500.1.1": "kubelet-1.34.4-150500.1.1.x86_64",
		"kubelet-0:1.34.4-150500.1.1": "kubelet-1.34.4-150500.1.1.x86_64", "kubelet-1.34.4-150500.1.1.x86_64": "kubelet-1.34.4-150500.1.1.x86_64",
		"a-b": "a-b-1.0-1.x86_64", "a-b-1.0": "a-b-1.0-1.x86_64", "a-1.0-1": "a-1.0-1.x86_64", "agent": "kubelet-1.34.4-150500.1.1.x86_64",
	} {
		resolves(t, x, nil, want, ask(text))
	}
	_, err := Resolve([]*Index{x}, nil, ask("kubelet-9", "", "a b", "(a or b)", "a>=1"))
	mustFail(t, err, `"" is neither`, `"a b" is neither`, `"(a or b)" is neither`, `"a>=1" is neither`)
	_, err = Resolve([]*Index{x}, nil, ask("kubelet-1.34.9"))
	mustFail(t, err, "kubelet = 1.34.9 cannot be installed", "kubelet-1.34.5-150500.1.1.x86_64: is what "+base+" has, but is not kubelet = 1.34.9")
}

func TestTheOrderOfChoiceIsTheDocumentedOne(t *testing.T) {
	specs := [][]string{pkg("needs-1-1.x86_64", "Requires: mta"), pkg("zmail-1-1.x86_64", "Provides: mta"), pkg("amail-1-1.x86_64", "Provides: mta"), pkg("bmail-3-1.x86_64", "Provides: mta"),
		pkg("with-both-1-1.x86_64", "Requires: mta", "Requires: bmail")}
	x := indexOf(t, specs...)
	resolves(t, x, nil, "amail-1-1.x86_64 needs-1-1.x86_64", ask("needs"))
	resolves(t, x, nil, "needs-1-1.x86_64 zmail-1-1.x86_64", Request{Names: []string{"needs"}, Prefer: []string{"nothing", "zmail", "bmail"}})
	resolves(t, x, nil, "bmail-3-1.x86_64 with-both-1-1.x86_64", ask("with-both"))
	resolves(t, x, installedOf(t, pkg("zmail-1-1.x86_64")), "needs-1-1.x86_64", ask("needs"))
	resolves(t, indexOf(t, append(specs, pkg("mta-1-1.x86_64"))...), nil, "mta-1-1.x86_64 needs-1-1.x86_64", ask("needs"))
	replaced := indexOf(t, append(specs, pkg("mta-1-1.x86_64"), pkg("new-1-1.x86_64", "Provides: mta", "Obsoletes: mta"))...)
	resolves(t, replaced, nil, "amail-1-1.x86_64 needs-1-1.x86_64", ask("needs"))
	_, err := Resolve([]*Index{x}, nil, Request{Names: []string{"needs"}, Prefer: []string{"a b"}})
	mustFail(t, err, `"a b" among the preferred`)
}

func TestTheFirstOfTwoRepositoriesCountsForOneVersion(t *testing.T) {
	a, b := indexOf(t, pkg("a-1-1.x86_64")), indexOf(t, pkg("a-1-1.x86_64"), pkg("b-1-1.x86_64", "Requires: a"))
	a.packages[0].Repository = "http://first.test"
	list, err := Resolve([]*Index{a, b}, nil, ask("b"))
	if err != nil || len(list) != 2 || list[0].URL != "http://first.test/packages/a-1-1.x86_64.rpm" {
		t.Errorf("%v, %v", list, err)
	}
	other := newIndex("http://arm.test", "aarch64")
	_, err = Resolve([]*Index{a, other}, nil, ask("b"))
	mustFail(t, err, "one host has one architecture")
	_, err = Resolve(nil, nil, ask("b"))
	mustFail(t, err, "no repositories")
}

func TestNothingInstalledIsRemovedObsoletedOrDowngraded(t *testing.T) {
	x := indexOf(t, pkg("docker-ce-3-1.x86_64", "Obsoletes: docker", "Conflicts: podman-docker"), pkg("docker-1-1.x86_64"), pkg("old-1-1.x86_64"),
		pkg("needs-old-1-1.x86_64", "Requires: old < 2"), pkg("lib-2-1.x86_64"), pkg("app-2-1.x86_64", "Requires: lib >= 2"), pkg("leans-1-1.x86_64", "Requires: lib < 2"), pkg("leans-2-1.x86_64", "Requires: lib >= 2"))
	_, err := Resolve([]*Index{x}, installedOf(t, pkg("docker-1-1.x86_64")), ask("docker-ce"))
	mustFail(t, err, "docker-ce is asked for", "docker-ce-3-1.x86_64 Obsoletes: docker, and docker-1-1.x86_64 is there; what is installed is not removed")
	_, err = Resolve([]*Index{x}, installedOf(t, pkg("podman-docker-1-1.x86_64")), ask("docker-ce"))
	mustFail(t, err, "Conflicts: podman-docker, and podman-docker-1-1.x86_64 is there")
	_, err = Resolve([]*Index{x}, nil, ask("docker", "docker-ce"))
	mustFail(t, err, "not all together", "docker-ce-3-1.x86_64 Obsoletes: docker")
	_, err = Resolve([]*Index{x}, installedOf(t, pkg("old-2-1.x86_64")), ask("needs-old"))
	mustFail(t, err, "old-2-1.x86_64 is installed, and nothing is downgraded")
	resolves(t, x, installedOf(t, pkg("lib-1-1.x86_64")), "app-2-1.x86_64 lib-2-1.x86_64", ask("app"))
	resolves(t, x, installedOf(t, pkg("lib-1-1.x86_64"), pkg("leans-1-1.x86_64", "Requires: lib < 2")), "app-2-1.x86_64 leans-2-1.x86_64 lib-2-1.x86_64", ask("app"))
	_, err = Resolve([]*Index{x}, installedOf(t, pkg("lib-1-1.x86_64"), pkg("lib-1-1.i686")), ask("app"))
	mustFail(t, err, "lib-1-1.i686 is installed as well, and stays as it is")
	_, err = Resolve([]*Index{x}, installedOf(t, pkg("lib-1-1.x86_64"), pkg("fixed-1-1.x86_64", "Requires: lib = 1")), ask("app"))
	mustFail(t, err, "fixed-1-1.x86_64, which is installed, Requires: lib = 1")
}

func TestAnErrorShowsTheWholeChain(t *testing.T) {
	x := indexOf(t, pkg("a-1-1.x86_64", "Requires: b >= 1"), pkg("b-1-1.x86_64", "Requires: /usr/bin/gone"), pkg("b-2-1.x86_64", "Requires: c > 5", "Requires: (d if b)"),
		pkg("c-5-1.x86_64"), pkg("broken-1-1.x86_64", "Requires: (a or"))
	_, err := Resolve([]*Index{x}, nil, ask("a", "broken", "nowhere"))
	mustFail(t, err, "a cannot be installed", "a is asked for", "a-1-1.x86_64 Requires: b >= 1", "b-2-1.x86_64: cannot be, because", "b-2-1.x86_64 Requires: c > 5",
		"c-5-1.x86_64: is what "+base+" has, but is not c > 5", "/usr/bin/gone: is in none of the repositories for x86_64", "broken: cannot be read", "(a or",
		"nowhere cannot be installed", "nowhere: is in none of the repositories for x86_64, by name or as provided: "+base)
}

func TestConditionsComeTrueOneAfterTheOther(t *testing.T) {
	x := indexOf(t, pkg("a-1-1.x86_64", "Requires: (b if c)", "Requires: d"), pkg("b-1-1.x86_64", "Requires: (e if d)"), pkg("c-1-1.x86_64"), pkg("d-1-1.x86_64", "Requires: c"), pkg("e-1-1.x86_64"),
		pkg("f-1-1.x86_64", "Requires: (a-plugin if a)"))
	resolves(t, x, nil, "a-1-1.x86_64 b-1-1.x86_64 c-1-1.x86_64 d-1-1.x86_64 e-1-1.x86_64", ask("a"))
	resolves(t, x, nil, "f-1-1.x86_64", ask("f"))
	_, err := Resolve([]*Index{x}, nil, ask("f", "a"))
	mustFail(t, err, "f-1-1.x86_64 Requires: (a-plugin if a), and a-1-1.x86_64 is there", "a-plugin: is in none")
	// The same of installed packages, whose conditions held before.
	host := installedOf(t, pkg("g-1-1.x86_64", "Requires: (b if d)"))
	resolves(t, x, host, "b-1-1.x86_64 c-1-1.x86_64 d-1-1.x86_64 e-1-1.x86_64", ask("d"))
}

func TestFilesThatOnlyTheFileListsHaveAreFound(t *testing.T) {
	x := indexOf(t, pkg("a-1-1.x86_64", "Requires: /usr/share/b", "Requires: b"), pkg("b-1-1.x86_64", "Listed: /usr/share/b"), pkg("c-1-1.x86_64", "Conflicts: /usr/share/b"),
		pkg("d-1-1.x86_64", "Requires: (/usr/lib/x if /usr/share/b)"), pkg("x-1-1.x86_64", "Listed: /usr/lib/x"))
	resolves(t, x, nil, "a-1-1.x86_64 b-1-1.x86_64", ask("a"))
	resolves(t, x, nil, "x-1-1.x86_64", ask("/usr/lib/x"))
	resolves(t, x, nil, "b-1-1.x86_64 d-1-1.x86_64 x-1-1.x86_64", ask("d", "b"))
	resolves(t, x, installedOf(t, pkg("b-1-1.x86_64")), "a-1-1.x86_64", ask("a")) // what it has is in the lists
	_, err := Resolve([]*Index{x}, nil, ask("c", "b"))
	mustFail(t, err, "Conflicts: /usr/share/b")
	resolves(t, x, nil, "b-1-1.x86_64", ask("/usr/share/b"))
}

const modules = `---
document: modulemd
version: 2
data:
  name: tools
  stream: 1.10
  artifacts:
    rpms: [runc-0:1.0-1.module.x86_64, conmon-0:2.0-1.module.x86_64]
---
document: modulemd
version: 2
data:
  name: tools
  stream: rolling
  artifacts:
    rpms: ["runc-0:3.0-1.module.x86_64"]
---
document: modulemd-defaults
version: 1
data:
  module: tools
  stream: 1.10
`

func TestModulesHidePackagesByTheDocumentedRule(t *testing.T) {
	key := newKey(t, 0)
	r := repodataOf(t, ".gz", pkg("runc-1.0-1.module.x86_64"), pkg("runc-3.0-1.module.x86_64"), pkg("runc-2.0-1.x86_64"), pkg("other-1-1.x86_64"), pkg("conmon-2.0-1.module.x86_64"))
	r.put(t, "modules", "modules.yaml", ".gz", []byte(modules))
	m := newMirror()
	m.put(t, r, key)
	vendor := newMirror()
	vendor.put(t, repodataOf(t, ".gz", pkg("runc-9.0-1.x86_64"), pkg("conmon-9.0-1.x86_64")), key)
	of := func(m *mirror, hotfixes bool, streams ...string) *Index {
		x, err := open(m, Repository{URL: base, Keys: public(t, key), Modules: streams, ModuleHotfixes: hotfixes}, "x86_64", moment)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for _, c := range []struct {
		indexes []*Index
		want    string
	}{
		{[]*Index{of(m, false)}, "runc-1.0-1.module.x86_64"},
		{[]*Index{of(m, false, "tools:rolling")}, "runc-3.0-1.module.x86_64"},
		{[]*Index{of(m, false, "tools:1.1")}, "runc-2.0-1.x86_64"},
		{[]*Index{of(m, false), of(vendor, false)}, "runc-1.0-1.module.x86_64"},
		{[]*Index{of(m, false), of(vendor, true)}, "runc-9.0-1.x86_64"},
	} {
		list, err := Resolve(c.indexes, nil, ask("runc"))
		if err != nil || names(list) != c.want {
			t.Errorf("%s and not %s: %v", names(list), c.want, err)
		}
	}
	_, err := Resolve([]*Index{of(m, false, "tools:rolling")}, nil, ask("conmon"))
	mustFail(t, err, "conmon: is hidden in "+base+" by a module")
	_, err = readModules(strings.NewReader("document: [\n"))
	mustFail(t, err, "no modules.yaml")
}

const comps = `<?xml version="1.0"?><!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd"><comps>
<group><id>core</id><name>Core</name><name xml:lang="de">Kern</name><packagelist><packagereq type="mandatory">bash</packagereq><packagereq type="default">extra</packagereq>
<packagereq type="mandatory">glibc</packagereq><packagereq type="mandatory">not-here</packagereq></packagelist></group>
<group><id>web</id><packagelist><packagereq type="mandatory">httpd</packagereq></packagelist></group></comps>`

func TestTheMinimalSystemIsTheGroupCoreWithWhatItRequires(t *testing.T) {
	specs := [][]string{pkg("bash-5.0-1.x86_64", "Requires: filesystem"), pkg("bash-5.1-1.x86_64", "Requires: filesystem", "Requires: new"), pkg("new-1-1.x86_64"), pkg("glibc-2-1.x86_64"),
		pkg("filesystem-3-1.x86_64"), pkg("httpd-2-1.x86_64"), pkg("extra-1-1.x86_64"), pkg("systemd-1-1.x86_64", "Requires: extra")}
	key := newKey(t, 0)
	r := repodataOf(t, ".gz", specs...)
	r.put(t, "group", "comps.xml", "", []byte("not read"))
	r.put(t, "group_gz", "comps.xml", ".gz", []byte(comps))
	m := newMirror()
	m.put(t, r, key)
	x, err := open(m, Repository{URL: base, Keys: public(t, key)}, "x86_64", moment)
	if err != nil {
		t.Fatal(err)
	}
	minimal, err := Minimal([]*Index{x})
	if err != nil || names(minimal.Packages()) != "bash-5.0-1.x86_64 filesystem-3-1.x86_64 glibc-2-1.x86_64" {
		t.Fatalf("%v, %v", minimal, err)
	}
	resolves(t, x, minimal, "httpd-2-1.x86_64", ask("httpd", "bash"))
	// Without groups.
	minimal, err = Minimal([]*Index{indexOf(t, specs...)})
	if err != nil || names(minimal.Packages()) != "bash-5.0-1.x86_64 extra-1-1.x86_64 filesystem-3-1.x86_64 glibc-2-1.x86_64 systemd-1-1.x86_64" {
		t.Errorf("%v, %v", minimal, err)
	}
	_, err = Minimal([]*Index{indexOf(t, pkg("kubelet-1-1.x86_64"))})
	mustFail(t, err, "filesystem and glibc")
	_, err = Minimal(nil)
	mustFail(t, err, "no repositories")
}

func TestWhatAHostSaysOfItselfIsRead(t *testing.T) {
	i, err := ReadInstalled(strings.NewReader("bash 0:5.1-1.el9 x86_64\nprovides bash = 5.1-1.el9\nrequires (a if b) \nfile /usr/bin/bash\n(none)(none)kernel (none):5-1 x86_64\nkernel 0:6-1 x86_64\n" +
		"gpg-pubkey (none):fd431d51-4ae0493b (none)\nprovides gpg(x) = 1\n\nsetup 0:2-1 noarch\nglibc 0:2-1 i686\n"))
	if err != nil || names(i.Packages()) != "bash-5.1-1.el9.x86_64 glibc-2-1.i686 kernel-5-1.x86_64 kernel-6-1.x86_64 setup-2-1.noarch" {
		t.Fatalf("%v, %v", i, err)
	}
	if b := i.Packages()[0]; b.Files[0] != "/usr/bin/bash" || b.Requires[0].Name != "(a if b)" || b.Provides[0].String() != "bash = 5.1-1.el9" {
		t.Errorf("%+v", b)
	}
	// Several versions of one stay beside a new one.
	x := indexOf(t, pkg("kernel-7-1.x86_64", "Conflicts: module"), pkg("needs-1-1.x86_64", "Requires: kernel >= 7"), pkg("old-1-1.x86_64", "Requires: kernel < 6"), pkg("both-1-1.x86_64", "Requires: old", "Requires: needs"))
	resolves(t, x, i, "both-1-1.x86_64 kernel-7-1.x86_64 needs-1-1.x86_64 old-1-1.x86_64", ask("both"))
	for text, want := range map[string]string{
		"": "there are none", "a 1-1\n": "line 1", "a 1-1 x86_64\na 1-1 x86_64\n": "installed twice", "provides a\n": "before any package", "a 1-1 x86_64\nprovides a b\n": "line 2",
		"a 1 x86_64\n": "no release", "a x:1-1 x86_64\n": "epoch", "a/b 1-1 x\n": "no name", "a 1-1 x/y\n": "no architecture", "a 1-1 x86_64\nfile b\n": "no path", "a 1-1 x86_64\nrequires (b or\n": "package a-1-1.x86_64",
	} {
		_, err := ReadInstalled(strings.NewReader(text))
		mustFail(t, err, "reading the installed packages", want)
	}
}

// What a host lacked before, it may lack after: it is not for us to mend.
func TestAHostThatIsNotInOrderIsLeftAsItIs(t *testing.T) {
	x := indexOf(t, pkg("a-1-1.x86_64"), pkg("b-2-1.x86_64"))
	host := installedOf(t, pkg("broken-1-1.x86_64", "Requires: gone", "Requires: (c if d)", "Conflicts: e"), pkg("d-1-1.x86_64"), pkg("e-1-1.x86_64"), pkg("b-1-1.x86_64"))
	resolves(t, x, host, "a-1-1.x86_64", ask("a"))
	resolves(t, x, host, "b-2-1.x86_64", ask("b-2"))
}

func FuzzReadInstalled(f *testing.F) {
	f.Add([]byte("bash 0:5.1-1.el9 x86_64\nprovides bash = 5.1-1.el9\nrequires (a if b)\nfile /usr/bin/bash\n(none)"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if i, err := ReadInstalled(bytes.NewReader(content)); err == nil && len(i.Packages()) == 0 {
			t.Error("there are no packages, and no error")
		}
	})
}
