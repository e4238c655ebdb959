package push

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/fetch"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/serve"
	"github.com/satchel-kit/satchel/internal/standin"
	"github.com/satchel-kit/satchel/internal/upstream"
)

const (
	byTag = "registry.k8s.io/coredns/coredns:v1.12.1"
	other = "docker.io/library/busybox:1.36"
)

// attested is a bundle of two images with everything that upstream says about them, and
// of one of them by its digest.
type attested struct {
	*fixture
	top      string // the digest that upstream's tag stands for
	platform string // that of the manifest for amd64
	byDigest string // the image's name with top
}

func attestedBundle(t *testing.T, keep bool) *attested {
	t.Helper()
	platforms := []string{"linux/amd64"}
	images := []plan.Image{{Name: other, Platforms: platforms, Attestations: true}, {Name: byTag, Platforms: platforms, Attestations: true}}
	world := must(standin.Serve(t.Context(), images, nil))
	t.Cleanup(func() { world.Close() })
	client := must(upstream.New(world.Sources(), upstream.WithPatience(upstream.Patience{Idle: time.Second, Tries: 2, Pause: time.Millisecond})))
	a := &attested{fixture: newFixture(t)}
	top := must(client.Manifest(t.Context(), byTag))
	repo, _, _ := strings.Cut(byTag, ":")
	a.top, a.byDigest = top.Digest, repo+"@"+top.Digest
	for i := range images {
		images[i].Attestations = keep
	}
	images = append(images, plan.Image{Name: a.byDigest, Tag: "v1.12.1", Platforms: platforms, Attestations: keep})
	a.Lock = must(lock.Resolve(t.Context(), client, a.Cache, images, nil, 2, nil))
	if err := fetch.Fetch(t.Context(), client, a.Cache, fetch.Missing(a.Cache, a.Lock), 2, nil); err != nil {
		t.Fatal(err)
	}
	a.platform = a.Lock.Images[1].Manifests[0].Digest
	return a
}

// findable checks that a registry offers an image as upstream does.
func findable(t *testing.T, host string, a *attested, keepsIndex bool) {
	t.Helper()
	repo := must(name.NewRepository(host+"/registry.k8s.io/coredns/coredns", name.Insecure))
	want := a.top
	if !keepsIndex {
		want = a.Lock.Images[1].Manifests[0].Digest
	}
	got, err := remote.Get(repo.Tag("v1.12.1"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest.String() != want {
		t.Errorf("the tag stands for %s, want %s", got.Digest, want)
	}
	if err := validate.Image(must(remote.Image(repo.Tag("v1.12.1"), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"})))); err != nil {
		t.Error(err)
	}
	if _, err := remote.Image(repo.Tag(strings.Replace(a.top, ":", "-", 1) + ".sig")); err != nil {
		t.Errorf("cosign finds no signature: %v", err)
	}
	for _, subject := range []string{a.top, a.platform} {
		list := must(must(remote.Referrers(repo.Digest(subject))).IndexManifest()).Manifests
		if len(list) != 1 || list[0].ArtifactType != standin.SBOMType {
			t.Errorf("the referrers of %s are %+v", subject, list)
			continue
		}
		if err := validate.Image(must(remote.Image(repo.Digest(list[0].Digest.String())))); err != nil {
			t.Errorf("what is about %s: %v", subject, err)
		}
	}
}

func TestServeOffersAttestationsAsUpstreamDoes(t *testing.T) {
	a := attestedBundle(t, true)
	path := a.write("b.tar")
	report, err := bundle.Verify(t.Context(), path)
	if err != nil || len(report.Problems) > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	for _, path := range []string{path, unpacked(t, path)} {
		s, err := serve.New(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		server := httptest.NewServer(s)
		defer server.Close()
		host := strings.TrimPrefix(server.URL, "http://")
		findable(t, host, a, true)
		skopeo, err := exec.LookPath("skopeo")
		if err != nil {
			continue
		}
		for _, image := range []string{byTag, other, a.byDigest} {
			out, err := exec.CommandContext(t.Context(), skopeo, "--insecure-policy", "--override-arch", "amd64", "copy", "--src-tls-verify=false",
				"docker://"+host+"/"+image, "dir:"+t.TempDir()).CombinedOutput()
			if err != nil {
				t.Errorf("skopeo cannot pull %s: %v\n%s", image, err, out)
			}
		}
	}
}

// TestHostsWithoutARegistryGetNoAttestations: what index.json leads to is what container
// runtimes import.
func TestHostsWithoutARegistryGetNoAttestations(t *testing.T) {
	with, without := attestedBundle(t, true), attestedBundle(t, false)
	for _, name := range []string{"images/index.json", "images/list"} {
		a := read(t, filepath.Join(unpacked(t, with.write("a.tar")), name))
		b := read(t, filepath.Join(unpacked(t, without.write("b.tar")), name))
		if string(a) != string(b) {
			t.Errorf("%s differs:\n%s\n%s", name, a, b)
		}
		if name == "images/list" && !strings.Contains(string(a), with.byDigest) {
			t.Errorf("%s has no line for %s:\n%s", name, with.byDigest, a)
		}
	}
}

func TestADeltaBringsTheAttestationsThatWereDroppedBefore(t *testing.T) {
	with, without := attestedBundle(t, true), attestedBundle(t, false)
	old, whole := without.write("old.tar"), with.write("whole.tar")
	with.Base = must(bundle.OpenBase(t.Context(), old))
	for _, i := range with.Base.Lacking(with.Lock).Images {
		if len(i.Manifests) > 0 {
			t.Errorf("the delta is said to need manifests of %s", i.Name)
		}
	}
	delta := with.write("delta.tar")
	dir := filepath.Join(t.TempDir(), "merged")
	if err := bundle.Merge(t.Context(), []string{old, delta}, dir, ""); err != nil {
		t.Fatal(err)
	}
	want := unpacked(t, whole)
	for _, name := range []string{"bundle.json", "SHA256SUMS", "images/index.json"} {
		if string(read(t, filepath.Join(dir, name))) != string(read(t, filepath.Join(want, name))) {
			t.Errorf("%s differs", name)
		}
	}
	if report, err := bundle.Verify(t.Context(), dir); err != nil || len(report.Problems) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
	// Of what the base has by then nothing is needed for a second delta.
	with.Base = must(bundle.OpenBase(t.Context(), whole))
	if l := with.Base.Lacking(with.Lock); slices.ContainsFunc(l.Images, func(i lock.Image) bool { return len(i.Attached) > 0 }) {
		t.Error("a delta of the same bundle is said to need attestations")
	}
}

func TestPushCarriesAttestationsIntoARegistryThatChecksIndexes(t *testing.T) {
	a := attestedBundle(t, true)
	host := realRegistry(t, "")
	// By the digest of an index with platforms that the bundle lacks it cannot be there.
	_, err := client(t, host).Images(context.Background(), a.write("b.tar"), target(t, host), 2, nil)
	fails(t, err, "pushing image "+fmt.Sprintf("%q", a.byDigest), "name the image by a tag, or by the digest of its manifest for one platform")
	a.Lock.Images = slices.DeleteFunc(a.Lock.Images, func(i lock.Image) bool { return i.Name == a.byDigest })
	path := a.write("c.tar")
	for range 2 { // a second time is nothing else
		pushImages(t, path, host)
		findable(t, host, a, false)
	}
}
