// Package checktest is the test that each compiled version of package check
// has to pass with its own fixtures.
package checktest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/testdata/decode/check"
)

// Run judges every file of dir by its name: "good-kubeadm-*.yaml" and
// "good-manifest-*.yaml" must pass; "bad-..." must fail with a message that
// has the words of the file's first line, "# want: WORDS". Manifests
// whose name has "-old-" are judged for a cluster of v1.23.8.
func Run(t *testing.T, release, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) < 10 {
		t.Fatalf("fixtures are %q, %v", files, err)
	}
	for _, file := range files {
		file := file
		t.Run(filepath.Base(file), func(t *testing.T) { judge(t, release, file) })
	}
	t.Run("keep going reports every file", func(t *testing.T) { keepGoing(t, release, files) })
	t.Run("wrong usage is status 2", func(t *testing.T) { wrongUsage(t, release) })
}

func judge(t *testing.T, release, file string) {
	parts := strings.SplitN(filepath.Base(file), "-", 3)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	args := []string{"--keepgoing", "--" + parts[1], file}
	if strings.Contains(file, "-old-") {
		args = append([]string{"--release", "v1.23.8"}, args...)
	}
	status := check.Main(release, args, &stdout, &stderr)
	if parts[0] == "good" {
		if status != 0 || stderr.Len() > 0 {
			t.Errorf("status %d: %s", status, &stderr)
		}
		return
	}
	first, _, _ := strings.Cut(string(content), "\n")
	want, ok := strings.CutPrefix(first, "# want: ")
	if !ok {
		t.Fatalf("the first line is %q, not what to want", first)
	}
	if status != 1 || !strings.Contains(stderr.String(), file) || !strings.Contains(stderr.String(), want) {
		t.Errorf("status %d, want 1, the file's name and %q: %s", status, want, &stderr)
	}
}

func keepGoing(t *testing.T, release string, files []string) {
	bad := 0
	args := []string{"--kubeadm"}
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "bad-kubeadm-") {
			bad++
			args = append(args, file)
		}
	}
	var stdout, stderr bytes.Buffer
	if status := check.Main(release, args, &stdout, &stderr); status != 1 || strings.Count(stderr.String(), filepath.Dir(files[0])) != 1 {
		t.Errorf("without --keepgoing: status %d, %s", status, &stderr)
	}
	stderr.Reset()
	if status := check.Main(release, append([]string{"--keepgoing"}, args...), &stdout, &stderr); status != 1 {
		t.Errorf("with --keepgoing: status %d", status)
	}
	for _, file := range args[1:] {
		if !strings.Contains(stderr.String(), file) {
			t.Errorf("nothing about %q", file)
		}
	}
}

func wrongUsage(t *testing.T, release string) {
	for _, args := range [][]string{nil, {"--manifest"}, {"x.yaml"}, {"--other", "x.yaml"}, {"--release"}, {"--release", "x", "--manifest", "y"}} {
		var stdout, stderr bytes.Buffer
		if status := check.Main(release, args, &stdout, &stderr); status != 2 || !strings.Contains(stderr.String(), "usage:") {
			t.Errorf("%q: status %d, %s", args, status, &stderr)
		}
	}
	var stdout, stderr bytes.Buffer
	if status := check.Main(release, []string{"--manifest", "missing.yaml"}, &stdout, &stderr); status != 1 || !strings.Contains(stderr.String(), "missing.yaml") {
		t.Errorf("a missing file: status %d, %s", status, &stderr)
	}
}
