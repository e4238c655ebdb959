// Package checktest is the test that each program of package check has to
// pass, whatever release it is compiled from.
package checktest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/testdata/decode/check"
)

// Run judges the files below dir that are for the release: those of the folder
// "manifest" and those of the folder named after the configuration API that
// its kubeadm writes. A file's name says which judgement is right:
//
//	good-*.yaml          it passes
//	bad-*.yaml           it fails
//	since-1.27-*.yaml    it fails before v1.27 and passes from then on
//	until-1.25-*.yaml    it passes up to v1.25 and fails from then on
//
// A file that fails somewhere says with what words, "# want: WORDS"; one that
// is about a cluster of another release says so, "# release: vX.Y.Z". These are
// the first lines of the file.
func Run(t *testing.T, release check.Release, dir string) {
	t.Helper()
	manifests := fixtures(t, filepath.Join(dir, "manifest"))
	configs := fixtures(t, filepath.Join(dir, check.ConfigAPI()))
	for flag, files := range map[string][]string{"--manifest": manifests, "--kubeadm": configs} {
		for _, file := range files {
			file := file
			t.Run(flag[2:]+"/"+filepath.Base(file), func(t *testing.T) { judge(t, release, flag, file) })
		}
	}
	t.Run("keep going reports every file", func(t *testing.T) { keepGoing(t, release, configs) })
	t.Run("wrong usage is status 2", func(t *testing.T) { wrongUsage(t, release) })
}

func fixtures(t *testing.T, dir string) []string {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) < 10 {
		t.Fatalf("fixtures are %q, %v", files, err)
	}
	return files
}

func judge(t *testing.T, release check.Release, flag, file string) {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--keepgoing", flag, file}
	if cluster := header(content, "release"); cluster != "" {
		args = append([]string{"--release", cluster}, args...)
	}
	var stdout, stderr bytes.Buffer
	status := check.Main(release, args, &stdout, &stderr)
	if passes(t, release, filepath.Base(file)) {
		if status != 0 || stderr.Len() > 0 {
			t.Errorf("status %d: %s", status, &stderr)
		}
		return
	}
	want := header(content, "want")
	if want == "" {
		t.Fatal("the file does not say what words to want")
	}
	if status != 1 || !strings.Contains(stderr.String(), file) || !strings.Contains(stderr.String(), want) {
		t.Errorf("status %d, want 1, the file's name and %q: %s", status, want, &stderr)
	}
}

// header is the value of a comment before the first document.
func header(content []byte, key string) string {
	for _, line := range strings.Split(string(content), "\n") {
		if !strings.HasPrefix(line, "#") {
			break
		}
		if value, ok := strings.CutPrefix(line, "# "+key+": "); ok {
			return value
		}
	}
	return ""
}

// passes is the right judgement about a file of that name.
func passes(t *testing.T, release check.Release, name string) bool {
	word, rest, _ := strings.Cut(name, "-")
	minor := func(version, layout string) (n int) {
		if _, err := fmt.Sscanf(version, layout, &n); err != nil {
			t.Fatalf("reading the minor version of %q: %v", version, err)
		}
		return n
	}
	switch word {
	case "good", "bad":
		return word == "good"
	case "since":
		return minor(release.Version, "v1.%d.") >= minor(rest, "1.%d-")
	case "until":
		return minor(release.Version, "v1.%d.") <= minor(rest, "1.%d-")
	}
	t.Fatalf("the name does not say which judgement is right")
	return false
}

func keepGoing(t *testing.T, release check.Release, files []string) {
	args := []string{"--kubeadm"}
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "bad-") {
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

func wrongUsage(t *testing.T, release check.Release) {
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
