package deb

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/repository"
)

// lists is where apt keeps the indexes of this machine's repositories.
const lists = "/var/lib/apt/lists"

// realList is the newest list of apt that a name ends with, decompressed. It skips the
// test where there is none: nothing is fetched by a test that only reads.
func realList(t testing.TB, pattern string) (string, []byte) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(lists, pattern))
	if err != nil || len(found) == 0 {
		t.Skipf("there is no %s in %s: run apt-get update on a Debian machine", pattern, lists)
	}
	content, err := exec.Command("/usr/lib/apt/apt-helper", "cat-file", found[0]).Output()
	if err != nil {
		t.Skipf("apt-helper cannot read %s: %v", found[0], err)
	}
	return found[0], content
}

var debianMain = sync.OnceValue(func() []byte {
	found, _ := filepath.Glob(filepath.Join(lists, "*_debian_dists_*_main_binary-amd64_Packages*"))
	for _, name := range found {
		content, err := exec.Command("/usr/lib/apt/apt-helper", "cat-file", name).Output()
		if err == nil && len(content) > 20<<20 { // that of updates is small
			return content
		}
	}
	return nil
})

// realIndex is all of Debian's main for amd64.
func realIndex(t testing.TB) []byte {
	t.Helper()
	content := debianMain()
	if content == nil {
		t.Skipf("there is no index of Debian's main for amd64 in %s: run apt-get update on a Debian machine", lists)
	}
	return content
}

// The lists of apt are what the mirror sent, so all that Debian signed can be checked
// again, on the day after it was signed.
func TestDebiansOwnRepositoryIsAccepted(t *testing.T) {
	keys, err := os.ReadFile("/usr/share/keyrings/debian-archive-keyring.gpg")
	if err != nil {
		t.Skip("Debian's keys are not on this machine: ", err)
	}
	name, signed := realList(t, "*_debian_dists_*_InRelease")
	_, after, _ := strings.Cut(filepath.Base(name), "_dists_")
	suite, _, _ := strings.Cut(after, "_")
	_, packages := realList(t, "*_debian_dists_"+suite+"_main_binary-amd64_Packages*")
	m := newMirror()
	m.files[base+"/dists/"+suite+"/InRelease"] = signed
	m.files[base+"/dists/"+suite+"/main/binary-amd64/Packages"] = packages
	repo := Repository{URL: base, Suites: []string{suite}, Components: []string{"main"}, Keys: keys}
	_, text, _ := strings.Cut(string(signed), "\nDate: ")
	text, _, _ = strings.Cut(text, "\n")
	date, err := parseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	x, err := open(m, repo, "amd64", date.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if r := x.Releases[0]; r.Codename != suite || len(r.SignedBy) == 0 {
		t.Errorf("%+v", r)
	}
	signed[len(signed)/3] ^= 1
	_, err = open(m, repo, "amd64", date.Add(24*time.Hour))
	mustFail(t, err, "InRelease", "was changed after signing")
}

// What gpg alone still makes: signatures and keys that are too weak.
func TestWeakSignaturesDoNotCount(t *testing.T) {
	programs(t, "gpg")
	for _, c := range []struct{ name, algorithm, digest, want string }{
		{"a good one", "rsa2048", "SHA512", ""},
		{"SHA-1", "rsa2048", "SHA1", "can be forged"},
		{"RSA of 1024 bits", "rsa1024", "SHA512", "RSA of 1024 bits"},
		{"DSA", "dsa2048", "SHA512", "DSA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			home, err := os.MkdirTemp("", "gpg") // t.TempDir is too long a name for gpg's sockets
			if err != nil {
				t.Fatal(err)
			}
			gpg := func(stdin string, args ...string) string {
				cmd := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
				cmd.Stdin = strings.NewReader(stdin)
				out, err := cmd.Output()
				if err != nil {
					if exit, ok := err.(*exec.ExitError); ok {
						t.Logf("%s", exit.Stderr)
					}
					t.Fatal(err)
				}
				return string(out)
			}
			t.Cleanup(func() {
				_ = exec.Command("gpgconf", "--homedir", home, "--kill", "gpg-agent").Run()
				_ = os.RemoveAll(home)
			})
			gpg("", "--quick-gen-key", "archive", c.algorithm, "sign")
			signed := gpg(bookwormFields, "--clearsign", "--digest-algo", c.digest, "--allow-weak-digest-algos")
			k, err := repository.ReadKeys([]byte(gpg("", "--armor", "--export")))
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = k.VerifyClear([]byte(signed), time.Now())
			if c.want != "" {
				mustFail(t, err, c.want, "does not count")
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}
