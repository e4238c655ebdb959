package standin

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/satchel-kit/satchel/internal/plan"
)

var images = []plan.Image{
	{Name: "docker.io/library/busybox:1.36", Platforms: []string{"linux/amd64"}},
	{Name: "registry.k8s.io/coredns/coredns:v1.12.1", Platforms: []string{"linux/amd64", "linux/arm64"}},
}

var files = []plan.File{
	{Path: "files/amd64/kubeadm", URL: "https://dl.k8s.io/release/v1.34.2/bin/linux/amd64/kubeadm", ChecksumURL: "https://dl.k8s.io/release/v1.34.2/bin/linux/amd64/kubeadm.sha256"},
	{Path: "files/amd64/runc", URL: "https://github.com/opencontainers/runc/releases/download/v1.3.0/runc.amd64", ChecksumURL: "https://github.com/opencontainers/runc/releases/download/v1.3.0/runc.sha256sum"},
	{Path: "files/arm64/runc", URL: "https://github.com/opencontainers/runc/releases/download/v1.3.0/runc.arm64", ChecksumURL: "https://github.com/opencontainers/runc/releases/download/v1.3.0/runc.sha256sum"},
	{Path: "files/amd64/docker.tgz", URL: "https://download.docker.com/linux/static/stable/x86_64/docker-20.10.24.tgz"},
}

func TestTwoRunsMakeTheSameBytes(t *testing.T) {
	// Fixed here too, because locks that are kept under review name them.
	want := map[string]string{
		"docker.io/library/busybox:1.36":          "sha256:390b30878a03f154c08165a1203027c9cd8088e04174ee8c389a7a6a201bd853",
		"registry.k8s.io/coredns/coredns:v1.12.1": "sha256:c3a13b7d4ce7d5c2033ec4f6a41af3109de8ff4543344b5af93e965cc894ec16",
	}
	for _, img := range images {
		for range 2 {
			index, err := makeIndex(img)
			if err != nil {
				t.Fatal(err)
			}
			digest, err := index.Digest()
			if err != nil || digest.String() != want[img.Name] {
				t.Errorf("%s: got %s, %v; want %s", img.Name, digest, err, want[img.Name])
			}
		}
	}
}

func TestImagesAreWholeAndHaveOnePlatformTooMany(t *testing.T) {
	for _, img := range images {
		index, err := makeIndex(img)
		if err != nil {
			t.Fatal(err)
		}
		m, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Manifests) != len(img.Platforms)+1 {
			t.Errorf("%s has %d platforms, want %d", img.Name, len(m.Manifests), len(img.Platforms)+1)
		}
		for _, entry := range m.Manifests {
			wholeImage(t, index, entry)
		}
	}
}

// wholeImage checks an image's layers, and that its config is about them and
// about the platform that the index names.
func wholeImage(t *testing.T, index v1.ImageIndex, entry v1.Descriptor) {
	t.Helper()
	img, err := index.Image(entry.Digest)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got := config.Platform(); !got.Equals(*entry.Platform) {
		t.Errorf("config is for %s, and the index says %s", got, entry.Platform)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for i, layer := range layers {
		if err := validate.Layer(layer); err != nil {
			t.Error(err)
		}
		if id, err := layer.DiffID(); err != nil || id != config.RootFS.DiffIDs[i] {
			t.Errorf("diff ID is %s, %v; config says %s", id, err, config.RootFS.DiffIDs[i])
		}
	}
}

func TestImagesShareTheirBase(t *testing.T) {
	var bases []v1.Hash
	for _, img := range images {
		index, _ := makeIndex(img)
		m, _ := index.IndexManifest()
		child, err := index.Image(m.Manifests[0].Digest)
		if err != nil {
			t.Fatal(err)
		}
		layers, err := child.Layers()
		if err != nil {
			t.Fatal(err)
		}
		digest, err := layers[0].Digest()
		if err != nil {
			t.Fatal(err)
		}
		bases = append(bases, digest)
	}
	if bases[0] != bases[1] {
		t.Errorf("bases differ: %v", bases)
	}
}

func TestStoredGzipIsGzip(t *testing.T) {
	for _, n := range []int{0, 1, 65534, 65535, 65536, 200_000} {
		data := noise("x", n)
		r, err := gzip.NewReader(bytes.NewReader(store(data)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes come back as %d, %v", n, len(got), err)
		}
	}
}

func TestWorldServesWhatItWasGiven(t *testing.T) {
	world, err := Serve(t.Context(), images, files)
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	for _, img := range images {
		ref, err := place(world.Host, img.Name, name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := remote.Index(ref, remote.WithContext(t.Context())); err != nil {
			t.Error(err)
		}
	}
	prefixes := []string{}
	for _, s := range world.Sources() {
		prefixes = append(prefixes, s.Prefix)
	}
	if got := strings.Join(prefixes, " "); got != "docker.io https://dl.k8s.io https://download.docker.com https://github.com registry.k8s.io" {
		t.Errorf("sources are for %s", got)
	}
}

func TestWorldHasTheBaseInThePlaceOfADerivedImage(t *testing.T) {
	own := plan.Image{Name: "registry.lab/own/app:1", Platforms: []string{"linux/arm64"}, Recipe: &plan.Recipe{Base: images[0].Name}}
	world, err := Serve(t.Context(), []plan.Image{own, images[0]}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	if s := world.Sources(); len(s) != 1 || s[0].Prefix != "docker.io" {
		t.Errorf("the sources are %v", s)
	}
	ref, err := place(world.Host, images[0].Name, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) != 3 {
		t.Errorf("there are %d platforms, want amd64, arm64 and one too many; %v", len(m.Manifests), err)
	}
	if all, err := remote.Catalog(t.Context(), ref.Context().Registry); err != nil || len(all) != 1 {
		t.Errorf("the registry has %v, %v", all, err)
	}
}

func get(t *testing.T, world *World, address string) []byte {
	t.Helper()
	resp, err := http.Get("http://" + world.Host + "/" + strings.TrimPrefix(address, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, resp.Status, err)
	}
	return data
}

func TestArchivesUnpackAndProgramsRun(t *testing.T) {
	world, err := Serve(t.Context(), nil, files)
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	gz, err := gzip.NewReader(bytes.NewReader(get(t, world, files[3].URL)))
	if err != nil {
		t.Fatal(err)
	}
	if h, err := tar.NewReader(gz).Next(); err != nil || h.Name != "bin/stand-in" {
		t.Errorf("first entry is %v, %v", h, err)
	}
	program := t.TempDir() + "/kubeadm"
	os.WriteFile(program, get(t, world, files[0].URL), 0o755)
	out, err := exec.Command(program).CombinedOutput()
	if err == nil || string(out) != "this is a stand-in for kubeadm, not the program\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestChecksumsComeInTheShapesOfUpstream(t *testing.T) {
	world, err := Serve(t.Context(), nil, files)
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	if bare := get(t, world, files[0].ChecksumURL); len(bare) != 64 {
		t.Errorf("not a bare sum: %q", bare)
	}
	list := string(get(t, world, files[1].ChecksumURL))
	if !strings.Contains(list, "  runc.amd64\n") || !strings.Contains(list, "  runc.arm64\n") {
		t.Errorf("not a list of both: %q", list)
	}
}
