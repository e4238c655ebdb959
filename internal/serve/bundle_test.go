package serve

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/render"
)

const (
	pause   = "registry.k8s.io/pause:3.10"
	older   = "registry.k8s.io/pause:3.6"
	busybox = "docker.io/library/busybox:1.37"
	private = "registry.example:5000/team/tool:v1"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // only while making fixtures
	}
	return v
}

// fixture is a bundle in the making.
type fixture struct {
	testing.TB
	bundle.Input
}

// packed writes a small bundle as a tar: images for one and for two platforms, of
// OCI's types and of Docker's, from a registry with a port, two of one repository.
func packed(t testing.TB) string {
	t.Helper()
	f := newFixture(t)
	oci := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	f.addImage(pause, must(mutate.AppendLayers(oci, must(random.Layer(900, types.OCILayer)))))
	f.addImage(older, must(random.Image(700, 2)))
	f.addImage(busybox, must(random.Image(70_000, 2)), must(random.Image(500, 1)))
	f.addImage(private, must(random.Image(300, 1)))
	f.addFile("files/amd64/kubeadm", bytes.Repeat([]byte("kubeadm "), 50_000))
	f.addFile("files/amd64/odd name%3a+.tgz", []byte("odd"))
	return f.write("b.tar")
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	digest := "sha256:" + strings.Repeat("0", 64)
	return &fixture{t, bundle.Input{
		Meta:  bundle.Meta{Name: "lab", Version: "1.2.3", Spec: digest, Satchel: "v0.1.0"},
		Tree:  render.Tree{{Path: "install.sh", Mode: 0o755, Data: []byte("#!/bin/bash\n")}},
		Lock:  &lock.Lock{Format: lock.Format},
		Cache: must(cache.Open(t.TempDir())),
	}}
}

func (f *fixture) write(name string) string {
	f.Helper()
	path := filepath.Join(f.TempDir(), name)
	if err := bundle.Write(f.Context(), path, f.Input, nil); err != nil {
		f.Fatal(err)
	}
	return path
}

func (f *fixture) put(data []byte) lock.Blob {
	f.Helper()
	blob := lock.Blob{Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(data)), Size: int64(len(data))}
	if err := f.Cache.Put(blob.Digest, data); err != nil {
		f.Fatal(err)
	}
	return blob
}

func (f *fixture) addFile(path string, data []byte) {
	f.Helper()
	blob := f.put(data)
	f.Lock.Files = append(f.Lock.Files, lock.File{Path: path, SHA256: strings.TrimPrefix(blob.Digest, "sha256:"), Size: blob.Size})
}

// addImage adds an image for amd64, and for arm64 if there are two.
func (f *fixture) addImage(name string, images ...v1.Image) {
	f.Helper()
	locked := lock.Image{Name: name}
	for i, image := range images {
		platform := must(v1.ParsePlatform([]string{"linux/amd64", "linux/arm64/v8"}[i]))
		config := must(image.ConfigFile()).DeepCopy()
		config.OS, config.Architecture, config.Variant = platform.OS, platform.Architecture, platform.Variant
		locked.Manifests = append(locked.Manifests, f.store(platform.String(), must(mutate.ConfigFile(image, config))))
	}
	f.Lock.Images = append(f.Lock.Images, locked)
}

func (f *fixture) store(platform string, image v1.Image) lock.Manifest {
	f.Helper()
	m := must(image.Manifest())
	locked := lock.Manifest{Platform: platform, Blob: f.put(must(image.RawManifest())), Config: f.put(must(image.RawConfigFile()))}
	locked.MediaType, locked.Config.MediaType = string(m.MediaType), string(m.Config.MediaType)
	for i, layer := range must(image.Layers()) {
		blob := f.put(must(io.ReadAll(must(layer.Compressed()))))
		blob.MediaType = string(m.Layers[i].MediaType)
		locked.Layers = append(locked.Layers, blob)
	}
	return locked
}

func unpacked(t testing.TB, path string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "unpacked")
	if err := bundle.Unpack(t.Context(), path, dir, ""); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t testing.TB, path string, options ...Option) *Server {
	t.Helper()
	s, err := New(t.Context(), path, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// listen serves the bundle at path on the loopback interface and returns HOST:PORT.
func listen(t testing.TB, path string) string {
	t.Helper()
	server := httptest.NewServer(open(t, path))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// ask sends one request to the handler.
func ask(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// image is what the bundle has under a name.
func image(t testing.TB, s *Server, name string) bundle.Image {
	t.Helper()
	for _, i := range s.Manifest().Images {
		if i.Name == name {
			return i
		}
	}
	t.Fatalf("no image %q", name)
	return bundle.Image{}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
