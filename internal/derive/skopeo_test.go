package derive

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/plan"
)

// need finds a program that others wrote. Where it is missing the test is left
// out, unless SATCHEL_TOOLS says that it must not be.
func need(t *testing.T, program string) string {
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

// startRegistry starts the reference registry over an empty directory, and stops
// it at the test's end.
func startRegistry(t *testing.T) (host string) {
	t.Helper()
	program := need(t, "docker-registry")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host = l.Addr().String()
	l.Close()
	config := filepath.Join(t.TempDir(), "config.yml")
	text := "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: " + t.TempDir() + "}}\nhttp: {addr: \"" + host + "\"}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "serve", config)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
		if resp, err := http.Get("http://" + host + "/v2/"); err == nil {
			resp.Body.Close()
			return host
		}
	}
	t.Fatal("docker-registry does not answer")
	return ""
}

// document is a manifest or index on its way to a registry.
type document struct {
	data []byte
	kind types.MediaType
}

func (d document) RawManifest() ([]byte, error)        { return d.data, nil }
func (d document) MediaType() (types.MediaType, error) { return d.kind, nil }

func put(t *testing.T, at string, data []byte, kind string) {
	t.Helper()
	ref, err := name.ParseReference(at, name.Insecure)
	if err == nil {
		err = remote.Put(ref, document{data, types.MediaType(kind)}, remote.WithContext(t.Context()))
	}
	if err != nil {
		t.Fatalf("putting %s: %v", at, err)
	}
}

// push puts an image into a registry, which checks the manifests, and what they
// point to, as it takes them.
func push(t *testing.T, repository string, img *Image, baseLayer []byte) {
	t.Helper()
	repo, err := name.NewRepository(repository, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	blobs := [][]byte{baseLayer, blob(t, img, img.Layer)}
	for i := range img.Manifests {
		blobs = append(blobs, blob(t, img, manifestOf(t, img, i).Config.Digest))
	}
	for _, data := range blobs {
		if err := remote.WriteLayer(repo, static.NewLayer(data, types.OCILayer), remote.WithContext(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range img.Manifests {
		put(t, repository+"@"+m.Digest, m.Data, m.MediaType)
	}
	top := blob(t, img, img.Digest)
	var kind struct{ MediaType string }
	if err := json.Unmarshal(top, &kind); err != nil {
		t.Fatal(err)
	}
	put(t, repository+":1", top, kind.MediaType)
}

// withLayer makes a base whose layer exists.
func withLayer(b Base, arch string, layer Blob, diffID string) Base {
	b.Platform = "linux/" + arch
	there := strings.NewReplacer(
		"sha256:"+strings.Repeat("1", 64), layer.Digest,
		"sha256:"+strings.Repeat("2", 64), diffID,
		`"size":3`, fmt.Sprintf(`"size":%d`, len(layer.Data)),
		`"architecture": "amd64"`, fmt.Sprintf(`"architecture": %q`, arch))
	b.Manifest = []byte(there.Replace(string(b.Manifest)))
	b.Config = []byte(there.Replace(string(b.Config)))
	return b
}

// TestARegistryTakesTheImageAndSkopeoUnpacksIt promises that derived images are
// valid for programs that others wrote, in both families of media types.
func TestARegistryTakesTheImageAndSkopeoUnpacksIt(t *testing.T) {
	program := need(t, "skopeo")
	host := startRegistry(t)
	below, belowID, err := newLayer([]plan.RecipeFile{
		{Path: "/etc/app.conf", Mode: 0o644, Data: []byte("the base's\n")},
		{Path: "/etc/os-release", Mode: 0o644, Data: []byte("ID=base\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	skopeo := func(args ...string) []byte {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), program, append([]string{"--insecure-policy", "--override-os", "linux", "--override-arch", "arm64"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("skopeo %q: %v\n%s", args, err, out)
		}
		return out
	}
	for family, like := range map[string]func(string) Base{"docker": base, "oci": ociBase} {
		for _, arches := range [][]string{{"arm64"}, {"amd64", "arm64"}} {
			var bases []Base
			for _, arch := range arches {
				bases = append(bases, withLayer(like(""), arch, below, belowID))
			}
			img := must(t, recipe(), bases...)
			repository := host + "/" + family + strings.Join(arches, "")
			push(t, repository, img, below.Data)

			var seen struct {
				Architecture string
				Config       struct{ Entrypoint, Cmd []string }
			}
			if err := json.Unmarshal(skopeo("inspect", "--tls-verify=false", "--config", "docker://"+repository+":1"), &seen); err != nil {
				t.Fatal(err)
			}
			if seen.Architecture != "arm64" || strings.Join(seen.Config.Entrypoint, " ") != "/data/scripts/startup.sh" || len(seen.Config.Cmd) > 0 {
				t.Errorf("%s: skopeo sees %+v", repository, seen)
			}
			skopeo("copy", "--src-tls-verify=false", "--all", "--preserve-digests", "docker://"+repository+":1", "dir:"+t.TempDir())

			// A docker-archive has the layers' tars under their diff IDs.
			archive := filepath.Join(t.TempDir(), "image.tar")
			skopeo("copy", "--src-tls-verify=false", "docker://"+repository+":1", "docker-archive:"+archive+":app:1")
			root := rootfs(t, archive)
			if root["etc/os-release"] != "ID=base\n" || root["etc/app.conf"] != "" || root["data/app.py"] != "print('hello')\n" {
				t.Errorf("%s unpacks to %q", repository, root)
			}
		}
	}
}

// rootfs puts the layers of a docker-archive above each other.
func rootfs(t *testing.T, archive string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), need(t, "tar"), "--extract", "--file", archive, "--directory", dir).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	var images []struct{ Layers []string }
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err == nil {
		err = json.Unmarshal(data, &images)
	}
	if err != nil || len(images) != 1 || len(images[0].Layers) != 2 {
		t.Fatalf("the archive has %s, %v", data, err)
	}
	root := map[string]string{}
	for _, layer := range images[0].Layers {
		f, err := os.Open(filepath.Join(dir, layer))
		if err != nil {
			t.Fatal(err)
		}
		for r := tar.NewReader(f); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			content, readErr := io.ReadAll(r)
			if err := errors.Join(err, readErr); err != nil {
				t.Fatal(err)
			}
			if h.FileInfo().Mode()&fs.ModeType == 0 {
				root[h.Name] = string(content)
			}
		}
		f.Close()
	}
	return root
}
