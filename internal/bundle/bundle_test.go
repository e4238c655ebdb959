package bundle

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/render"
)

const (
	flannel = "docker.io/rancher/mirrored-flannelcni-flannel:v0.18.1"
	coredns = "registry.k8s.io/coredns/coredns:v1.12.1"
	apiserv = "registry.example:5000/library/kube-apiserver:v1.34.2"
)

func digestOf(data []byte) string { return "sha256:" + hexSum(data) }

// sample is a small bundle with what real ones have: an image for one platform,
// one for two, a layer that both share, programs, an empty file.
func sample(t testing.TB) Input {
	t.Helper()
	in := Input{
		Meta: Meta{
			Name: "lab", Version: "1.2.3", Spec: digestOf([]byte("spec")), Satchel: "v0.1.0",
			Hosts: []Host{{Name: "worker1", Address: "10.0.0.2", Roles: []string{"worker"}}, {Name: "master1", Address: "10.0.0.1", Roles: []string{"control-plane", "etcd"}}},
		},
		Tree: render.Tree{
			{Path: "hosts/master1/kubeadm.yaml", Mode: 0o644, Data: []byte("kind: InitConfiguration\n")},
			{Path: "hosts/master1/host.env", Mode: 0o644, Data: nil},
			{Path: "hosts/worker1/kubeadm.yaml", Mode: 0o644, Data: []byte("kind: JoinConfiguration\n")},
			{Path: "install.sh", Mode: 0o755, Data: []byte("#!/bin/bash\n")},
		},
		Lock:  &lock.Lock{Format: lock.Format},
		Cache: openCache(t),
	}
	addProgram(t, &in, "bin/satchel-amd64", bytes.Repeat([]byte("satchel "), 100_000))
	addFile(t, &in, "files/amd64/kubeadm", bytes.Repeat([]byte("kubeadm "), 200_000))
	addFile(t, &in, "files/amd64/cni.tgz", []byte("plugins"))
	base := must(random.Image(3000, 2))
	more := must(mutate.AppendLayers(base, must(random.Layer(70_000, types.DockerLayer))))
	addImage(t, &in, flannel, map[string]v1.Image{"linux/amd64": more})
	addImage(t, &in, apiserv, map[string]v1.Image{"linux/amd64": base, "linux/arm64/v8": must(random.Image(500, 1))})
	addImage(t, &in, coredns, map[string]v1.Image{"linux/amd64": ociImage()})
	return in
}

// ociImage has OCI's media types throughout; the other images have Docker's.
func ociImage() v1.Image {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	return must(mutate.AppendLayers(img, must(random.Layer(900, types.OCILayer))))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // only while making fixtures
	}
	return v
}

func openCache(t testing.TB) *cache.Cache {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func addFile(t testing.TB, in *Input, path string, data []byte) {
	t.Helper()
	if err := in.Cache.Put(digestOf(data), data); err != nil {
		t.Fatal(err)
	}
	url := "https://dl.example/" + path
	in.Lock.Files = append(in.Lock.Files, lock.File{Path: path, URL: url, SHA256: hexSum(data), Size: int64(len(data))})
}

func addProgram(t testing.TB, in *Input, path string, data []byte) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "satchel")
	if err := os.WriteFile(source, data, 0o600); err != nil {
		t.Fatal(err)
	}
	in.Programs = append(in.Programs, must(ReadProgram(path, source)))
}

func addImage(t testing.TB, in *Input, name string, platforms map[string]v1.Image) {
	t.Helper()
	image := lock.Image{Name: name, Digest: digestOf([]byte(name))}
	for _, platform := range []string{"linux/amd64", "linux/arm64/v8"} {
		img, found := platforms[platform]
		if !found {
			continue
		}
		p := must(v1.ParsePlatform(platform))
		config := must(img.ConfigFile()).DeepCopy()
		config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
		image.Manifests = append(image.Manifests, store(t, in, platform, must(mutate.ConfigFile(img, config))))
	}
	in.Lock.Images = append(in.Lock.Images, image)
}

// store puts an image into the cache and locks it.
func store(t testing.TB, in *Input, platform string, img v1.Image) lock.Manifest {
	t.Helper()
	raw := must(img.RawManifest())
	m := must(img.Manifest())
	blobs := [][]byte{raw, must(img.RawConfigFile())}
	locked := lock.Manifest{
		Platform: platform,
		Blob:     lock.Blob{MediaType: string(m.MediaType), Digest: digestOf(raw), Size: int64(len(raw))},
		Config:   blobOf(m.Config),
	}
	for i, layer := range must(img.Layers()) {
		rc := must(layer.Compressed())
		var data bytes.Buffer
		if _, err := data.ReadFrom(rc); err != nil {
			t.Fatal(err)
		}
		rc.Close()
		blobs = append(blobs, data.Bytes())
		locked.Layers = append(locked.Layers, blobOf(m.Layers[i]))
	}
	for _, data := range blobs {
		if err := in.Cache.Put(digestOf(data), data); err != nil {
			t.Fatal(err)
		}
	}
	return locked
}

func blobOf(d v1.Descriptor) lock.Blob {
	return lock.Blob{MediaType: string(d.MediaType), Digest: d.Digest.String(), Size: d.Size}
}

func build(t testing.TB, in Input, name string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	if err := Write(t.Context(), out, in, nil); err != nil {
		t.Fatal(err)
	}
	return out
}

func problems(t testing.TB, path string) []Problem {
	t.Helper()
	report, err := Verify(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return report.Problems
}

func listDir(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error lacks %q: %v", part, err)
		}
	}
}
