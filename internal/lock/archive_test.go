package lock

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/plan"
)

// web is an image for one architecture.
func web(t *testing.T, arch string) v1.Image {
	t.Helper()
	img, err := random.Image(4096, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// saveOld writes a tar like that of docker save up to version 24: no layer is compressed.
func saveOld(t *testing.T, path string, img v1.Image, tags string) {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(name string, data []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		w.Write(data)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for n, layer := range layers {
		r, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprintf(`"%d/layer.tar"`, n))
		put(fmt.Sprintf("%d/layer.tar", n), data)
	}
	config, err := img.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	put("config.json", config)
	put("manifest.json", fmt.Appendf(nil, `[{"Config":"config.json","RepoTags":[%s],"Layers":[%s]}]`, tags, strings.Join(names, ",")))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// beside is a spec's directory with archives of every kind.
func beside(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	amd64, arm64 := web(t, "amd64"), web(t, "arm64")
	saveOld(t, filepath.Join(dir, "old-amd64.tar"), amd64, `"web:1.0"`)
	saveOld(t, filepath.Join(dir, "old-arm64.tar"), arm64, `"web:1.0"`)
	tag, err := name.NewTag("example.com/web:1.0")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gzip", "--keep", filepath.Join(dir, "old-amd64.tar")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// What crane, podman and buildah write has its layers compressed.
	if err := tarball.WriteToFile(filepath.Join(dir, "new.tar"), tag, amd64); err != nil {
		t.Fatal(err)
	}
	var index v1.ImageIndex = empty.Index
	for arch, img := range map[string]v1.Image{"amd64": amd64, "arm64": arm64} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	path, err := layout.Write(filepath.Join(dir, "layout"), empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendIndex(index); err != nil {
		t.Fatal(err)
	}
	return dir
}

func archived(dir, path string, platforms ...string) plan.Image {
	return plan.Image{Name: "registry.example.com/app/web:1.0", Platforms: platforms, Archive: &plan.Archive{Dir: dir, Path: path}}
}

func TestArchivesAreLockedByDigestAndComeBackIntoAnEmptyCache(t *testing.T) {
	dir := beside(t)
	both := []string{"linux/amd64", "linux/arm64"}
	for _, want := range []plan.Image{
		archived(dir, "old-amd64.tar", "linux/amd64"), archived(dir, "old-{arch}.tar", both...),
		archived(dir, "old-amd64.tar.gz", "linux/amd64"),
		archived(dir, "new.tar", "linux/amd64"), archived(dir, "layout", both...), archived(dir, "layout", "linux/arm64"),
	} {
		all := []plan.Image{want}
		l, err := Resolve(t.Context(), nil, openCache(t), plan.Supply{Images: all}, 1, nil)
		if err != nil {
			t.Fatalf("%s: %v", want.Archive.Path, err)
		}
		var platforms []string
		for _, m := range l.Images[0].Manifests {
			platforms = append(platforms, m.Platform)
		}
		if !slices.Equal(platforms, want.Platforms) {
			t.Errorf("%s has %q, wanted are %q: no platform more, none less", want.Archive.Path, platforms, want.Platforms)
		}
		if err := l.Covers(plan.Supply{Images: all}); err != nil {
			t.Error(err)
		}
		if again, err := Parse("satchel.lock", l.Bytes()); err != nil || again.Digest() != l.Digest() {
			t.Errorf("%s: the lock does not come back: %v", want.Archive.Path, err)
		}
		store := openCache(t)
		if err := Unpack(t.Context(), store, l, all, nil); err != nil {
			t.Fatal(err)
		}
		for _, i := range l.Blobs() {
			if !store.Has(i.Digest, i.Size) {
				t.Errorf("%s: the cache lacks %s", want.Archive.Path, i.Digest)
			}
		}
	}
}

func TestAnArchiveThatChangedAfterTheLockIsRefused(t *testing.T) {
	dir := beside(t)
	want := []plan.Image{archived(dir, "old-amd64.tar", "linux/amd64")}
	l, err := Resolve(t.Context(), nil, openCache(t), plan.Supply{Images: want}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	saveOld(t, filepath.Join(dir, "old-amd64.tar"), web(t, "amd64"), "")
	err = Unpack(t.Context(), openCache(t), l, want, nil)
	if err == nil || !strings.Contains(err.Error(), `"old-amd64.tar" has other content than was locked; put back what it had, or run `+"`satchel lock`") {
		t.Errorf("got %v", err)
	}
	os.Remove(filepath.Join(dir, "old-amd64.tar"))
	if err = Unpack(t.Context(), openCache(t), l, want, nil); err == nil || !strings.Contains(err.Error(), "there is no such file or directory beside the spec") {
		t.Errorf("got %v", err)
	}
	want[0].Archive.Path = "new.tar"
	if err := l.Covers(plan.Supply{Images: want}); err == nil || !strings.Contains(err.Error(), "archive is locked for old-amd64.tar, and needed for new.tar") {
		t.Errorf("got %v", err)
	}
}

func TestAnArchiveOfAnotherPlatformOrWithOtherBytesIsRefused(t *testing.T) {
	dir := beside(t)
	damaged, err := os.ReadFile(filepath.Join(dir, "old-amd64.tar"))
	if err != nil {
		t.Fatal(err)
	}
	damaged[1000] ^= 1 // in the first layer
	os.WriteFile(filepath.Join(dir, "damaged.tar"), damaged, 0o600)
	for _, c := range []struct {
		want plan.Image
		err  string
	}{
		{archived(dir, "old-arm64.tar", "linux/amd64"), `reading "old-arm64.tar": it is for "linux/arm64" only, and wanted is "linux/amd64"`},
		{archived(dir, "old-amd64.tar", "linux/amd64", "linux/arm64"), "it is for one platform only, and wanted are linux/amd64, linux/arm64"},
		{archived(dir, "layout", "linux/s390x"), "platform linux/s390x is missing: there is linux/a"},
		{archived(dir, "damaged.tar", "linux/amd64"), "content does not match"},
		{archived(dir, "absent-{arch}.tar", "linux/amd64"), `reading "absent-amd64.tar": there is no such file or directory beside the spec`},
	} {
		store, err := cache.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		_, err = Resolve(t.Context(), nil, store, plan.Supply{Images: []plan.Image{c.want}}, 1, nil)
		if err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), `locking image "registry.example.com/app/web:1.0"`) {
			t.Errorf("%s: got %v, want %q", c.want.Archive.Path, err, c.err)
		}
	}
}

// TestArchivesThatSkopeoWritesAreRead: its archives are those of podman, buildah and
// CRI-O, which share its code.
func TestArchivesThatSkopeoWritesAreRead(t *testing.T) {
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		if os.Getenv("SATCHEL_TOOLS") == "required" {
			t.Fatal(err)
		}
		t.Skip("skopeo is not installed")
	}
	dir := beside(t)
	for _, c := range []struct{ to, path, image string }{
		{"docker-archive:saved.tar:example.com/web:1.0", "saved.tar", ""},
		{"oci-archive:packed.tar:1.0", "packed.tar", "1.0"},
		{"oci:dir:1.0", "dir", ""},
	} {
		cmd := exec.CommandContext(t.Context(), skopeo, "--insecure-policy", "copy", "docker-archive:new.tar", c.to)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("skopeo copy %s: %v\n%s", c.to, err, out)
		}
		want := archived(dir, c.path, "linux/amd64")
		want.Archive.Image = c.image
		l, err := Resolve(t.Context(), nil, openCache(t), plan.Supply{Images: []plan.Image{want}}, 1, nil)
		if err != nil {
			t.Errorf("%s: %v", c.to, err)
			continue
		}
		if n := len(l.Images[0].Manifests[0].Layers); n != 2 {
			t.Errorf("%s has %d layers", c.to, n)
		}
	}
}
