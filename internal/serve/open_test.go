package serve

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/bundle"
)

func TestWhatCannotBeServedIsSaid(t *testing.T) {
	path := packed(t)
	missing := unpacked(t, path)
	if err := os.Remove(filepath.Join(missing, "images/index.json")); err != nil {
		t.Fatal(err)
	}
	whole := read(t, path)
	cut := filepath.Join(t.TempDir(), "cut.tar")
	if err := os.WriteFile(cut, whole[:len(whole)-5000], 0o600); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]string{
		filepath.Join(t.TempDir(), "none"): "no such file",
		t.TempDir():                        "there is no bundle.json",
		missing:                            "images/index.json",
		cut:                                "cut short",
		compressed(t):                      "unpack it first: satchel unpack",
	} {
		if _, err := New(t.Context(), where); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), where) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func compressed(t *testing.T) string {
	t.Helper()
	f := newFixture(t)
	f.addFile("files/x", []byte("x"))
	return f.write("b.tar.zst")
}

func TestADamagedBundleSaysSoAndServesTheRest(t *testing.T) {
	dir := unpacked(t, packed(t))
	var said bytes.Buffer
	s := open(t, dir, WithLog(slog.New(slog.NewTextHandler(&said, nil))))
	layer := image(t, s, busybox).Platforms[0].Layers[0]
	err := errors.Join(
		os.Truncate(filepath.Join(dir, "images/blobs/sha256", layer[7:]), 10),
		os.Remove(filepath.Join(dir, "files/amd64/kubeadm")))
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{
		"/v2/docker.io/library/busybox/blobs/" + layer: `{"errors":[{"code":"UNKNOWN"`,
		"/files/amd64/kubeadm":                         "verify the bundle",
	} {
		if got := ask(s, "GET", target); got.Code != 500 || !strings.Contains(got.Body.String(), want) {
			t.Errorf("%s: %d %s", target, got.Code, got.Body)
		}
	}
	if n := strings.Count(said.String(), `level=ERROR msg="the bundle is damaged"`); n != 2 {
		t.Errorf("logged:\n%s", said.String())
	}
	if got := ask(s, "GET", "/v2/registry.k8s.io/pause/manifests/3.10"); got.Code != 200 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

func TestRequestsAreLoggedOnOneLineEach(t *testing.T) {
	var said bytes.Buffer
	s := open(t, packed(t), WithLog(slog.New(slog.NewTextHandler(&said, nil))))
	ask(s, "GET", "/healthz")
	ask(s, "GET", "/files/a%0alevel=ERROR")
	lines := strings.Split(strings.TrimSuffix(said.String(), "\n"), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "method=GET uri=/healthz status=200 bytes=3") || !strings.Contains(lines[1], "status=404") {
		t.Errorf("logged %q", lines)
	}
}

func TestNamesAreTakenApart(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	for image, want := range map[string][2]string{
		pause:                               {"registry.k8s.io/pause", "3.10"},
		private:                             {"registry.example:5000/team/tool", "v1"},
		"registry.example:5000/tool":        {"registry.example:5000/tool", ""},
		"quay.io/a/b:v1@" + digest:          {"quay.io/a/b", "v1"},
		"registry.example:5000/b@" + digest: {"registry.example:5000/b", ""},
	} {
		if name, tag := splitName(image); name != want[0] || tag != want[1] {
			t.Errorf("%s: %q, %q", image, name, tag)
		}
	}
}

// TestAManifestThatTheLayoutLacksStopsTheServer promises an error at the start in
// place of an answer without a type.
func TestAManifestThatTheLayoutLacksStopsTheServer(t *testing.T) {
	_, err := newCatalog([]bundle.Image{{Name: pause, Digest: "sha256:1"}}, map[string]string{"sha256:2": indexType}, nil)
	if err == nil || !strings.Contains(err.Error(), "sha256:1") || !strings.Contains(err.Error(), pause) {
		t.Errorf("got %v", err)
	}
}
