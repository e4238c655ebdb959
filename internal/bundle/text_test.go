package bundle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestATextOfABundleInAnyForm(t *testing.T) {
	for _, name := range []string{"a.tar", "a.tar.gz", "a.tar.zst"} {
		path := build(t, sample(t), name)
		for _, path := range []string{path, unpacked(t, path)} {
			if got, err := Text(t.Context(), path, "install.sh"); err != nil || string(got) != "#!/bin/bash\n" {
				t.Errorf("%s: got %q, %v", path, got, err)
			}
			if got, err := Text(t.Context(), path, "hosts/master1/host.env"); err != nil || len(got) != 0 {
				t.Errorf("%s: got %q, %v", path, got, err)
			}
			if _, err := Text(t.Context(), path, "nothing"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: got %v", path, err)
			}
		}
	}
}

func TestATextThatIsNotAsListedIsRefused(t *testing.T) {
	dir := unpacked(t, build(t, sample(t), "a.tar"))
	file := filepath.Join(dir, "install.sh")
	for _, change := range []func() error{
		func() error { return os.WriteFile(file, []byte("#!/bin/dash\n"), 0o755) },
		func() error { return os.WriteFile(file, make([]byte, 1<<20), 0o755) },
		func() error { return os.Remove(file) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if _, err := Text(t.Context(), dir, "install.sh"); err == nil || !strings.Contains(err.Error(), "verify the bundle") {
			t.Errorf("got %v", err)
		}
	}
}
