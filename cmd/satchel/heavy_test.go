package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// heavy is the image that heavyImage answers for, in place of a small stand-in.
const heavy = "registry.k8s.io/kube-apiserver:v1.23.8"

// heavyLayer is a layer of any size that needs no memory.
type heavyLayer struct {
	digest  string
	size    int64
	content io.ReaderAt
}

func newHeavyLayer(t testing.TB, content io.ReaderAt, size int64) heavyLayer {
	t.Helper()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(content, 0, size)); err != nil {
		t.Fatal(err)
	}
	return heavyLayer{fmt.Sprintf("sha256:%x", sum.Sum(nil)), size, content}
}

// noiseLayers are layers that no compressor makes smaller.
func noiseLayers(t testing.TB, number int, size int64) []heavyLayer {
	t.Helper()
	var all []heavyLayer
	for i := range number {
		data := make([]byte, size)
		rand.NewChaCha8([32]byte{byte(i)}).Read(data)
		all = append(all, newHeavyLayer(t, bytes.NewReader(data), size))
	}
	return all
}

// heavyImage serves one image with these layers, for one platform, with ranges;
// all else comes from inner.
func heavyImage(t testing.TB, inner http.Handler, layers ...heavyLayer) http.Handler {
	t.Helper()
	_, tag, _ := strings.Cut(heavy, ":")
	manifest, contents := describeImage(t, layers)
	contents["manifests/"+tag] = contents["manifests/"+manifest]
	return serveHeavy(inner, contents)
}

// serveHeavy serves what a repository has by its place there.
func serveHeavy(inner http.Handler, contents map[string]heavyLayer) http.Handler {
	repository, _, _ := strings.Cut(heavy, ":")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, mine := strings.CutPrefix(r.URL.Path, "/v2/"+repository+"/")
		content, found := contents[rest]
		switch {
		case !mine:
			inner.ServeHTTP(w, r)
		case !found:
			http.NotFound(w, r)
		default:
			if strings.HasPrefix(rest, "manifests/") {
				w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			} else if strings.HasPrefix(rest, "referrers/") {
				w.Header().Set("Content-Type", string(types.OCIImageIndex))
			}
			http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(content.content, 0, content.size))
		}
	})
}

// signedImage is heavyImage with a signature under cosign's tag, and with a list of
// contents as a referrer.
func signedImage(t testing.TB, inner http.Handler, layers ...heavyLayer) http.Handler {
	t.Helper()
	_, tag, _ := strings.Cut(heavy, ":")
	digest, contents := describeImage(t, layers)
	image := contents["manifests/"+digest]
	contents["manifests/"+tag] = image
	signature, more := describeImage(t, noiseLayers(t, 1, 300))
	maps.Copy(contents, more)
	contents["manifests/"+strings.Replace(digest, ":", "-", 1)+".sig"] = more["manifests/"+signature]
	nothing := encoded(t, struct{}{})
	contents["blobs/"+nothing.digest] = nothing
	list := encoded(t, v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config:  v1.Descriptor{MediaType: "application/vnd.example.list", Digest: mustHash(t, nothing.digest), Size: nothing.size},
		Layers:  []v1.Descriptor{{MediaType: "text/plain", Digest: mustHash(t, nothing.digest), Size: nothing.size}},
		Subject: &v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: mustHash(t, digest), Size: image.size},
	})
	contents["manifests/"+list.digest] = list
	contents["referrers/"+digest] = encoded(t, v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex,
		Manifests: []v1.Descriptor{{MediaType: types.OCIManifestSchema1, Digest: mustHash(t, list.digest), Size: list.size}},
	})
	return serveHeavy(inner, contents)
}

// describeImage makes the manifest and config of an image, and returns the
// manifest's digest and everything by its place in a repository.
func describeImage(t testing.TB, layers []heavyLayer) (string, map[string]heavyLayer) {
	t.Helper()
	contents := map[string]heavyLayer{}
	config := v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	for _, l := range layers {
		digest := mustHash(t, l.digest)
		contents["blobs/"+l.digest] = l
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest)
		m.Layers = append(m.Layers, v1.Descriptor{MediaType: types.OCILayer, Digest: digest, Size: l.size})
	}
	blob := encoded(t, config)
	contents["blobs/"+blob.digest] = blob
	m.Config = v1.Descriptor{MediaType: types.OCIConfigJSON, Digest: mustHash(t, blob.digest), Size: blob.size}
	doc := encoded(t, m)
	contents["manifests/"+doc.digest] = doc
	return doc.digest, contents
}

func encoded(t testing.TB, v any) heavyLayer {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return newHeavyLayer(t, bytes.NewReader(data), int64(len(data)))
}

func mustHash(t testing.TB, digest string) v1.Hash {
	t.Helper()
	h, err := v1.NewHash(digest)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
