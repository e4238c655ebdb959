package fetch_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/fetch"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/standin"
	"github.com/satchel-kit/satchel/internal/upstream"
)

var (
	platforms = []string{"linux/amd64", "linux/arm64"}
	flannel   = plan.Image{Name: "docker.io/flannel/flannel:v0.26.0", Platforms: platforms}
	busybox   = plan.Image{Name: "docker.io/library/busybox:1.36", Platforms: platforms}
	coredns   = plan.Image{Name: "registry.k8s.io/coredns:v1.12.1", Platforms: platforms}
)

// derived is an image with a file above a base. No source has its registry.
func derived(name string, base plan.Image) plan.Image {
	return plan.Image{Name: "registry.invalid/own/" + name + ":1", Platforms: base.Platforms, Recipe: &plan.Recipe{
		Base:       base.Name,
		Files:      []plan.RecipeFile{{Path: "/data/start.sh", Mode: 0o755, Data: []byte("#!/bin/sh\n")}},
		Entrypoint: []string{"/data/start.sh"},
	}}
}

func newClient(t *testing.T, sources []plan.Source) *upstream.Client {
	t.Helper()
	c, err := upstream.New(sources, upstream.WithPatience(upstream.Patience{Idle: time.Second, Tries: 2, Pause: time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newCache(t *testing.T) *cache.Cache {
	t.Helper()
	store, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// locked serves stand-ins for the images until the test ends or stop is called,
// and locks them.
func locked(t *testing.T, images ...plan.Image) (l *lock.Lock, c *upstream.Client, stop func()) {
	t.Helper()
	world, err := standin.Serve(t.Context(), images, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	c = newClient(t, world.Sources())
	l, err = lock.Resolve(t.Context(), c, newCache(t), plan.Supply{Images: images}, 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l, c, func() { world.Close() }
}

// bring has all of a lock in a cache, as a build does.
func bring(t *testing.T, c *upstream.Client, store *cache.Cache, l *lock.Lock, images []plan.Image) {
	t.Helper()
	if err := fetch.Fetch(t.Context(), c, store, fetch.Missing(store, l), fetch.Jobs, nil); err != nil {
		t.Fatal(err)
	}
	if err := lock.Make(store, l, images); err != nil {
		t.Fatal(err)
	}
}

// whole checks that the cache has every blob of a lock.
func whole(t *testing.T, store *cache.Cache, l *lock.Lock) {
	t.Helper()
	for _, item := range l.Blobs() {
		data := content(t, store, item.Digest)
		if int64(len(data)) != item.Size || fmt.Sprintf("sha256:%x", sha256.Sum256(data)) != item.Digest {
			t.Errorf("%+v is not what is in the cache", item)
		}
	}
}

func content(t *testing.T, store *cache.Cache, digest string) []byte {
	t.Helper()
	f, err := store.Get(digest)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestLockAloneBringsDerivedImagesBack(t *testing.T) {
	images := []plan.Image{derived("docker", busybox), derived("oci", coredns), coredns, flannel}
	l, c, stop := locked(t, images...)
	store := newCache(t)
	var said strings.Builder
	wanted := fetch.Missing(store, l)
	if err := fetch.Fetch(t.Context(), c, store, wanted, fetch.Jobs, progress.New(&said)); err != nil {
		t.Fatal(err)
	}
	// Two platforms: what is fetched of busybox is 2 manifests and 2 configs to make
	// an image of, and 2 layers; of coredns and flannel the same, only once although
	// coredns is both a base and an image of its own; and a layer that all
	// stand-ins share.
	if got := strings.Count(said.String(), ": done, "); got != len(wanted) || got != 3*6+1 {
		t.Errorf("%d items were fetched, %d missing, want 19:\n%s", got, len(wanted), said.String())
	}
	stop() // what is missing now needs no server
	if err := fetch.Fetch(t.Context(), c, store, fetch.Missing(store, l), fetch.Jobs, nil); err != nil {
		t.Errorf("a second fetch: %v", err)
	}
	if err := lock.Make(store, l, images); err != nil {
		t.Fatal(err)
	}
	whole(t, store, l)
}

func TestNobodyIsAskedForWhatSatchelMakes(t *testing.T) {
	app := derived("app", busybox)
	l, c, _ := locked(t, app)
	store := newCache(t)
	for _, item := range fetch.Missing(store, l) {
		if item.Image != busybox.Name || item.Of != nil {
			t.Errorf("%+v would be fetched", item)
		}
	}
	bring(t, c, store, l, []plan.Image{app})
	made := slices.DeleteFunc(l.Blobs(), func(i lock.Item) bool { return i.Of == nil })
	parts := made[0].Of

	// With the parts in the cache, what was made comes back from them alone.
	for _, item := range made {
		if err := store.Drop(item.Digest); err != nil {
			t.Fatal(err)
		}
	}
	if left := fetch.Missing(store, l); len(left) != 0 {
		t.Errorf("missing: %v", left)
	}
	if err := lock.Make(store, l, []plan.Image{app}); err != nil {
		t.Fatal(err)
	}
	whole(t, store, l)

	// With all of it made, the parts are not needed.
	for _, part := range parts {
		if err := store.Drop(part.Digest); err != nil {
			t.Fatal(err)
		}
	}
	if left := fetch.Missing(store, l); len(left) != 0 {
		t.Errorf("missing: %v", left)
	}
	if err := lock.Make(store, l, []plan.Image{app}); err != nil {
		t.Error(err)
	}

	// With neither, the parts are missing, and Make says which.
	if err := store.Drop(l.Images[0].From.Layer); err != nil {
		t.Fatal(err)
	}
	if left := fetch.Missing(store, l); len(left) != len(parts) {
		t.Errorf("missing: %v", left)
	}
	err := lock.Make(store, l, []plan.Image{app})
	if err == nil || !strings.Contains(err.Error(), `making image "`+app.Name+`": reading the manifest of base "`+busybox.Name+`" for linux/amd64`) {
		t.Errorf("got %v", err)
	}
}

func TestImageIsMadeOfTheLockedBaseAlthoughTheTagMoved(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://")+"/base:1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	push := func() {
		t.Helper()
		img, err := random.Image(512, 1)
		if err == nil {
			img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: rootfs(t, img)})
		}
		if err == nil {
			err = remote.Write(ref, img)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	push()
	app := derived("app", plan.Image{Name: "registry.example/base:1", Platforms: platforms[:1]})
	c := newClient(t, []plan.Source{{Prefix: "registry.example", Mirror: server.URL}})
	before, err := lock.Resolve(t.Context(), c, newCache(t), plan.Supply{Images: []plan.Image{app}}, 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	push()
	store := newCache(t)
	bring(t, c, store, before, []plan.Image{app})
	whole(t, store, before)
	after, err := lock.Resolve(t.Context(), c, newCache(t), plan.Supply{Images: []plan.Image{app}}, 4, nil)
	if err != nil || after.Images[0].Digest == before.Images[0].Digest {
		t.Errorf("the tag did not move: %v", err)
	}

	// A registry that drops what has no tag: the error names the base.
	if err := remote.Delete(ref.Context().Digest(before.Images[0].From.Digest)); err != nil {
		t.Fatal(err)
	}
	empty := newCache(t)
	err = fetch.Fetch(t.Context(), c, empty, fetch.Missing(empty, before), fetch.Jobs, nil)
	if err == nil || !strings.Contains(err.Error(), `fetching "registry.example/base@`+before.Images[0].From.Digest) {
		t.Errorf("got %v", err)
	}
}

func rootfs(t *testing.T, img v1.Image) v1.RootFS {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config.RootFS
}

// TestBundleHasDerivedImages promises that packing takes them like any other, and
// that a program of others finds them by name.
func TestBundleHasDerivedImages(t *testing.T) {
	images := []plan.Image{derived("docker", busybox), derived("oci", coredns), coredns}
	l, c, _ := locked(t, images...)
	store := newCache(t)
	bring(t, c, store, l, images)
	out := filepath.Join(t.TempDir(), "b.tar")
	in := bundle.Input{
		Meta:  bundle.Meta{Name: "lab", Version: "1.0.0", Spec: l.Digest(), Satchel: "v0.1.0", Hosts: []bundle.Host{{Name: "master1", Address: "10.0.0.1", Roles: []string{"control-plane"}}}},
		Lock:  l,
		Cache: store,
	}
	if err := bundle.Write(t.Context(), out, in, nil); err != nil {
		t.Fatal(err)
	}
	report, err := bundle.Verify(t.Context(), out)
	if err != nil || len(report.Problems) > 0 {
		t.Fatalf("%v, %v", report, err)
	}
	dir := filepath.Join(t.TempDir(), "b")
	if err := bundle.Unpack(t.Context(), out, dir, ""); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("skopeo")
	if err != nil && os.Getenv("SATCHEL_TOOLS") == "required" {
		t.Fatal("SATCHEL_TOOLS is \"required\", and skopeo is not installed")
	}
	if err != nil {
		t.Skip("skopeo is not installed")
	}
	for _, image := range images[:2] {
		to := t.TempDir()
		cmd := exec.CommandContext(t.Context(), program, "--insecure-policy", "--override-os", "linux", "--override-arch", "arm64",
			"copy", "--preserve-digests", "oci:"+filepath.Join(dir, "images")+":"+image.Name, "dir:"+to)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("skopeo: %v\n%s", err, out)
		}
		if got := start(t, to); got != "#!/bin/sh\n" {
			t.Errorf("%s has %q", image.Name, got)
		}
	}
}

// start is the file of derived in the last layer of an image that skopeo copied.
func start(t *testing.T, dir string) string {
	t.Helper()
	var m struct{ Layers []struct{ Digest string } }
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil || len(m.Layers) != 3 {
		t.Fatalf("the manifest is %s, %v", data, err)
	}
	f, err := os.Open(filepath.Join(dir, strings.TrimPrefix(m.Layers[2].Digest, "sha256:")))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(gz); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == "data/start.sh" {
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
	}
}
