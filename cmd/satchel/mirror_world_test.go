package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/standin"
)

const (
	mirrorImages   = 30
	mirrorFamilies = 5
)

// mirrorWorld is a real registry with 30 images of which each five families share their
// lower layers, a spec that needs them all, and what they take together.
type mirrorWorld struct {
	*site
	registry string
	images   []string // below the registry
	unique   int64
}

// newMirrorWorld fills a registry with about so many bytes, each layer counted once.
func newMirrorWorld(b *testing.B, total int64) *mirrorWorld {
	b.Helper()
	w := &mirrorWorld{site: newSite(b), registry: realRegistry(b)}
	w.builtProgram()
	text := "package cluster\n\nimages: [\n"
	for i := len(w.plan().Images); i < mirrorImages; i++ {
		text += fmt.Sprintf("\t\"docker.io/library/extra%02d:1\",\n", i)
	}
	w.write("spec/images.cue", text+"]\n")
	p := w.plan()
	handler, err := standin.Files(p.Files)
	if err != nil {
		b.Fatal(err)
	}
	files := httptest.NewServer(handler)
	b.Cleanup(files.Close)
	there := map[string]*made{}
	for i, image := range p.Images {
		repository, tag, _ := strings.Cut(image.Name, ":")
		u := &uploader{t: b, registry: w.registry, repository: repository, there: there}
		u.layer(fmt.Sprint("base ", i%mirrorFamilies), total*6/100)
		u.layer(fmt.Sprint("libraries ", i%mirrorFamilies), total*2/100)
		u.layer(fmt.Sprint("program ", i), total*16/1000)
		u.layer(fmt.Sprint("settings ", i), total*4/1000)
		u.finish(tag)
		w.images = append(w.images, image.Name)
	}
	for _, layer := range there {
		w.unique += layer.Size
	}
	w.pointAt(w.registry, strings.TrimPrefix(files.URL, "http://"))
	return w
}

// uploader makes one image in a registry, without holding any layer in memory.
type uploader struct {
	t                    testing.TB
	registry, repository string
	there                map[string]*made // in any repository
	layers               []v1.Descriptor
	diffIDs              []v1.Hash
}

// made is a layer that the registry has.
type made struct {
	v1.Descriptor
	diffID     v1.Hash
	repository string
}

// layer has a layer of noise of about that size in the image.
func (u *uploader) layer(seed string, size int64) {
	u.t.Helper()
	m := u.there[seed]
	if m == nil {
		m = u.upload(seed, size)
		u.there[seed] = m
	} else {
		u.send(http.MethodPost, u.address("blobs/uploads/?mount="+m.Digest.String()+"&from="+m.repository), nil, http.StatusCreated)
	}
	u.layers = append(u.layers, m.Descriptor)
	u.diffIDs = append(u.diffIDs, m.diffID)
}

func (u *uploader) upload(seed string, size int64) *made {
	u.t.Helper()
	diff, sum, n := sha256.New(), sha256.New(), count(0)
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeNoiseLayer(io.MultiWriter(w, sum, &n), diff, seed, size)) }()
	at := u.send(http.MethodPatch, u.begin(), r, http.StatusAccepted)
	digest := hashOf(sum)
	u.send(http.MethodPut, at+"&digest="+digest.String(), nil, http.StatusCreated)
	return &made{v1.Descriptor{MediaType: types.OCILayer, Digest: digest, Size: int64(n)}, hashOf(diff), u.repository}
}

// writeNoiseLayer writes a tar.gz with one file that nothing makes smaller.
func writeNoiseLayer(w, uncompressed io.Writer, seed string, size int64) error {
	z, err := gzip.NewWriterLevel(w, gzip.NoCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(io.MultiWriter(z, uncompressed))
	err = t.WriteHeader(&tar.Header{Name: "noise", Mode: 0o644, Size: size})
	if err == nil {
		_, err = io.Copy(t, io.LimitReader(rand.NewChaCha8(sha256.Sum256([]byte(seed))), size))
	}
	return errors.Join(err, t.Close(), z.Close())
}

func (u *uploader) finish(tag string) {
	u.t.Helper()
	config := v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers", DiffIDs: u.diffIDs}, Author: u.repository}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Layers: u.layers}
	m.Config = u.small(config)
	raw, err := json.Marshal(m)
	if err != nil {
		u.t.Fatal(err)
	}
	u.send(http.MethodPut, u.address("manifests/"+tag), bytes.NewReader(raw), http.StatusCreated)
}

func (u *uploader) small(v any) v1.Descriptor {
	u.t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		u.t.Fatal(err)
	}
	sum := sha256.New()
	sum.Write(raw)
	digest := hashOf(sum)
	u.send(http.MethodPut, u.begin()+"&digest="+digest.String(), bytes.NewReader(raw), http.StatusCreated)
	return v1.Descriptor{MediaType: types.OCIConfigJSON, Digest: digest, Size: int64(len(raw))}
}

// begin starts an upload and returns where it goes.
func (u *uploader) begin() string {
	u.t.Helper()
	return u.send(http.MethodPost, u.address("blobs/uploads/"), nil, http.StatusAccepted)
}

func (u *uploader) address(rest string) string {
	return "http://" + u.registry + "/v2/" + u.repository + "/" + rest
}

// send returns where the registry says that it goes on.
func (u *uploader) send(method, address string, body io.Reader, want int) string {
	u.t.Helper()
	req, err := http.NewRequestWithContext(u.t.Context(), method, address, body)
	if err != nil {
		u.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	if strings.Contains(address, "/manifests/") {
		req.Header.Set("Content-Type", string(types.OCIManifestSchema1))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		u.t.Fatal(err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != want {
		u.t.Fatalf("%s %s: %s\n%s", method, address, resp.Status, said)
	}
	return resp.Header.Get("Location")
}

func hashOf(sum hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", sum.Sum(nil))}
}

// count counts what is written to it.
type count int64

func (c *count) Write(p []byte) (int, error) { *c += count(len(p)); return len(p), nil }
