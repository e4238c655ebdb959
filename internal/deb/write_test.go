package deb

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// buildDeb makes a small package with dpkg-deb.
func buildDeb(t *testing.T, dir, compression, fields string) string {
	t.Helper()
	programs(t, "dpkg-deb")
	tree, err := os.MkdirTemp(t.TempDir(), "tree")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(tree, "DEBIAN"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(tree, "DEBIAN", "control"), []byte(fields))
	out := run(t, "dpkg-deb", "--root-owner-group", "-Z"+compression, "--build", tree, dir)
	_, name, _ := strings.Cut(out, " in '")
	return strings.TrimSuffix(strings.TrimSpace(name), "'.")
}

func programs(t testing.TB, names ...string) {
	t.Helper()
	for _, p := range names {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("SATCHEL_TOOLS") == "required" {
				t.Fatalf("SATCHEL_TOOLS is \"required\", and %s is not installed", p)
			}
			t.Skipf("%s is not on this machine", p)
		}
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

const greeting = `Package: greeting
Version: 1:2.0-1~deb12+1
Architecture: %s
Maintainer: Nobody <nobody@example.org>
Depends: words (>= 3)
Section: misc
Priority: optional
Description: a greeting
 In more than one line.
 .
 And a paragraph.
`

const words = `Package: words
Version: 3
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: words
`

// private makes a repository of two packages on disk.
func private(t *testing.T) string {
	t.Helper()
	dir, build := t.TempDir(), t.TempDir()
	arch := strings.TrimSpace(run(t, "dpkg", "--print-architecture"))
	var files []PackageFile
	for i, d := range []string{fmt.Sprintf(greeting, arch), words} {
		name := buildDeb(t, build, []string{"xz", "zstd"}[i], d)
		path := "pool/" + strings.Replace(filepath.Base(name), "_2.0", "_1%3a2.0", 1) // as apt names it
		f := fileOf(t, name, path)
		files = append(files, f)
		content, _ := os.ReadFile(name)
		write(t, filepath.Join(dir, path), content)
	}
	indexes, err := WriteRepository(files, "bookworm")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range indexes {
		write(t, filepath.Join(dir, f.Path), f.Data)
	}
	slices.Reverse(files)
	again, err := WriteRepository(files, "bookworm")
	if err != nil {
		t.Fatal(err)
	}
	for i := range again {
		if !bytes.Equal(again[i].Data, indexes[i].Data) {
			t.Errorf("%s depends on the order of the files", again[i].Path)
		}
	}
	return dir
}

// apt is the real one, with nothing of this machine's own: no sources, no lists, no
// configuration, no installed packages but those of a status.
type apt struct{ dir string }

func newApt(t testing.TB, source, status string) *apt {
	t.Helper()
	programs(t, "apt-get")
	a := &apt{dir: t.TempDir()}
	for _, d := range []string{"state/lists/partial", "cache/archives/partial", "etc/sources.list.d", "etc/trusted.gpg.d", "etc/preferences.d", "etc/apt.conf.d"} {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(a.dir, "etc/sources.list"), []byte(source+"\n"))
	write(t, filepath.Join(a.dir, "state/status"), []byte(status))
	conf := fmt.Sprintf(`Dir::Etc::main "apt.conf"; Dir::Etc::parts "apt.conf.d"; Dir::Etc "%[1]s/etc"; Dir::Etc::sourcelist "sources.list"; Dir::Etc::sourceparts "sources.list.d"; Dir::Etc::trusted "none"; Dir::Etc::trustedparts "trusted.gpg.d";
Dir::Etc::preferences "preferences"; Dir::Etc::preferencesparts "preferences.d";
Dir::State "%[1]s/state"; Dir::State::status "%[1]s/state/status"; Dir::State::extended_states "%[1]s/state/extended_states"; Dir::Cache "%[1]s/cache"; Dir::Log "%[1]s";
APT::Architecture "%[2]s"; APT::Architectures "%[2]s"; APT::Install-Recommends "false"; APT::Sandbox::User "root"; Acquire::Languages "none"; APT::Get::List-Cleanup "false";
`, a.dir, strings.TrimSpace(run(t, "dpkg", "--print-architecture")))
	write(t, filepath.Join(a.dir, "apt.conf"), []byte(conf))
	return a
}

func (a *apt) get(args ...string) (string, error) {
	return runFails([]string{"APT_CONFIG=" + filepath.Join(a.dir, "apt.conf")}, "apt-get", args...)
}

func TestAptTakesThePrivateRepositoryAsItIs(t *testing.T) {
	programs(t, "apt-get", "dpkg-deb")
	dir := private(t)
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	for _, source := range []string{
		"deb [trusted=yes] file:" + dir + " /",
		"deb [trusted=yes] file:" + dir + " ./",
		"deb [trusted=yes] copy:" + dir + " /",
		"deb [trusted=yes] " + server.URL + "/ /",
	} {
		a := newApt(t, source, "")
		out, err := a.get("update")
		if err != nil || strings.Contains(out, "W:") || strings.Contains(out, "E:") {
			t.Errorf("%s: %v\n%s", source, err, out)
		}
		out, err = a.get("install", "--simulate", "greeting")
		if err != nil || !strings.Contains(out, "Inst words (3 ") || !strings.Contains(out, "Inst greeting (1:2.0-1~deb12+1 ") || strings.Contains(out, "cannot be authenticated") {
			t.Errorf("%s: %v\n%s", source, err, out)
		}
		if out, err = a.get("install", "--yes", "--download-only", "greeting"); err != nil {
			t.Errorf("%s: %v\n%s", source, err, out)
		}
	}
}

func TestAptRefusesWhatWasChangedInThePrivateRepository(t *testing.T) {
	programs(t, "apt-get", "dpkg-deb")
	for _, c := range []struct{ change, want string }{
		{"Packages", "Packages"},
		{"pool/words_3_all.deb", "words"},
	} {
		dir := private(t)
		name := filepath.Join(dir, c.change)
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)/2] ^= 1
		write(t, name, content)
		server := httptest.NewServer(http.FileServer(http.Dir(dir)))
		for _, place := range []string{"file:" + dir, server.URL + "/"} {
			a := newApt(t, "deb [trusted=yes] "+place+" /", "")
			out, err := a.get("update")
			if err == nil && !strings.Contains(out, "E:") && !strings.Contains(out, "W:") {
				out, err = a.get("install", "--yes", "--download-only", "words")
			}
			if err == nil || !strings.Contains(out, c.want) || !strings.Contains(out, "Hash Sum mismatch") && !strings.Contains(out, "unexpected size") {
				t.Errorf("%s of %s was changed: %v\n%s", c.change, place, err, out)
			}
		}
		server.Close()
	}
}

func TestThePrivateRepositoryHasWhatThePackagesSay(t *testing.T) {
	dir := private(t)
	content, err := os.ReadFile(filepath.Join(dir, "Packages"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), " In more than one line.\n .\n And a paragraph.\n") {
		t.Errorf("the description is not whole:\n%s", content)
	}
	arch := strings.TrimSpace(run(t, "dpkg", "--print-architecture"))
	x := readIndex(t, bytes.NewReader(content), "file:"+dir, arch)
	got, err := Resolve([]*Index{x}, nil, Request{Names: []string{"greeting"}})
	if err != nil || names(got) != "greeting=1:2.0-1~deb12+1 words=3" {
		t.Fatalf("%s, %v", names(got), err)
	}
	if got[1].Filename != "pool/words_3_all.deb" {
		t.Error(got[1].Filename)
	}
}

func TestAllFilesThatAreNoPackagesAreTold(t *testing.T) {
	programs(t, "dpkg-deb")
	build := t.TempDir()
	good := buildDeb(t, build, "gzip", words)
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	of := func(path string, content []byte) PackageFile {
		return PackageFile{Path: path, SHA256: strings.Repeat("0", 64), Size: 5, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
	}
	bad := fileOf(t, good, "pool/sum.deb")
	bad.SHA256 = "0"
	_, err = WriteRepository([]PackageFile{
		of("pool/a.deb", content), of("pool/b.deb", content), of("../c.deb", content), of("pool/d.deb", content[:100]), of("pool/e.deb", []byte("<html>")),
		of("pool/f.deb", content[:70]), of("pool/g.txt", content), of("pool/h i.deb", content), bad,
		of("pool/rpm.deb", append([]byte("!<arch>\nother           0           0     0     100644  0         `\n"), content...)),
		of("pool/none.deb", []byte("!<arch>\ndebian-binary   0           0     0     100644  4         `\n2.0\n")),
	}, "bookworm")
	mustFail(t, err, `"pool/b.deb": it is words 3 for all, as pool/a.deb is`, `"../c.deb": the file name`, `"pool/d.deb": it is cut short`, `"pool/e.deb": it is no .deb`,
		`"pool/f.deb"`, `"pool/g.txt": this is no plain path`, `"pool/h i.deb"`, `"pool/sum.deb": "0" is no SHA-256`, `"pool/rpm.deb": it is no .deb: its first member`, `"pool/none.deb": it is no .deb: it has no member control.tar`)
	_, err = WriteRepository(nil, "../bookworm")
	mustFail(t, err, "no codename")
}

func TestARepositoryOfNothingIsOneToApt(t *testing.T) {
	programs(t, "apt-get")
	dir := t.TempDir()
	files, err := WriteRepository(nil, "noble")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		write(t, filepath.Join(dir, f.Path), f.Data)
	}
	if out, err := newApt(t, "deb [trusted=yes] file:"+dir+" /", "").get("update"); err != nil || strings.Contains(out, "W:") {
		t.Errorf("%v\n%s", err, out)
	}
}

func FuzzDeb(f *testing.F) {
	f.Add([]byte("!<arch>\ndebian-binary   0           0     0     100644  4         `\n2.0\ncontrol.tar     0           0     0     100644  1024      `\n" + strings.Repeat("\x00", 1024)))
	f.Add([]byte("!<arch>\ndebian-binary   0           0     0     100644  4         `\n2.0\ncontrol.tar.gz  0           0     0     100644  10        `\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"))
	f.Fuzz(func(t *testing.T, content []byte) {
		control, err := readControl(bytes.NewReader(content))
		if err == nil && control == nil {
			t.Error("there is neither a control file nor an error")
		}
	})
}
