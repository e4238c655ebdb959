package push

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/static"
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
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // only while making fixtures
	}
	return v
}

// noise is content that nothing compresses.
func noise(seed byte, size int) []byte {
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{seed}).Read(data)
	return data
}

// fixture is a bundle in the making.
type fixture struct {
	testing.TB
	bundle.Input
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	digest := "sha256:" + strings.Repeat("0", 64)
	f := &fixture{t, bundle.Input{
		Meta: bundle.Meta{Name: "lab", Version: "1.2.3", Spec: digest, Satchel: "v0.1.0", Hosts: []bundle.Host{{Name: "a"}, {Name: "b"}}},
		Tree: render.Tree{
			{Path: "install.sh", Mode: 0o755, Data: []byte("#!/bin/bash\n")},
			{Path: "steps/10-names.sh", Mode: 0o644, Data: []byte("hostname\n")},
			{Path: "hosts/a/host.env", Mode: 0o644, Data: []byte("HOST=a\n")},
			{Path: "hosts/b/host.env", Mode: 0o644, Data: []byte("HOST=b\n")},
			{Path: "guide/empty", Mode: 0o644},
		},
		Lock:  &lock.Lock{Format: lock.Format},
		Cache: must(cache.Open(t.TempDir())),
	}}
	program := filepath.Join(t.TempDir(), "satchel")
	if err := os.WriteFile(program, noise(1, 300_000), 0o600); err != nil {
		t.Fatal(err)
	}
	f.Programs = []bundle.Program{must(bundle.ReadProgram("bin/satchel-amd64", program))}
	return f
}

// full is a bundle with all kinds of content: images for one and for two platforms,
// of OCI's types and of Docker's, two of one repository, small files and large ones,
// one of them there twice.
func full(t testing.TB) *fixture {
	t.Helper()
	f := newFixture(t)
	oci := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	f.addImage(pause, must(mutate.AppendLayers(oci, must(random.Layer(900, types.OCILayer)))))
	f.addImage(older, must(random.Image(700, 2)))
	f.addImage(busybox, must(random.Image(400_000, 2)), must(random.Image(500, 1)))
	f.addFile("files/amd64/kubeadm", noise(2, 1<<20))
	f.addFile("files/amd64/kubeadm-again", noise(2, 1<<20))
	f.addFile("files/amd64/odd name%3a+.tgz", []byte("odd"))
	return f
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
	blob := lock.Blob{Digest: digestOf(data), Size: int64(len(data))}
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

// withLayers is an image of layers with this content.
func withLayers(layers ...[]byte) v1.Image {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, data := range layers {
		image = must(mutate.AppendLayers(image, static.NewLayer(data, types.OCIUncompressedLayer)))
	}
	return image
}

// sharing is a bundle of images in repositories of their own that share two layers
// and have one each.
func sharing(t testing.TB, images int) *fixture {
	t.Helper()
	f := newFixture(t)
	for i := range images {
		f.addImage(fmt.Sprintf("registry.k8s.io/team/app-%02d:v1", i), withLayers(noise(1, 300_000), noise(2, 200_000), noise(byte(10+i), 10_000)))
	}
	return f
}

func unpacked(t testing.TB, path string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "unpacked")
	if err := bundle.Unpack(t.Context(), path, dir, ""); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// damage changes one bit where a file has the bytes.
func damage(t testing.TB, path string, where []byte) {
	t.Helper()
	data := read(t, path)
	at := bytes.Index(data, where)
	if at < 0 {
		t.Fatalf("%s does not have what is to be damaged", path)
	}
	data[at+len(where)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
