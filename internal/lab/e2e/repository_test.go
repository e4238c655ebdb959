//go:build lab && linux

package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
)

// debianMirror is a signed flat repository on this machine with the packages and all that
// they depend on, filled by apt itself, and its key.
func debianMirror(t *testing.T, names ...string) (dir, key string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	inDir(t, dir, "mkdir partial && : >status && apt-get -q -y -o APT::Sandbox::User=root -o Dir::State::status=$PWD/status -o Dir::Cache::archives=$PWD --no-install-recommends --download-only install "+strings.Join(names, " ")+" >&2")
	return dir, signRepository(t, dir)
}

// inDir runs a command of the shell in a directory and gives what it prints.
func inDir(t *testing.T, dir, command string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", "set -eo pipefail; "+command)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		if os.Getenv("SATCHEL_TOOLS") == "required" {
			t.Fatalf("cannot fill a repository here: %v: %s", err, command)
		}
		t.Skipf("apt and dpkg-scanpackages cannot fill a repository here: %v", err)
	}
	return out
}

// signRepository makes a flat repository of the packages in a directory, signed by a new
// key, which it gives.
func signRepository(t *testing.T, dir string) (key string) {
	t.Helper()
	packages := inDir(t, dir, "dpkg-scanpackages --multiversion . /dev/null")
	release := fmt.Sprintf("Origin: test\nDate: %s\nArchitectures: amd64 all\nSHA256:\n %x %d Packages\n",
		time.Now().UTC().Format(time.RFC1123), sha256.Sum256(packages), len(packages))
	entity, err := openpgp.NewEntity("test", "", "test@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	var signed, public bytes.Buffer
	w, err := clearsign.Encode(&signed, entity.PrivateKey, nil)
	if err == nil {
		_, err = w.Write([]byte(release))
		w.Close()
	}
	armored, armorErr := armor.Encode(&public, openpgp.PublicKeyType, nil)
	if err != nil || armorErr != nil || entity.Serialize(armored) != nil {
		t.Fatal("cannot sign the repository")
	}
	armored.Close()
	for name, data := range map[string][]byte{"Packages": packages, "InRelease": signed.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return public.String() + "\n"
}
