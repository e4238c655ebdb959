package rpm

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// programs skips a test where a program is not on this machine, unless SATCHEL_TOOLS says
// that all must be.
func programs(t testing.TB, names ...string) {
	t.Helper()
	for _, p := range names {
		if _, err := exec.LookPath(p); err == nil {
			continue
		}
		pack := map[string]string{"rpmbuild": "rpm", "rpmsign": "rpm", "createrepo_c": "createrepo-c"}[p]
		if pack == "" {
			pack = p
		}
		if os.Getenv("SATCHEL_TOOLS") == "required" {
			t.Fatalf("SATCHEL_TOOLS is \"required\", and %s is not installed (Debian's package %s)", p, pack)
		}
		t.Skipf("%s is not on this machine (Debian's package %s)", p, pack)
	}
}

func write(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := runFails(nil, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func runFails(env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(append(os.Environ(), "LC_ALL=C"), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The packages of the tests, with what real repositories have that is awkward. Each is a
// name, an epoch, a version and lines of a spec file; those of a second build are other
// versions. Lines "File:" are files.
var awkward = [][]string{
	{"app 0 1.0", "Requires: /usr/bin/tool", "Requires: /usr/share/words/list.txt", "Requires: webserver >= 2", "Requires: lib = 2:1.0", "Requires(pre): config(settings)", "Requires: libfast.so.1(FAST_1.2)(64bit)"},
	{"tool 0 3", "File: /usr/bin/tool", "Requires(post): tool-data"},
	{"tool-data 0 3", "Requires: tool = 3-1", "File: /usr/share/tool/data"},
	{"words 0 1", "File: /usr/share/words/list.txt"},
	{"nginy 0 1.20", "Provides: webserver = 1.20"},
	{"apachy 1 2.4", "Provides: webserver = 2.4"},
	{"lib 2 1.0", "Provides: liblib"},
	{"settings 0 1", "Provides: config(settings) = 1-1", "File: /etc/settings.conf"},
	{"fast 0 1.2", "Provides: libfast.so.1(FAST_1.2)(64bit)", "Provides: libfast.so.1()(64bit)"},
	{"oldname 0 1.0"},
	{"newname 0 2.0", "Obsoletes: oldname < 2", "Provides: oldname = 2.0"},
	{"wants-old 0 1", "Requires: oldname"},
	{"rich-or 0 1", "Requires: (nothing-has-this or lib >= 2:0)"},
	{"rich-and 0 1", "Requires: (words and tool)"},
	{"rich-if 0 1", "Requires: (settings if words)"},
	{"rich-if-both 0 1", "Requires: rich-if", "Requires: words"},
	{"rich-else 0 1", "Requires: (settings if nothing-has-this else words)"},
	{"rich-with 0 1", "Requires: (webserver with apachy)"},
	{"rich-range 0 1", "Requires: (lib >= 2:0.5 with lib < 2:1.5)"},
	{"rich-without 0 1", "Requires: (webserver without apachy)"},
	{"rich-nested 0 1", "Requires: ((tool and words) or nothing-has-this)", "Requires: (settings if (words or apachy))"},
	{"enemy 0 1", "Conflicts: apachy", "Requires: webserver"},
	{"rich-enemy 0 1", "Conflicts: (apachy unless settings)", "Requires: apachy"},
	{"any-version 0 1", "Requires: liblib >= 77"},
	{"lowest 0 1", "Requires: lib < 2:1.0"},
	{"no-release 0 1", "Requires: tool = 3"},
	{"tilde 0 1", "Requires: pre < 2.0"},
	{"pre 0 2.0~rc1"},
	{"pinned 0 1.0"},
	{"noarch-one 0 1", "BuildArch: noarch", "Requires: tool"},
	{"impossible 0 1", "Requires: also-impossible"},
	{"also-impossible 0 1", "Requires: lib > 3:0"},
}

var older = [][]string{
	{"lib 2 0.9", "Provides: liblib"},
	{"lib 1 9.9", "Provides: liblib"},
	{"pinned 0 0.9"},
	{"pre 0 2.0"},
}

// specFile is one of many packages.
func specFile(packs [][]string) string {
	var b, files strings.Builder
	b.WriteString("Name: satchel-test\nVersion: 1\nRelease: 1\nSummary: many\nLicense: MIT\n%define _build_id_links none\n%define debug_package %{nil}\n%define __os_install_post %{nil}\n%description\nMany.\n")
	var install []string
	for _, p := range packs {
		f := strings.Fields(p[0])
		fmt.Fprintf(&b, "%%package -n %s\nSummary: The package %s & <friends>\nVersion: %s\nAutoReqProv: no\n", f[0], f[0], f[2])
		if f[1] != "0" {
			fmt.Fprintf(&b, "Epoch: %s\n", f[1])
		}
		fmt.Fprintf(&files, "%%files -n %s\n", f[0])
		for _, line := range p[1:] {
			if path, ok := strings.CutPrefix(line, "File: "); ok {
				install = append(install, fmt.Sprintf("mkdir -p %%{buildroot}%s\necho %s > %%{buildroot}%s\n", filepath.Dir(path), f[0], path))
				fmt.Fprintf(&files, "%s\n", path)
				continue
			}
			b.WriteString(line + "\n")
		}
		fmt.Fprintf(&b, "%%description -n %s\nWhat %s is.\n\n It has \"more\" lines.\n", f[0], f[0])
	}
	return b.String() + "%install\n" + strings.Join(install, "") + files.String()
}

// built are the packages of the tests, built once.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "satchel-rpm")
	if err != nil {
		return "", err
	}
	for i, packs := range [][][]string{awkward, older} {
		var one [][][]string
		if i == 0 {
			one = append(one, packs)
		} else { // one name can only be once in a spec file
			for _, p := range packs {
				one = append(one, [][]string{p})
			}
		}
		for n, list := range one {
			name := filepath.Join(dir, fmt.Sprintf("%d-%d.spec", i, n))
			if err := os.WriteFile(name, []byte(specFile(list)), 0o644); err != nil {
				return dir, err
			}
			out, err := runFails([]string{"HOME=" + dir}, "rpmbuild", "-bb", "--quiet", "--define", "_topdir "+dir+"/build", "--define", "_rpmdir "+dir+"/rpms",
				"--define", "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm", "--define", "_binary_payload w1.gzdio", name)
			if err != nil {
				return dir, fmt.Errorf("rpmbuild: %w\n%s", err, out)
			}
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if builtSome {
		dir, _ := built()
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// builtSome tells that built was called by a test.
var builtSome bool

// rpms is a directory of the packages of the tests.
func rpms(t testing.TB) string {
	t.Helper()
	programs(t, "rpm", "rpmbuild")
	builtSome = true
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "rpms")
}

func machine(t testing.TB) string { return strings.TrimSpace(run(t, "rpm", "--eval", "%{_arch}")) }

// repository makes one with createrepo_c, and opens it.
func createrepo(t testing.TB, args ...string) (dir string, x *Index) {
	t.Helper()
	programs(t, "createrepo_c")
	dir = t.TempDir()
	for _, name := range glob(t, rpms(t)) {
		link(t, name, filepath.Join(dir, "packages", filepath.Base(name)))
	}
	run(t, "createrepo_c", append(append([]string{"--quiet"}, args...), dir)...)
	return dir, openDir(t, dir)
}

func glob(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.rpm"))
	if err != nil || len(list) == 0 {
		t.Fatalf("there are no packages in %s: %v", dir, err)
	}
	return list
}

func link(t testing.TB, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, content)
}

// openDir opens a repository on disk.
func openDir(t testing.TB, dir string) *Index {
	t.Helper()
	m := newMirror()
	err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		m.files["file://"+name] = content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	x, err := open(m, Repository{URL: "file://" + dir, Keys: public(t, newKey(t, 0))}, machine(t), moment)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// dnf is the real one on a root of its own, with nothing but one repository.
func dnf(t testing.TB, root, repo string, args ...string) (string, error) {
	t.Helper()
	programs(t, "dnf")
	if err := os.MkdirAll(root+"/var/log", 0o755); err != nil {
		t.Fatal(err)
	}
	all := []string{"--installroot=" + root, "--releasever=9", "--disablerepo=*", "--repofrompath=test,file://" + repo, "--setopt=cachedir=" + root + "/var/cache/dnf",
		"--setopt=reposdir=" + root + "/none", "--setopt=pluginpath=" + root + "/none", "--setopt=varsdir=" + root + "/none", "--setopt=logdir=" + root + "/var/log", "--setopt=install_weak_deps=False",
		"--setopt=keepcache=0", "--noplugins", "--color=never", "-y"}
	return runFails([]string{"COLUMNS=400"}, "dnf", append(all, args...)...)
}

var tableLine = regexp.MustCompile(`(?m)^ (\S+) +(\S+) +(\S+) +test +[0-9.]+ ?[kMB]?`)

// dnfWould are the packages that dnf would install.
func dnfWould(t testing.TB, root, repo string, names ...string) ([]string, bool) {
	t.Helper()
	out, err := dnf(t, root, repo, append([]string{"--setopt=test.gpgcheck=0", "--assumeno", "install"}, names...)...)
	if err == nil && strings.Contains(out, "Nothing to do") {
		return nil, true
	}
	if err == nil || !strings.Contains(out, "Operation aborted") {
		if !strings.Contains(out, "nothing provides") && !strings.Contains(out, "conflict") && !strings.Contains(out, "Problem") && !strings.Contains(out, "Unable to find a match") {
			t.Fatalf("dnf install %v: %v\n%s", names, err, out)
		}
		return nil, false
	}
	var list []string
	for _, m := range tableLine.FindAllStringSubmatch(out, -1) {
		list = append(list, m[1]+"-"+m[3]+"."+m[2])
	}
	slices.Sort(list)
	return list, true
}

func TestDnfWouldInstallTheSame(t *testing.T) {
	programs(t, "dnf")
	repo, x := createrepo(t)
	root := t.TempDir()
	installable := 0
	for _, c := range [][]string{
		{"app"}, {"tool"}, {"wants-old"}, {"oldname"}, {"rich-or"}, {"rich-and"}, {"rich-if"}, {"rich-if-both"}, {"rich-else"}, {"rich-with"}, {"rich-range"},
		{"rich-without"}, {"rich-nested"}, {"enemy"}, {"rich-enemy"}, {"any-version"}, {"lowest"}, {"no-release"}, {"tilde"}, {"pinned"}, {"pinned-0.9"}, {"pinned-0.9-1"},
		{"noarch-one"}, {"impossible"}, {"/usr/bin/tool"}, {"/usr/share/words/list.txt"}, {"app", "enemy"}, {"app", "rich-if", "pinned"}, {"lib-1:9.9"}, {"nothing-has-this"},
		{"webserver"}, {"rich-enemy", "enemy"}, {"lowest", "app"},
	} {
		want, possible := dnfWould(t, root, repo, c...)
		list, err := Resolve([]*Index{x}, nil, ask(c...))
		var got []string
		for _, p := range list {
			got = append(got, p.String())
		}
		slices.Sort(got)
		if possible != (err == nil) || !slices.Equal(got, want) {
			t.Errorf("%v\n dnf: %v %v\n here: %v, %v", c, possible, want, got, err)
		}
		if possible && len(want) > 0 {
			installable++
		} else {
			t.Logf("%v cannot be installed", c)
		}
	}
	if installable < 25 {
		t.Errorf("only %d can be installed: the test proves little", installable)
	}
}

// fileOf is a file for WriteRepository.
func fileOf(t testing.TB, name, path string) PackageFile {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return PackageFile{Path: path, SHA256: fmt.Sprintf("%x", sha256.Sum256(content)), Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

// private makes a private repository of packages on disk.
func private(t testing.TB, from string) string {
	t.Helper()
	dir := t.TempDir()
	var files []PackageFile
	for _, name := range glob(t, from) {
		path := "packages/" + filepath.Base(name)
		link(t, name, filepath.Join(dir, path))
		files = append(files, fileOf(t, name, path))
	}
	indexes, err := WriteRepository(files)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(files)
	again, err := WriteRepository(files)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range indexes {
		write(t, filepath.Join(dir, f.Path), f.Data)
		if !bytes.Equal(again[i].Data, f.Data) {
			t.Errorf("%s depends on the order of the files", f.Path)
		}
	}
	return dir
}
