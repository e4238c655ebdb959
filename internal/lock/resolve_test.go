package lock

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/standin"
	"github.com/satchel-kit/satchel/internal/upstream"
)

var (
	images = []plan.Image{
		{Name: "registry.k8s.io/pause:3.10", Platforms: []string{"linux/amd64"}},
		{Name: "docker.io/library/busybox:1.36", Platforms: []string{"linux/amd64", "linux/arm64"}},
	}
	files = []plan.File{
		{Path: "files/amd64/kubeadm", URL: "https://dl.k8s.io/v1.34.2/kubeadm", ChecksumURL: "https://dl.k8s.io/v1.34.2/kubeadm.sha256"},
		{Path: "files/amd64/runc", URL: "https://github.com/runc/v1.3.0/runc.amd64", ChecksumURL: "https://github.com/runc/v1.3.0/runc.sha256sum"},
		{Path: "files/amd64/etcd.tar.gz", URL: "https://github.com/etcd/v3.6.5/etcd.tar.gz", ChecksumURL: "https://github.com/etcd/v3.6.5/SHA256SUMS"},
		{Path: "files/amd64/docker.tgz", URL: "https://download.docker.com/docker-20.10.24.tgz"},
	}
)

func client(t *testing.T, sources []plan.Source) *upstream.Client {
	t.Helper()
	c, err := upstream.New(sources, upstream.WithPatience(upstream.Patience{Idle: time.Second, Tries: 2, Pause: time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func openCache(t *testing.T) *cache.Cache {
	t.Helper()
	store, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func serve(t *testing.T) *standin.World {
	t.Helper()
	world, err := standin.Serve(t.Context(), images, files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	return world
}

func locked(t *testing.T, store *cache.Cache) *Lock {
	t.Helper()
	l, err := Resolve(t.Context(), client(t, serve(t).Sources()), store, plan.Supply{Images: images, Files: files}, 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLockNamesEveryByteAndWhatWasReadIsCached(t *testing.T) {
	store := openCache(t)
	l := locked(t, store)
	if err := l.Covers(plan.Supply{Images: images, Files: files}); err != nil {
		t.Error(err)
	}
	for _, img := range l.Images {
		for _, m := range img.Manifests {
			if !store.Has(m.Digest, m.Size) || !store.Has(m.Config.Digest, m.Config.Size) || len(m.Layers) != 2 {
				t.Errorf("%s for %s: manifest or config is not in the cache, or not 2 layers", img.Name, m.Platform)
			}
		}
	}
	for _, f := range l.Files {
		if !store.Has(f.Digest(), f.Size) {
			t.Errorf("%s is not in the cache", f.Path)
		}
	}
	// 3 manifests, 3 configs, 3 layers and the shared base (one for each dialect
	// of media types, with the same bytes), 4 files.
	if n := len(l.Blobs()); n != 3+3+3+1+4 {
		t.Errorf("%d distinct blobs, want 14", n)
	}
}

func TestTwoLocksOfOneWorldAreTheSameBytes(t *testing.T) {
	a, b := locked(t, openCache(t)), locked(t, openCache(t))
	if string(a.Bytes()) != string(b.Bytes()) || a.Digest() != b.Digest() {
		t.Errorf("they differ:\n%s", strings.Join(Diff(a, b), "\n"))
	}
}

func TestAllErrorsAreReportedTogether(t *testing.T) {
	world := serve(t)
	moreImages := append([]plan.Image{
		{Name: "docker.io/library/absent:1", Platforms: []string{"linux/amd64"}},
		{Name: "registry.k8s.io/pause:3.10", Platforms: []string{"linux/riscv64", "windows/amd64"}},
	}, images...)
	moreFiles := append([]plan.File{{Path: "files/amd64/absent", URL: "https://dl.k8s.io/absent"}}, files...)
	_, err := Resolve(t.Context(), client(t, world.Sources()), openCache(t), plan.Supply{Images: moreImages, Files: moreFiles}, 4, nil)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`"docker.io/library/absent:1"`, "404 Not Found", `"files/amd64/absent"`,
		`locking image "registry.k8s.io/pause:3.10": platform linux/riscv64 is missing: there is linux/amd64, linux/s390x`,
		"platform windows/amd64 is missing",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

// single makes a registry with one image that has no index.
func single(t *testing.T, arch string) []plan.Source {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(discard())))
	t.Cleanup(s.Close)
	img, err := random.Image(512, 1)
	if err != nil {
		t.Fatal(err)
	}
	if arch != "" {
		config, _ := img.ConfigFile()
		config.OS, config.Architecture = "linux", arch
		if img, err = mutate.ConfigFile(img, config); err != nil {
			t.Fatal(err)
		}
	}
	host := strings.TrimPrefix(s.URL, "http://")
	ref, err := name.ParseReference(host+"/app:1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	return []plan.Source{{Prefix: "registry.example", Mirror: s.URL}}
}

func TestImageWithoutAnIndexIsForThePlatformOfItsConfig(t *testing.T) {
	for _, c := range []struct {
		is   string
		want []string
		err  string
	}{
		{"amd64", []string{"linux/amd64"}, ""},
		{"amd64", []string{"linux/arm64"}, `it is for "linux/amd64" only`},
		{"amd64", []string{"linux/amd64", "linux/arm64"}, "it is for one platform only"},
		{"", []string{"linux/amd64"}, `it is for "/" only`},
	} {
		_, err := Resolve(t.Context(), client(t, single(t, c.is)), openCache(t), plan.Supply{Images: []plan.Image{{Name: "registry.example/app:1", Platforms: c.want}}}, 4, nil)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s for %v: got %v", c.is, c.want, err)
		}
	}
}

func TestFileThatDoesNotFitItsChecksumIsRefused(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".sha256") {
			w.Write([]byte(strings.Repeat("0", 64)))
			return
		}
		w.Write([]byte("the program"))
	}))
	defer s.Close()
	dir := t.TempDir()
	store, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []plan.File{{Path: "files/amd64/x", URL: s.URL + "/x", ChecksumURL: s.URL + "/x.sha256"}}
	_, err = Resolve(t.Context(), client(t, nil), store, plan.Supply{Files: want}, 4, nil)
	if !errors.Is(err, cache.ErrMismatch) || !strings.Contains(err.Error(), "does not fit its checksum at "+s.URL+"/x.sha256") {
		t.Errorf("got %v", err)
	}
	for _, sub := range []string{"partial", "blobs/sha256"} {
		if left, err := os.ReadDir(filepath.Join(dir, sub)); err != nil || len(left) != 0 {
			t.Errorf("%s: %v, %v", sub, left, err)
		}
	}
}

func TestDamagedCacheIsNotLocked(t *testing.T) {
	dir := t.TempDir()
	store, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	before := locked(t, store)
	for _, f := range before.Files {
		path := filepath.Join(dir, "blobs", "sha256", f.SHA256)
		os.Chmod(path, 0o600)
		if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if after := locked(t, store); after.Digest() != before.Digest() {
		t.Errorf("the lock moved:\n%s", strings.Join(Diff(before, after), "\n"))
	}
}

func TestUnreachableServerIsNotWaitedForAgainAndAgain(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	var many []plan.File
	for range 100 {
		many = append(many, plan.File{Path: "files/x", URL: s.URL + "/x"})
	}
	_, err := Resolve(t.Context(), client(t, nil), openCache(t), plan.Supply{Files: many}, 4, nil)
	if n := strings.Count(err.Error(), "fetching"); n == 0 || n > 4 {
		t.Errorf("%d attempts are reported, want 1 to %d", n, 4)
	}
}

func TestCancelledResolveSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Resolve(ctx, client(t, nil), openCache(t), plan.Supply{Images: images, Files: files}, 4, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestChooseTakesThePlatformAndNoOther(t *testing.T) {
	descriptor := func(text string) v1.Descriptor {
		p, _ := v1.ParsePlatform(text)
		h := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}
		return v1.Descriptor{Platform: p, Digest: h, MediaType: "application/vnd.oci.image.manifest.v1+json"}
	}
	index := &v1.IndexManifest{Manifests: []v1.Descriptor{
		descriptor("unknown/unknown"), {}, descriptor("windows/amd64:10.0.1"), descriptor("linux/arm/v7"), descriptor("linux/arm64/v8"), descriptor("linux/amd64/v3"), descriptor("linux/amd64"),
	}}
	for want, got := range map[string]string{"linux/amd64": "linux/amd64", "linux/arm64": "linux/arm64/v8", "linux/arm/v7": "linux/arm/v7", "linux/arm": "", "linux/arm/v6": "", "linux/s390x": "", "": "", "linux": ""} {
		d, err := choose(index, want)
		if (err == nil) != (got != "") || err == nil && d.Platform.String() != got {
			t.Errorf("%q: got %v, %v", want, d.Platform, err)
		}
	}
}

func TestChecksumFilesHaveThreeShapes(t *testing.T) {
	a, b, c := strings.Repeat("a", 64), strings.Repeat("b", 64), strings.Repeat("c", 64)
	for _, x := range []struct{ list, file, want string }{
		{a, "/x", a},
		{strings.ToUpper(a) + "\n", "/x", a},
		{a + "  x\n", "/x", a},
		{a + "  another-name\r\n", "/x", a},
		{a + "  y\n" + b + " *x\n" + c + "  x.sig\n", "/v1/x", b},
		{a + "  arm64/x\n" + b + "  ./amd64/x\n", "/v1/amd64/x", b},
		{a + "  y\n" + b + "  z\n", "/x", ""},
		{"<html>", "/x", ""},
		{"", "/x", ""},
		{a[:63] + "  x\n", "/x", ""},
	} {
		got, err := findChecksum(x.list, x.file)
		if got != x.want || (err == nil) != (x.want != "") {
			t.Errorf("%q in %q: got %q, %v", x.file, x.list, got, err)
		}
	}
}
