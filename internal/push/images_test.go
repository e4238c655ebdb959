package push

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/satchel-kit/satchel/internal/bundle"
)

// digests has what a bundle's images are, by their upstream names.
func digests(t testing.TB, path string) map[string]bundle.Image {
	t.Helper()
	s, err := bundle.Inspect(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bundle.Image{}
	for _, i := range s.Manifest.Images {
		all[i.Name] = i
	}
	return all
}

func TestEveryImageArrivesUnderTheNameThatHostsPull(t *testing.T) {
	host := realRegistry(t, "")
	skopeo := need(t, "skopeo")
	tar := full(t).write("b.tar")
	// A host that serves the images has the folders of the others not.
	part := filepath.Join(t.TempDir(), "part")
	if err := bundle.Unpack(t.Context(), tar, part, "a"); err != nil {
		t.Fatal(err)
	}
	for below, path := range map[string]string{host: tar, host + "/mirror/of/lab": part} {
		result := pushImages(t, path, below)
		for i, listed := range must(bundle.Inspect(t.Context(), tar)).Manifest.Images {
			want := Stored{Name: listed.Name, Reference: below + "/" + listed.Name, Digest: listed.Digest, Changed: true}
			if result.Images[i] != want {
				t.Errorf("got %+v, want %+v", result.Images[i], want)
			}
			dir := t.TempDir()
			out, err := exec.CommandContext(t.Context(), skopeo, "--insecure-policy", "copy", "--all", "--preserve-digests", "--src-tls-verify=false",
				"docker://"+below+"/"+listed.Name, "dir:"+dir).CombinedOutput()
			if err != nil {
				t.Fatalf("skopeo: %v\n%s", err, out)
			}
			if got := digestOf(read(t, filepath.Join(dir, "manifest.json"))); got != listed.Digest {
				t.Errorf("skopeo copies %s of %s, want %s", got, listed.Name, listed.Digest)
			}
			for _, p := range listed.Platforms {
				for _, digest := range append([]string{p.Config}, p.Layers...) {
					if got := digestOf(read(t, filepath.Join(dir, strings.TrimPrefix(digest, "sha256:")))); got != digest {
						t.Errorf("skopeo copies %s instead of %s", got, digest)
					}
				}
			}
		}
	}
	// And for the platform of a host, as a runtime pulls.
	ref := must(name.ParseReference(host+"/"+busybox, name.Insecure))
	for _, arch := range []string{"amd64", "arm64"} {
		image := must(remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: arch})))
		if err := validate.Image(image); err != nil {
			t.Errorf("%s: %v", arch, err)
		}
	}
}

func TestASecondPushSendsNothing(t *testing.T) {
	f := before(t, realRegistry(t, ""))
	tar := full(t).write("b.tar")
	first := pushImages(t, tar, f.host())
	if first.Blobs.Skipped.Blobs != 0 || first.Blobs.Pushed.Blobs == 0 {
		t.Errorf("the first push counts %+v", first.Blobs)
	}
	f.forget()
	second := pushImages(t, unpacked(t, tar), f.host())
	// Beside those that find out how the registry wants to be asked.
	if n := len(second.Images); f.requests["HEAD manifests"] != n || len(f.requests) != 2 || f.requests["GET"] == 0 {
		t.Errorf("the requests for %d images are %v", n, f.requests)
	}
	want := Traffic{Skipped: Count{first.Blobs.Pushed.Blobs + first.Blobs.Mounted.Blobs, first.Blobs.Pushed.Bytes + first.Blobs.Mounted.Bytes}}
	if second.Blobs != want {
		t.Errorf("the second push counts %+v, want %+v", second.Blobs, want)
	}
	for _, i := range second.Images {
		if i.Changed {
			t.Errorf("%s is said to have changed", i.Name)
		}
	}
	json, err := json.Marshal(second)
	if err != nil || !strings.Contains(string(json), `"blobs":{"pushed":{"blobs":0,"bytes":0},"mounted":{"blobs":0,`) {
		t.Errorf("%s, %v", json, err)
	}
}

func TestTwentyImagesThatShareLayersBringEachBlobOnce(t *testing.T) {
	f := before(t, realRegistry(t, ""))
	result := pushImages(t, sharing(t, 20).write("b.tar"), f.host())
	// Two shared layers, and of each image a layer and a config.
	const blobs = 2 + 2*20
	if n := f.count("PATCH blobs"); n != blobs || result.Blobs.Pushed.Blobs != blobs {
		t.Errorf("%d blobs were sent, %d counted, want %d", n, result.Blobs.Pushed.Blobs, blobs)
	}
	if f.mounted != 2*19 || result.Blobs.Mounted != (Count{2 * 19, 19 * 500_000}) {
		t.Errorf("%d were mounted, counted %+v", f.mounted, result.Blobs.Mounted)
	}
	if got := f.bytes("PATCH blobs"); got != result.Blobs.Pushed.Bytes {
		t.Errorf("%d bytes were sent, %d counted", got, result.Blobs.Pushed.Bytes)
	}
}

func TestBlobsOfImagesThatAreThereAreMounted(t *testing.T) {
	f := before(t, realRegistry(t, ""))
	pushImages(t, sharing(t, 1).write("b.tar"), f.host())
	f.forget()
	result := pushImages(t, sharing(t, 2).write("c.tar"), f.host())
	if f.mounted != 2 || f.count("PATCH blobs") != 2 || result.Blobs.Skipped.Blobs != 4 {
		t.Errorf("%d mounted, %d sent, %+v", f.mounted, f.count("PATCH blobs"), result.Blobs)
	}
}

func TestARegistryThatDoesNotMountGetsTheBlob(t *testing.T) {
	for what, answer := range map[string]http.HandlerFunc{
		"an error":           says(http.StatusBadRequest, "UNSUPPORTED", "no mounts"),
		"another repository": says(http.StatusNotFound, "NAME_UNKNOWN", "no such repository"),
	} {
		f := before(t, realRegistry(t, ""))
		f.failing(times(99, func(r *http.Request) bool { return r.URL.Query().Has("mount") }, answer))
		result := pushImages(t, sharing(t, 3).write("b.tar"), f.host())
		if result.Blobs.Mounted.Blobs != 0 || result.Blobs.Pushed.Blobs != 4*3 {
			t.Errorf("%s: %+v", what, result.Blobs)
		}
	}
	// A registry that takes no notice of the question begins an upload, which is used.
	f := before(t, realRegistry(t, ""))
	f.failing(func(_ http.ResponseWriter, r *http.Request) bool { r.URL.RawQuery = withoutMount(r); return false })
	result := pushImages(t, sharing(t, 3).write("b.tar"), f.host())
	if n := f.count("POST blobs"); n != result.Blobs.Pushed.Blobs || n != 4*3 {
		t.Errorf("%d uploads began for %+v", n, result.Blobs)
	}
}

func withoutMount(r *http.Request) string {
	q := r.URL.Query()
	q.Del("mount")
	q.Del("from")
	return q.Encode()
}

func TestABrokenPushGoesOnWithoutSendingTwice(t *testing.T) {
	f := before(t, realRegistry(t, ""))
	tar := sharing(t, 6).write("b.tar")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var done atomic.Int64
	f.failing(func(_ http.ResponseWriter, r *http.Request) bool {
		if kindOf(r) == "PUT blobs" && done.Add(1) == 5 {
			cancel()
		}
		return false
	})
	at := target(t, f.host())
	if _, err := client(t, at.Host).Images(ctx, tar, at, 1, nil); err == nil || ctx.Err() == nil {
		t.Fatalf("the push was not interrupted: %v", err)
	}
	f.failing(nil)
	first := f.bytes("PATCH blobs")
	result := pushImages(t, tar, f.host())
	total := first + result.Blobs.Pushed.Bytes
	if sum := f.bytes("PATCH blobs"); sum != total || result.Blobs.Skipped.Blobs == 0 {
		t.Errorf("%d bytes before, %d in all, %+v", first, sum, result.Blobs)
	}
	unique := int64(500_000)
	for _, i := range digests(t, tar) {
		unique += 10_000 + configSize(t, tar, i)
	}
	// What was cut off in the middle may come twice.
	if total > unique+10_000 {
		t.Errorf("%d bytes were sent for %d", total, unique)
	}
}

func configSize(t *testing.T, path string, i bundle.Image) int64 {
	t.Helper()
	r := must(bundle.OpenReader(t.Context(), path))
	defer r.Close()
	f := must(r.Blob(i.Platforms[0].Config))
	return must(f.Seek(0, io.SeekEnd))
}

func TestADamagedBlobEndsThePushBeforeTheManifest(t *testing.T) {
	for _, packed := range []bool{true, false} {
		f := before(t, realRegistry(t, ""))
		fix := newFixture(t)
		layer := noise(7, 200_000)
		fix.addImage(pause, withLayers(layer))
		fix.addImage(older, withLayers(noise(8, 1000)))
		path := fix.write("b.tar")
		if packed {
			damage(t, path, layer[100_000:100_100])
		} else {
			path = unpacked(t, path)
			damage(t, filepath.Join(path, blobsDir, strings.TrimPrefix(digestOf(layer), "sha256:")), layer[100_000:100_100])
		}
		at := target(t, f.host())
		_, err := client(t, at.Host).Images(t.Context(), path, at, Jobs, nil)
		fails(t, err, pause, digestOf(layer), "damaged", "verify the bundle")
		if n := f.count("PUT manifests"); n != 0 {
			t.Errorf("%d manifests were put", n)
		}
		if has, err := client(t, at.Host).pushing("registry.k8s.io/pause").hasBlob(t.Context(), digestOf(layer)); has || err != nil {
			t.Errorf("the registry has it: %v, %v", has, err)
		}
		if n := f.count("PATCH blobs"); n != 4 {
			t.Errorf("%d uploads: a damaged bundle is not tried again, and the others go on", n)
		}
	}
}

func TestADamagedManifestIsFoundBeforeAnythingIsSent(t *testing.T) {
	f := before(t, realRegistry(t, ""))
	tar := full(t).write("b.tar")
	damage(t, tar, []byte(`"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest`))
	at := target(t, f.host())
	_, err := client(t, at.Host).Images(t.Context(), tar, at, Jobs, nil)
	fails(t, err, "b.tar", "damaged", "verify the bundle")
	if len(f.requests) != 0 {
		t.Errorf("requests: %v", f.requests)
	}
}

func TestAtMostSoManyTransfersRunAtOnce(t *testing.T) {
	f := before(t, realRegistry(t, ""))
	at := target(t, f.host())
	if _, err := client(t, at.Host).Images(t.Context(), sharing(t, 12).write("b.tar"), at, 3, nil); err != nil {
		t.Fatal(err)
	}
	if f.top > 3 || f.top < 2 {
		t.Errorf("%d ran at once, want at most 3", f.top)
	}
}

func TestWhatCannotBeStoredIsSaidBeforeAnythingIsSent(t *testing.T) {
	for image, parts := range map[string][]string{
		"registry.example:5000/team/tool:v1": {"port", "sources:", `"registry.example:5000"`},
		"registry.example/Team/tool:v1":      {"no registry takes such a name"},
		"registry.example/../../api/tool:v1": {"no registry takes such a name"},
		"justaname:v1":                       {"no registry takes such a name"},
	} {
		f := newFixture(t)
		f.addImage(image, withLayers([]byte("x")))
		at := target(t, "127.0.0.1:1")
		_, err := client(t, at.Host).Images(t.Context(), f.write("b.tar"), at, Jobs, nil)
		fails(t, err, append(parts, image)...)
	}
	at := target(t, "127.0.0.1:1")
	_, err := client(t, at.Host).Images(t.Context(), full(t).write("b.tar.zst"), at, Jobs, nil)
	fails(t, err, "b.tar.zst", "unpack it first")
	_, err = client(t, at.Host).Images(t.Context(), "nowhere.tar", at, Jobs, nil)
	fails(t, err, "nowhere.tar")
	dir := unpacked(t, full(t).write("b.tar"))
	for _, i := range digests(t, dir) {
		if err := os.Remove(filepath.Join(dir, blobsDir, strings.TrimPrefix(i.Platforms[0].Config, "sha256:"))); err != nil {
			t.Fatal(err)
		}
		break
	}
	_, err = client(t, at.Host).Images(t.Context(), dir, at, Jobs, nil)
	fails(t, err, blobsDir, "verify the bundle")
}

func TestABundleWithoutImagesIsNothingToPush(t *testing.T) {
	if result := pushImages(t, newFixture(t).write("b.tar"), "127.0.0.1:1"); len(result.Images) != 0 {
		t.Errorf("got %+v", result)
	}
}

func TestMemoryDoesNotGrowWithTheContent(t *testing.T) {
	const size = 64 << 20
	f := newFixture(t)
	f.addImage(pause, withLayers(noise(1, size)))
	tar := f.write("b.tar")
	host := realRegistry(t, "")
	var start, end runtime.MemStats
	runtime.ReadMemStats(&start)
	pushImages(t, tar, host)
	runtime.ReadMemStats(&end)
	if grown := end.TotalAlloc - start.TotalAlloc; grown > size/4 {
		t.Errorf("%d bytes were allocated for a layer of %d", grown, size)
	}
}

func TestNamesOfImagesBecomeRepositories(t *testing.T) {
	for image, want := range map[string]string{
		"registry.k8s.io/pause:3.10":                                      "registry.k8s.io/pause 3.10",
		"docker.io/library/busybox:1":                                     "docker.io/library/busybox 1",
		"a.io/b@sha256:" + strings.Repeat("0", 64):                        "a.io/b ",
		fmt.Sprintf("a.io/b/c_d-e:v1@sha256:%s", strings.Repeat("0", 64)): "a.io/b/c_d-e v1",
	} {
		path, tag, err := Target{Host: "r"}.place(image)
		if err != nil || path+" "+tag != want {
			t.Errorf("%s: got %s %s, %v, want %s", image, path, tag, err, want)
		}
	}
}
