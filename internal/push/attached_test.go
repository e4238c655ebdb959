package push

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/lock"
)

// signature is what cosign stores: a layer for each signature, which is in the layer's
// annotations.
func signature(of string, by ...string) v1.Image {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, key := range by {
		image = must(mutate.Append(image, mutate.Addendum{
			Layer:       static.NewLayer([]byte("it is "+of), "application/vnd.dev.cosign.simplesigning.v1+json"),
			Annotations: map[string]string{"dev.cosignproject.cosign/signature": key},
		}))
	}
	return image
}

// signed is a bundle of one image, as it is before anybody has signed it.
type signed struct {
	*fixture
	digest, sig string
	// lists are what is about the image as referrers.
	lists []string
}

func unsignedBundle(t *testing.T) *signed {
	t.Helper()
	s := &signed{fixture: newFixture(t)}
	s.addImage(pause, withLayers(noise(3, 1000)))
	s.digest = s.Lock.Images[0].Manifests[0].Digest
	s.sig = strings.Replace(s.digest, ":", "-", 1) + ".sig"
	return s
}

// sign attaches a signature and two lists of contents to the image.
func (s *signed) sign() {
	s.Helper()
	s.attach(signature(s.digest, "upstream"), lock.Attached{Tag: s.sig})
	m := s.Lock.Images[0].Manifests[0]
	subject := descriptor(m.MediaType, m.Digest, m.Size)
	for _, text := range []string{"contents", "licenses"} {
		image := must(mutate.AppendLayers(signature("", ""), static.NewLayer([]byte(text), "text/plain")))
		s.lists = append(s.lists, s.attach(mutate.Subject(image, subject).(v1.Image), lock.Attached{ArtifactType: "application/vnd.example.list"}))
	}
}

func (s *signed) attach(image v1.Image, as lock.Attached) (digest string) {
	s.Helper()
	stored := s.store("", image)
	as.Blob, as.Subject, as.Blobs = stored.Blob, s.digest, append([]lock.Blob{stored.Config}, stored.Layers...)
	locked := &s.Lock.Images[0]
	locked.Attached = append(locked.Attached, as)
	slices.SortFunc(locked.Attached, func(a, b lock.Attached) int { return cmp.Compare(a.Digest, b.Digest) })
	return stored.Digest
}

// whole checks that a registry has the image with everything about it.
func (s *signed) whole(t *testing.T, host string) {
	t.Helper()
	repo := must(name.NewRepository(host+"/registry.k8s.io/pause", name.Insecure))
	_, tag, _ := strings.Cut(pause, ":")
	if got, err := remote.Head(repo.Tag(tag)); err != nil || got.Digest.String() != s.digest {
		t.Errorf("the tag stands for %v, %v", got, err)
	}
	refs := []name.Reference{repo.Tag(tag), repo.Tag(s.sig)}
	listed := must(must(remote.Referrers(repo.Digest(s.digest))).IndexManifest()).Manifests
	for _, digest := range s.lists {
		if !slices.ContainsFunc(listed, func(d v1.Descriptor) bool { return d.Digest.String() == digest }) {
			t.Errorf("the referrers have no %s: %+v", digest, listed)
		}
		refs = append(refs, repo.Digest(digest))
	}
	for _, ref := range refs {
		got, err := remote.Get(ref)
		if err != nil {
			t.Error(err)
			continue
		}
		m := must(v1.ParseManifest(bytes.NewReader(got.Manifest)))
		for _, d := range append(m.Layers, m.Config) {
			layer := must(remote.Layer(repo.Digest(d.Digest.String())))
			if data, err := io.ReadAll(must(layer.Compressed())); err != nil || digestOf(data) != d.Digest.String() {
				t.Errorf("%s needs %s, of which %d bytes come, %v", ref, d.Digest, len(data), err)
			}
		}
	}
}

// registries are one that lists what is about a digest by itself, and one that does not.
func registries(t *testing.T, do func(t *testing.T, host string, lists bool)) {
	t.Run("that lists referrers", func(t *testing.T) {
		server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
		t.Cleanup(server.Close)
		do(t, strings.TrimPrefix(server.URL, "http://"), true)
	})
	t.Run("that has them under a tag", func(t *testing.T) { do(t, realRegistry(t, ""), false) })
}

// TestWhatIsAttachedLaterIsPushedLater has an image in the registry that is signed
// then: the image is the same.
func TestWhatIsAttachedLaterIsPushedLater(t *testing.T) {
	registries(t, func(t *testing.T, host string, lists bool) {
		f := before(t, host)
		s := unsignedBundle(t)
		pushImages(t, s.write("a.tar"), f.host())
		s.sign()
		path := s.write("b.tar")
		var own int // stores of the image's tag, which the registry may have made immutable
		f.failing(func(_ http.ResponseWriter, r *http.Request) bool {
			if kindOf(r) == "PUT manifests" && strings.HasSuffix(pause, ":"+lastOf(r)) {
				own++
			}
			return false
		})
		if result := pushImages(t, path, f.host()); !result.Images[0].Changed {
			t.Error("it is said to have changed nothing")
		}
		if s.whole(t, host); own != 0 {
			t.Error("the image's own tag was stored again")
		}
		f.forget()
		result := pushImages(t, path, f.host())
		if result.Images[0].Changed || result.Blobs.Pushed.Blobs != 0 {
			t.Errorf("a third push did something: %+v", result)
		}
		// The image, its signature, two lists of contents; and who lists them.
		want := map[string]int{"HEAD manifests": 4, "GET": 2}
		if !lists {
			want["GET manifests"] = 1
		}
		if fmt.Sprint(f.requests) != fmt.Sprint(want) {
			t.Errorf("the requests are %v, want %v", f.requests, want)
		}
	})
}

func lastOf(r *http.Request) string { return r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:] }

// TestAPushThatBreaksOffAtAnyManifestIsMadeWhole refuses one manifest after the other,
// to a registry that has nothing and to one that has the image without what is attached.
func TestAPushThatBreaksOffAtAnyManifestIsMadeWhole(t *testing.T) {
	registries(t, func(t *testing.T, host string, lists bool) {
		s := unsignedBundle(t)
		unsigned := s.write("a.tar")
		s.sign()
		path := s.write("b.tar")
		_, tag, _ := strings.Cut(pause, ":")
		for _, there := range []bool{false, true} {
			broke := 0
			for n := 0; ; n++ {
				f := before(t, host)
				place := f.host() + fmt.Sprintf("/%t-%d", there, n)
				if there {
					pushImages(t, unsigned, place)
				}
				stores := 0
				f.failing(func(w http.ResponseWriter, r *http.Request) bool {
					if kindOf(r) == "PUT manifests" {
						stores++
					}
					if kindOf(r) != "PUT manifests" || stores <= n {
						return false
					}
					says(403, "DENIED", "no")(w, r)
					return true
				})
				at := target(t, place)
				_, err := client(t, at.Host).Images(t.Context(), path, at, 1, nil)
				f.failing(nil)
				if err != nil {
					broke++
					ref := must(name.ParseReference(place+"/"+pause, name.Insecure))
					if _, err := remote.Head(ref); (err == nil) != there {
						t.Errorf("after %d manifests the tag %s is there: %t", n, tag, err == nil)
					}
					if result := pushImages(t, path, place); !result.Images[0].Changed {
						t.Errorf("after %d manifests the next push finds nothing to do", n)
					}
				}
				s.whole(t, place)
				if err == nil {
					break
				}
			}
			// The signature and two lists of contents by digest, the signature's tag;
			// the list of referrers; the image by digest and by tag.
			want := 4
			if !lists {
				want++
			}
			if !there {
				want += 2
			}
			if broke != want {
				t.Errorf("it broke off %d times, want %d", broke, want)
			}
		}
	})
}

// TestSignaturesOfOthersStay has somebody sign the image in the registry, as cosign
// does: beside the signatures that are there.
func TestSignaturesOfOthersStay(t *testing.T) {
	host := realRegistry(t, "")
	s := unsignedBundle(t)
	s.sign()
	path := s.write("b.tar")
	pushImages(t, path, host)
	tag := must(name.NewTag(host+"/registry.k8s.io/pause:"+s.sig, name.Insecure))
	both := signature(s.digest, "upstream", "site")
	if err := remote.Write(tag, both); err != nil {
		t.Fatal(err)
	}
	if result := pushImages(t, path, host); result.Images[0].Changed {
		t.Error("the image is said to have changed")
	}
	if got := must(remote.Head(tag)).Digest; got != must(both.Digest()) {
		t.Errorf("the signatures are now %s", got)
	}
	// One that lacks upstream's signature is none of it.
	if err := remote.Write(tag, signature(s.digest, "site")); err != nil {
		t.Fatal(err)
	}
	if result := pushImages(t, path, host); !result.Images[0].Changed {
		t.Error("upstream's signature is not missed")
	}
	s.whole(t, host)
}
