package rpm

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/repository"
)

// signedRPMs are the packages of the tests whose file names match, signed with a key of their own by rpmsign.
func signedRPMs(t *testing.T, pattern string) (dir, keyFile string) {
	t.Helper()
	programs(t, "rpmsign", "gpg")
	from := rpms(t)
	home, err := os.MkdirTemp("", "gpg") // t.TempDir is too long a name for gpg's sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "gpg-agent").Run()
		_ = os.RemoveAll(home)
	})
	gpg := []string{"--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}
	run(t, "gpg", append(gpg, "--quick-gen-key", "packages", "rsa2048", "sign")...)
	keyFile = filepath.Join(t.TempDir(), "RPM-GPG-KEY")
	write(t, keyFile, []byte(run(t, "gpg", append(gpg, "--armor", "--export")...)))
	dir = t.TempDir()
	var files []string
	for _, name := range glob(t, from) {
		if ok, _ := filepath.Match(pattern, filepath.Base(name)); !ok {
			continue
		}
		files = append(files, filepath.Join(dir, filepath.Base(name)))
		link(t, name, files[len(files)-1])
	}
	program, err := exec.LookPath("gpg")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--define", "__gpg " + program, "--define", "_gpg_name packages", "--define", "_gpg_path " + home,
		"--define", "_gpg_sign_cmd_extra_args --batch --pinentry-mode loopback --passphrase ''", "--addsign"}
	run(t, "rpmsign", append(args, files...)...)
	return dir, keyFile
}

func TestDnfInstallsFromThePrivateRepositoryWithItsChecksOn(t *testing.T) {
	programs(t, "dnf", "rpm")
	signed, keyFile := signedRPMs(t, "*")
	repo, root := private(t, signed), t.TempDir()
	check := []string{"--setopt=test.gpgcheck=1", "--setopt=localpkg_gpgcheck=1", "--setopt=test.gpgkey=file://" + keyFile}
	if out, err := dnf(t, root, repo, append(check, "install", "pinned-0.9", "rich-if-both", "lib-2:0.9")...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	// What the host says of itself, and what it lacks then.
	said := run(t, "rpm", "--root", root, "-qa", "--qf", InstalledFormat)
	installed, err := ReadInstalled(strings.NewReader(said))
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	short, err := ReadInstalled(strings.NewReader(run(t, "rpm", "--root", root, "-qa", "--qf", `%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}\n`)))
	if err != nil || len(short.packages) != len(installed.packages) {
		t.Fatalf("%d packages and %d, %v", len(short.packages), len(installed.packages), err)
	}
	arch := machine(t)
	if got, want := names(installed.Packages()), strings.ReplaceAll("lib-2:0.9-1.x pinned-0.9-1.x rich-if-1-1.x rich-if-both-1-1.x settings-1-1.x words-1-1.x", ".x", "."+arch); got != want {
		t.Fatalf("%s is installed, and not %s", got, want)
	}
	x := openDir(t, repo)
	for _, names := range [][]string{{"app"}, {"pinned"}, {"rich-and"}, {"rich-range"}, {"lowest"}, {"settings"}, {"rich-or", "/usr/bin/tool"}, {"lib-2:1.0"}} {
		for _, host := range []*Installed{installed, short} {
			list, err := Resolve([]*Index{x}, host, ask(names...))
			if err != nil {
				t.Errorf("%v: %v", names, err)
				continue
			}
			var got []string
			for _, p := range list {
				got = append(got, p.String())
			}
			slices.Sort(got)
			if want, ok := dnfWould(t, root, repo, names...); !ok || !slices.Equal(got, want) {
				t.Errorf("%v\n dnf: %v\n here: %v", names, want, got)
			}
		}
	}

	// All of it, and rpm finds nothing amiss.
	if out, err := dnf(t, root, repo, append(check, "install", "app", "noarch-one")...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run(t, "rpm", "--root", root, "-Va", "--nofiles")
	if _, err := os.Stat(filepath.Join(root, "usr/share/words/list.txt")); err != nil {
		t.Error(err)
	}
}

func TestDnfRefusesWhatWasChangedInThePrivateRepository(t *testing.T) {
	programs(t, "dnf", "rpm")
	for _, c := range []struct{ change, want string }{
		{"repodata/primary.xml", "primary"},
		{"packages/words-1-1." + machine(t) + ".rpm", "words"},
	} {
		repo := private(t, rpms(t))
		name := filepath.Join(repo, c.change)
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)/2] ^= 1
		write(t, name, content)
		if out, err := dnf(t, t.TempDir(), repo, "--setopt=test.gpgcheck=0", "install", "words"); err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s was changed: %v\n%s", c.change, err, out)
		}
	}
}

func TestDnfRefusesUnsignedPackagesOfThePrivateRepository(t *testing.T) {
	programs(t, "dnf", "rpm")
	repo := private(t, rpms(t))
	out, err := dnf(t, t.TempDir(), repo, "--setopt=test.gpgcheck=1", "install", "words")
	if err == nil || !strings.Contains(out, "not signed") && !strings.Contains(out, "GPG") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestOnlyWholePackagesSignedByTheKeysAreGood(t *testing.T) {
	dir, keyFile := signedRPMs(t, "t*")
	keys, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range glob(t, dir) {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		by, err := VerifyPackage(bytes.NewReader(content), keys, time.Now())
		if err != nil || len(by) != 1 || len(by[0]) != 40 {
			t.Fatalf("%s: %v, %v", name, by, err)
		}
		_, err = VerifyPackage(bytes.NewReader(content), public(t, newKey(t, 0)), time.Now())
		mustFail(t, err, "is not among those given")
		// Whatever byte of the headers and the payload is changed, and wherever it ends.
		f, err := readFile(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		for at := f.start; at < int64(len(content)); at += 97 {
			broken := bytes.Clone(content)
			broken[at] ^= 4
			if _, err := VerifyPackage(bytes.NewReader(broken), keys, time.Now()); err == nil {
				t.Fatalf("%s with another byte at %d is taken", name, at)
			}
			if _, err := VerifyPackage(bytes.NewReader(content[:at]), keys, time.Now()); err == nil {
				t.Fatalf("the first %d bytes of %s are taken", at, name)
			}
		}
	}
	unsigned, err := os.ReadFile(glob(t, rpms(t))[0])
	if err != nil {
		t.Fatal(err)
	}
	_, err = VerifyPackage(bytes.NewReader(unsigned), keys, time.Now())
	mustFail(t, err, "it is not signed")
}

// The indexes say what those of createrepo_c say of the same packages.
func TestThePrivateRepositoryHasWhatCreaterepoHas(t *testing.T) {
	theirDir, _ := createrepo(t, "--general-compress-type=gz")
	ours := private(t, rpms(t))
	for _, kind := range []string{"primary", "filelists"} {
		theirs, err := filepath.Glob(filepath.Join(theirDir, "repodata", "*-"+kind+".xml.gz"))
		if err != nil || len(theirs) != 1 {
			t.Fatal(theirs, err)
		}
		content, err := os.ReadFile(theirs[0])
		if err != nil {
			t.Fatal(err)
		}
		mine, err := os.ReadFile(filepath.Join(ours, "repodata", kind+".xml"))
		if err != nil {
			t.Fatal(err)
		}
		a, b := leaves(t, ".gz", content), leaves(t, "", mine)
		if len(a) < 20 || !slices.Equal(a, b) {
			for _, l := range a {
				if !slices.Contains(b, l) {
					t.Errorf("%s: only createrepo_c has %s", kind, l)
				}
			}
			for _, l := range b {
				if !slices.Contains(a, l) {
					t.Errorf("%s: only the private repository has %s", kind, l)
				}
			}
		}
	}
}

// leaves are the packages of an index, each as its elements in the order of their text.
func leaves(t *testing.T, suffix string, content []byte) []string {
	t.Helper()
	form := repository.Plain
	if suffix != "" {
		form = repository.Formats[1]
	}
	var all []string
	err := form.Decompress(content, repository.MaxIndex, func(r io.Reader) error {
		s := newScanner(r)
		var path []string
		var pack []string
		for {
			piece, err := s.next()
			if err != nil {
				return nil
			}
			switch piece {
			case startPiece:
				path = append(path, string(s.name))
				var attributes []string
				if err := s.each(func(name, value []byte) error {
					if string(name) != "file" && string(name) != "xmlns" && string(name) != "packages" { // a time, and what differs in form
						attributes = append(attributes, string(name)+"="+string(value))
					}
					return nil
				}); err != nil {
					return err
				}
				slices.Sort(attributes)
				pack = append(pack, strings.Join(path, ">")+" "+strings.Join(attributes, " "))
			case textPiece:
				if text := strings.TrimSpace(string(s.text)); text != "" {
					pack = append(pack, strings.Join(path, ">")+" "+text)
				}
			case endPiece:
				if path[len(path)-1] == "package" {
					slices.Sort(pack)
					all = append(all, strings.Join(pack, "\n"))
					pack = nil
				}
				path = path[:len(path)-1]
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}
