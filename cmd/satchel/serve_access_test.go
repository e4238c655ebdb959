package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/bundle"
)

// letThrough lets everybody through the directories that this test has made for a path.
func letThrough(t *testing.T, path string) {
	t.Helper()
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	temp, err := filepath.EvalSymlinks(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(path); strings.HasPrefix(dir, temp+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := openToAll(filepath.Dir(path), 0); err != nil {
		t.Skipf("directories for temporary files are not for everybody here: %v", err)
	}
}

func satchelProgram(t *testing.T) string {
	t.Helper()
	own, err := exec.LookPath("satchel")
	if err != nil {
		t.Fatal(err)
	}
	return own
}

// TestUnitsAreForWhatTheServiceCanRead compares what is said with what another user can
// do, where tests may become one.
func TestUnitsAreForWhatTheServiceCanRead(t *testing.T) {
	letThrough(t, satchelProgram(t))
	packed := emptyBundle(t)
	letThrough(t, packed)
	unpacked := filepath.Join(filepath.Dir(packed), "all")
	if err := bundle.Unpack(t.Context(), packed, unpacked, ""); err != nil {
		t.Fatal(err)
	}
	near := filepath.Join(filepath.Dir(packed), "near")
	closed := filepath.Join(filepath.Dir(packed), "closed")
	inner := filepath.Join(closed, "inner")
	if err := errors.Join(os.MkdirAll(inner, 0o755), os.Symlink(inner, near), os.Link(packed, filepath.Join(inner, "b.tar"))); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what, bundle, read string // read is a file that the service reads
		path               string
		mode               fs.FileMode
		wrong              string // or empty
	}{
		{"archive", packed, packed, packed, 0o644, ""},
		{"archive for its owner", packed, packed, packed, 0o600, `my b.tar" has mode 0600`},
		{"archive for a group", packed, packed, packed, 0o640, `my b.tar" has mode 0640`},
		{"directory on the way", packed, packed, filepath.Dir(packed), 0o750, `has mode 0750`},
		{"directory that does not list", packed, packed, filepath.Dir(packed), 0o711, ""},
		{"directory behind a link", filepath.Join(near, "b.tar"), filepath.Join(near, "b.tar"), closed, 0o700, `closed" has mode 0700`},
		{"link", filepath.Join(near, "b.tar"), filepath.Join(near, "b.tar"), closed, 0o711, ""},
		{"tree", unpacked, unpacked + "/images/index.json", unpacked, 0o755, ""},
		{"tree for its owner", unpacked, unpacked + "/images/index.json", unpacked, 0o700, `all" has mode 0700`},
		{"images for their owner", unpacked, unpacked + "/images/index.json", unpacked + "/images", 0o750, `images" has mode 0750`},
		{"one file for its owner", unpacked, unpacked + "/images/index.json", unpacked + "/images/index.json", 0o640, `index.json" has mode 0640`},
		{"a file that is not served", unpacked, unpacked + "/images/index.json", unpacked + "/SHA256SUMS", 0o600, ""},
	} {
		t.Run(test.what, func(t *testing.T) {
			before, err := os.Stat(test.path)
			if err == nil {
				err = os.Chmod(test.path, test.mode)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer os.Chmod(test.path, before.Mode())
			units := filepath.Join(t.TempDir(), "units")
			out, err := exec.CommandContext(t.Context(), "satchel", "serve", test.bundle, "--units", units).CombinedOutput()
			_, none := os.Stat(filepath.Join(units, serviceUnit))
			if test.wrong == "" && (err != nil || none != nil) {
				t.Errorf("it is refused: %v\n%s", err, out)
			}
			if test.wrong != "" && (err == nil || none == nil || !strings.Contains(string(out), test.wrong) || !strings.Contains(string(out), "change that mode (o+rX)")) {
				t.Errorf("it says %v, %q", err, out)
			}
			if os.Geteuid() != 0 {
				return // only root can be another user
			}
			err = exec.CommandContext(t.Context(), need(t, "setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", "cat", test.read).Run()
			if (err != nil) != (test.wrong != "") {
				t.Errorf("another user reads it: %v", err)
			}
		})
	}
}
