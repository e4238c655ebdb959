package render_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/templates"
)

// room is a host's directories, for the real scripts at their real paths: they stand in the
// place of this machine's in a mount namespace of its own.
type room struct{ dir string }

// places are the directories that the scripts write to.
var places = []string{"/etc", "/opt", "/root", "/run", "/usr/local", "/var/lib", "/var/log"}

// newRoom makes a host x, of this role, that runs these steps; more are lines for its
// host.env.
func newRoom(t *testing.T, steps string, more ...string) room {
	t.Helper()
	for _, program := range []string{"unshare", "ip", "flock"} {
		need(t, program, "util-linux, iproute2")
	}
	if err := exec.Command("unshare", "--mount", "true").Run(); err != nil {
		if os.Getenv("SATCHEL_TOOLS") == "required" {
			t.Fatalf("no mount namespace: %v", err)
		}
		t.Skipf("no mount namespace: %v", err)
	}
	r := room{t.TempDir()}
	for _, place := range places {
		if err := os.MkdirAll(r.dir+place, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"passwd", "group", "nsswitch.conf", "os-release"} {
		if text, err := os.ReadFile("/etc/" + name); err == nil {
			r.write(t, "/etc/"+name, string(text))
		}
	}
	// Debian has awk by a link there.
	if _, err := os.Stat("/etc/alternatives"); err == nil {
		quiet(t, r.dir, "cp", "-a", "/etc/alternatives", "etc")
	}
	r.write(t, "/etc/machine-id", strings.Repeat("0a", 16)+"\n")
	r.write(t, "/run/systemd/system/there", "")
	err := fs.WalkDir(templates.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, ".tmpl") || !strings.HasSuffix(path, ".sh") {
			return err
		}
		text, err := templates.FS.ReadFile(path)
		if err == nil {
			r.write(t, "/opt/bundle/"+path, string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	family := "debian"
	if text, _ := os.ReadFile("/etc/os-release"); !strings.Contains(string(text), "debian") {
		family = "rhel"
	}
	env := []string{"CLUSTER_NAME='c'", "BUNDLE_VERSION='1'", "HOST_NAME='x'", "HOST_ADDRESS='127.0.0.1'", "INTERFACE='lo'", "HOST_ARCH='" + runtime.GOARCH + "'",
		"OS_FAMILY='" + family + "'", "HOST_ROLES='none'", "HOST_STEPS='" + steps + "'", "HOST_NEEDS=''", "HOST_FILES=''", "HOST_IMAGES=''",
		"REGISTRY=''", "REGISTRY_MODE=''", "REGISTRY_ADDRESS=''"}
	r.write(t, "/opt/bundle/hosts/x/host.env", strings.Join(append(env, more...), "\n")+"\n")
	r.write(t, "/opt/bundle/hosts/x/hosts", "127.0.0.1 x\n")
	r.write(t, "/opt/bundle/bundle.json", "{}\n")
	return r
}

// write makes a file of the host's, a script if it is below a bin.
func (r room) write(t *testing.T, path, text string) {
	t.Helper()
	file := r.dir + path
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (r room) read(path string) string {
	text, err := os.ReadFile(r.dir + path)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (r room) has(path string) bool {
	_, err := os.Lstat(r.dir + path)
	return err == nil
}

// sum writes the list of the bundle's files anew.
func (r room) sum(t *testing.T) {
	t.Helper()
	bundle := r.dir + "/opt/bundle"
	var lines []string
	err := filepath.WalkDir(bundle, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "SHA256SUMS" {
			return err
		}
		text, err := os.ReadFile(path)
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(text), path[len(bundle)+1:]))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	r.write(t, "/opt/bundle/SHA256SUMS", strings.Join(lines, ""))
}

// run executes a script on the host. Programs in /opt/bin come before the machine's own.
func (r room) run(t *testing.T, script string) (string, error) {
	t.Helper()
	r.sum(t)
	mounts := ""
	for _, place := range places {
		mounts += "mount --bind '" + r.dir + place + "' " + place + "\n"
	}
	cmd := exec.Command("unshare", "--mount", "--uts", "bash", "-euc", mounts+"cd /\nexport PATH=/opt/bin:$PATH\n"+script)
	cmd.Env = append(os.Environ(), "SATCHEL_WAIT=5")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (r room) must(t *testing.T, script string) string {
	t.Helper()
	out, err := r.run(t, script)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func (r room) fails(t *testing.T, script, want string) {
	t.Helper()
	out, err := r.run(t, script)
	if err == nil || !strings.Contains(out, want) {
		t.Fatalf("%v, without %q:\n%s", err, want, out)
	}
}

// systemd stands in for systemctl, which needs a system that was booted: it says that all
// units are enabled and active, and writes down what it is told to do.
const systemd = `#!/bin/bash
case $1 in
is-active | is-enabled | show | cat | list-units) ;;
*) printf '%s\n' "$*" >>/var/log/systemctl ;;
esac
`

const (
	roomInstall = "/opt/bundle/install.sh --host x\n"
	roomReset   = "/opt/bundle/reset.sh --yes --host x\n"
	thing       = `. "$BUNDLE/steps/lib.sh"
scratch
printf 'ours\n' >"$NEW"
settle /etc/thing 644
`
)

// thingRoom is a host with a step that makes a file.
func thingRoom(t *testing.T) room {
	r := newRoom(t, "05-preflight.sh 50-thing.sh")
	r.write(t, "/opt/bundle/steps/50-thing.sh", thing)
	r.write(t, "/opt/bin/systemctl", systemd)
	return r
}
