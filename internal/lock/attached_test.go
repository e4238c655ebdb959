package lock

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/standin"
)

// signed is an image of which upstream has attestations of every kind.
var signed = plan.Image{Name: "registry.k8s.io/coredns/coredns:v1.12.1", Platforms: []string{"linux/amd64"}, Attestations: true}

// before puts a server before a world, that changes some of its answers.
func before(t *testing.T, world *standin.World, answers func(w http.ResponseWriter, r *http.Request) bool) []plan.Source {
	t.Helper()
	to := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: world.Host})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answers(w, r) {
			to.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	sources := world.Sources()
	for i := range sources {
		sources[i].Mirror = strings.Replace(sources[i].Mirror, "http://"+world.Host, s.URL, 1)
	}
	return sources
}

func attestedWorld(t *testing.T) *standin.World {
	t.Helper()
	world, err := standin.Serve(t.Context(), []plan.Image{signed}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	return world
}

func lockOne(t *testing.T, sources []plan.Source, want plan.Image) *Lock {
	t.Helper()
	l, err := Resolve(t.Context(), client(t, sources), openCache(t), []plan.Image{want}, nil, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// kinds says in short what is attached to an image.
func kinds(img Image) []string {
	var all []string
	for _, a := range img.Attached {
		switch {
		case a.Subject == "":
			all = append(all, "index")
		case a.Tag != "":
			all = append(all, "signature of "+a.Subject)
		case a.ArtifactType != "":
			all = append(all, a.ArtifactType+" of "+a.Subject)
		default:
			all = append(all, "in the index "+a.Subject)
		}
	}
	slices.Sort(all)
	return all
}

func allKinds(img Image) []string {
	top, platform := img.Digest, img.Manifests[0].Digest
	all := []string{"index", "signature of " + top, standin.SBOMType + " of " + top, standin.SBOMType + " of " + platform, "in the index " + top}
	slices.Sort(all)
	return all
}

func TestAttestationsOfEveryKindAreKept(t *testing.T) {
	l := lockOne(t, attestedWorld(t).Sources(), signed)
	img := l.Images[0]
	if got := kinds(img); !slices.Equal(got, allKinds(img)) {
		t.Errorf("attached are\n%q, want\n%q", got, allKinds(img))
	}
	if _, err := Parse("satchel.lock", l.Bytes()); err != nil {
		t.Error(err)
	}
	blobs := map[string]bool{}
	for _, i := range l.Blobs() {
		blobs[i.Digest] = true
	}
	for _, a := range img.Attached {
		for _, b := range append([]Blob{a.Blob}, a.Blobs...) {
			if !blobs[b.Digest] {
				t.Errorf("nobody will fetch %s", b.Digest)
			}
		}
	}
}

func TestAttestationsAreDroppedUnlessTheyAreWanted(t *testing.T) {
	world := attestedWorld(t)
	without := signed
	without.Attestations = false
	l := lockOne(t, world.Sources(), without)
	if got := kinds(l.Images[0]); len(got) > 0 || len(l.Images[0].Manifests) != 1 {
		t.Errorf("attached are %q", got)
	}
	err := l.Covers([]plan.Image{signed}, nil)
	if err == nil || !strings.Contains(err.Error(), "the lock lacks attestations of image "+signed.Name) {
		t.Errorf("a lock without attestations, for a spec that keeps them: %v", err)
	}
	err = lockOne(t, world.Sources(), signed).Covers([]plan.Image{without}, nil)
	if err == nil || !strings.Contains(err.Error(), "which nothing needs any more") {
		t.Errorf("a lock with attestations, for a spec that drops them: %v", err)
	}
}

func TestReferrersAreFoundUnderATagWhereTheRegistryCannotListThem(t *testing.T) {
	world := attestedWorld(t)
	want := lockOne(t, world.Sources(), signed)
	old := before(t, world, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.Contains(r.URL.Path, "/referrers/"):
			http.NotFound(w, r)
			return true
		case !strings.Contains(r.URL.Path, "/manifests/sha256-") || strings.HasSuffix(r.URL.Path, ".sig") || strings.HasSuffix(r.URL.Path, ".att") || strings.HasSuffix(r.URL.Path, ".sbom"):
			return false
		}
		// What clients of such a registry keep under a tag.
		resp, err := http.Get("http://" + world.Host + strings.NewReplacer("/manifests/", "/referrers/", "sha256-", "sha256:").Replace(r.URL.Path))
		if err != nil {
			t.Error(err)
			return false
		}
		defer resp.Body.Close()
		var index json.RawMessage
		if err := json.NewDecoder(resp.Body).Decode(&index); err != nil {
			return false
		}
		w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		w.Write(index)
		return true
	})
	got := lockOne(t, old, signed)
	if got.Digest() != want.Digest() {
		t.Errorf("the locks differ:\n%s", strings.Join(Diff(want, got), "\n"))
	}
}

func TestReferrersComeInPages(t *testing.T) {
	world := attestedWorld(t)
	want := lockOne(t, world.Sources(), signed)
	pages := before(t, world, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/referrers/") || r.URL.Query().Has("page") {
			return false
		}
		w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		w.Header().Set("Link", "<"+r.URL.Path+`?page=2>; rel="next"`)
		fmt.Fprint(w, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`)
		return true
	})
	if got := lockOne(t, pages, signed); got.Digest() != want.Digest() {
		t.Errorf("the locks differ:\n%s", strings.Join(Diff(want, got), "\n"))
	}
}

func TestARegistryThatFailsIsNotTakenForOneWithoutAttestations(t *testing.T) {
	for _, part := range []string{"/referrers/", ".sig"} {
		failing := before(t, attestedWorld(t), func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, part) {
				return false
			}
			http.Error(w, "out of order", http.StatusInternalServerError)
			return true
		})
		_, err := Resolve(t.Context(), client(t, failing), openCache(t), []plan.Image{signed}, nil, 2, nil)
		if err == nil || !strings.Contains(err.Error(), "looking for attestations") {
			t.Errorf("%s: %v", part, err)
		}
	}
}

func TestAnImageNamedByDigestBringsItsIndex(t *testing.T) {
	world := attestedWorld(t)
	byTag := lockOne(t, world.Sources(), signed)
	digest := byTag.Images[0].Digest
	repo, tag, _ := strings.Cut(signed.Name, ":")
	for _, tag := range []string{"", tag, "v0.0.0-gone"} {
		want := plan.Image{Name: repo + "@" + digest, Tag: tag, Platforms: signed.Platforms}
		img := lockOne(t, world.Sources(), want).Images[0]
		if got := kinds(img); !slices.Equal(got, []string{"index"}) || img.Attached[0].Digest != digest || img.Digest != digest {
			t.Errorf("tag %q: attached are %q, the digest is %s", tag, got, img.Digest)
		}
		if len(img.Manifests) != 1 || img.Manifests[0].Digest != byTag.Images[0].Manifests[0].Digest {
			t.Errorf("tag %q: other manifests", tag)
		}
	}
	// The digest of one platform's manifest needs no index.
	platform := plan.Image{Name: repo + "@" + byTag.Images[0].Manifests[0].Digest, Platforms: signed.Platforms}
	if img := lockOne(t, world.Sources(), platform).Images[0]; len(img.Attached) > 0 || img.Digest != img.Manifests[0].Digest {
		t.Errorf("%+v", img)
	}
}
