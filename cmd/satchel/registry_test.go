package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/standin"
)

// need finds a program that others wrote. Where it is missing the test is left
// out, unless SATCHEL_TOOLS says that it must not be.
func need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil && os.Getenv("SATCHEL_TOOLS") == "required" {
		t.Fatalf("SATCHEL_TOOLS is \"required\", and %s is not installed", program)
	}
	if err != nil {
		t.Skipf("%s is not installed", program)
	}
	return path
}

// realRegistry starts the reference registry over an empty directory, and stops
// it at the test's end. The registry chooses its port, so that nobody can take it.
func realRegistry(t testing.TB) (host string) {
	t.Helper()
	program := need(t, "docker-registry")
	config := filepath.Join(t.TempDir(), "config.yml")
	text := "version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\nhttp: {addr: \"127.0.0.1:0\"}\n" +
		"storage: {filesystem: {rootdirectory: " + t.TempDir() + "}}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "serve", config)
	said := &saying{want: regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`), found: make(chan string, 1)}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	select {
	case host = <-said.found:
	case <-time.After(20 * time.Second):
		t.Fatalf("the registry does not come up:\n%s", said)
	}
	return host
}

// saying is a program's output that is searched for one thing.
type saying struct {
	want  *regexp.Regexp
	found chan string
	mu    sync.Mutex
	text  bytes.Buffer
}

func (s *saying) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *saying) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	if m := s.want.FindSubmatch(s.text.Bytes()); m != nil {
		select {
		case s.found <- string(m[1]):
		default: // it was said before
		}
	}
	return len(p), nil
}

// TestFromARealRegistryToFilesThatOthersRead takes the reference spec through the
// registry that most of the world runs, and gives the result to skopeo, sha256sum
// and GNU tar.
func TestFromARealRegistryToFilesThatOthersRead(t *testing.T) {
	registry := realRegistry(t)
	s := newSite(t)
	p := s.plan()
	if err := standin.Push(t.Context(), registry, true, p.Images); err != nil {
		t.Fatal(err)
	}
	handler, err := standin.Files(p.Files)
	if err != nil {
		t.Fatal(err)
	}
	files := httptest.NewServer(handler)
	t.Cleanup(files.Close)
	s.pointAt(registry, strings.TrimPrefix(files.URL, "http://"))
	s.must("lock", "spec")
	s.must("build", "spec", "-o", "b.tar")
	s.must("verify", "b.tar")
	s.must("unpack", "b.tar", "-o", "b")
	t.Run("skopeo", func(t *testing.T) { checkSkopeo(t, s) })
	t.Run("sha256sum", func(t *testing.T) { checkSums(t, s) })
	t.Run("tar", func(t *testing.T) { checkTar(t, s) })
}

func checkSkopeo(t *testing.T, s *site) {
	program := need(t, "skopeo")
	skopeo := func(args ...string) []byte {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), program, append([]string{"--insecure-policy", "--override-os", "linux", "--override-arch", "amd64"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("skopeo %q: %v\n%s", args, err, out)
		}
		return out
	}
	for i, image := range s.plan().Images {
		ref := "oci:" + s.path("b/images") + ":" + image.Name
		var seen struct {
			Architecture string
			Layers       []string
		}
		if err := json.Unmarshal(skopeo("inspect", ref), &seen); err != nil || seen.Architecture != "amd64" || len(seen.Layers) != 2 {
			t.Errorf("%s: skopeo sees %+v, %v", image.Name, seen, err)
		}
		if i > 0 {
			continue
		}
		to := t.TempDir()
		skopeo("copy", "--preserve-digests", ref, "dir:"+to)
		for _, layer := range seen.Layers {
			if _, err := os.Stat(filepath.Join(to, strings.TrimPrefix(layer, "sha256:"))); err != nil {
				t.Error(err)
			}
		}
	}
}

func checkSums(t *testing.T, s *site) {
	cmd := exec.CommandContext(t.Context(), need(t, "sha256sum"), "--check", "--strict", "SHA256SUMS")
	cmd.Dir = s.path("b")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("install.sh: OK\n")) {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
}

// checkTar promises that tar sees every file, and that what it unpacks verifies.
func checkTar(t *testing.T, s *site) {
	program := need(t, "tar")
	out, err := exec.CommandContext(t.Context(), program, "--list", "--file", s.path("b.tar")).Output()
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(string(out))
	var want []string
	err = filepath.WalkDir(s.path("b"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(s.path("b"), path)
			want = append(want, path)
		}
		return err
	})
	slices.Sort(listed)
	slices.Sort(want)
	if err != nil || !slices.Equal(listed, want) {
		t.Errorf("tar lists %d files, unpacked are %d; %v", len(listed), len(want), err)
	}
	if err := os.Mkdir(s.path("by-tar"), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), program, "--extract", "--preserve-permissions", "--file", s.path("b.tar"), "--directory", s.path("by-tar")).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	s.must("verify", "by-tar")
}
