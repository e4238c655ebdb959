package push

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/satchel-kit/satchel/internal/archive"
	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/cache"
)

// pulled is where pulls in a test go: a directory and a cache of their own.
type pulled struct {
	testing.TB
	dir   string
	store *cache.Cache
}

func pulling(t testing.TB) *pulled {
	t.Helper()
	return &pulled{t, t.TempDir(), must(cache.Open(t.TempDir()))}
}

func (p *pulled) try(from, name string) (*Pulled, error) {
	p.Helper()
	at := target(p, from)
	return client(p, at.Host).Pull(p.Context(), at, filepath.Join(p.dir, name), p.store, Jobs, nil)
}

// get pulls a bundle, which must succeed.
func (p *pulled) get(from, name string) (*Pulled, []byte) {
	p.Helper()
	result, err := p.try(from, name)
	if err != nil {
		p.Fatal(err)
	}
	return result, read(p, filepath.Join(p.dir, name))
}

// empty fails if something is in the directory.
func (p *pulled) empty() {
	p.Helper()
	if entries := must(os.ReadDir(p.dir)); len(entries) != 0 {
		p.Errorf("the directory has %q", entries)
	}
}

func TestPullGivesTheSameBytes(t *testing.T) {
	host := realRegistry(t, "")
	fix := full(t)
	tar := fix.write("b.tar")
	result := pushBundle(t, tar, host+"/bundles/lab:tar")
	dir := pushBundle(t, unpacked(t, tar), host+"/bundles/lab:dir")
	if dir.Digest != result.Digest {
		t.Error("a directory becomes another artifact than its archive")
	}
	for _, ref := range []string{":tar", ":dir", "@" + result.Digest, ":tar@" + result.Digest} {
		for _, name := range []string{"b.tar", "b.tar.zst"} {
			got, data := pulling(t).get(host+"/bundles/lab"+ref, name)
			if !bytes.Equal(data, read(t, fix.write(name))) {
				t.Errorf("%s: %s has other bytes than build writes", ref, name)
			}
			if got.Name != "lab" || got.Version != "1.2.3" || got.Digest != result.Digest || got.Fetched.Blobs == 0 || got.Cached.Blobs != 0 {
				t.Errorf("got %+v", got)
			}
		}
	}
}

// TestASignatureKeepsItsPlace has one where sign might put it, and one where not.
func TestASignatureKeepsItsPlace(t *testing.T) {
	host := realRegistry(t, "")
	tar := full(t).write("b.tar")
	signed := filepath.Join(t.TempDir(), "signed.tar")
	if err := os.WriteFile(signed, repacked(t, tar, "", file("SHA256SUMS.sig", "a signature")), 0o600); err != nil {
		t.Fatal(err)
	}
	pushBundle(t, signed, host+"/lab:1")
	if _, data := pulling(t).get(host+"/lab:1", "b.tar"); !bytes.Equal(data, read(t, signed)) {
		t.Error("the signed bundle has other bytes")
	}
	pushBundle(t, unpacked(t, signed), host+"/lab:2")
	p := pulling(t)
	p.get(host+"/lab:2", "b.tar")
	dir := unpacked(t, filepath.Join(p.dir, "b.tar"))
	if string(read(t, filepath.Join(dir, "SHA256SUMS.sig"))) != "a signature" {
		t.Error("the signature is lost")
	}
	report, err := bundle.Verify(t.Context(), filepath.Join(p.dir, "b.tar"))
	if err != nil || len(report.Problems) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestANewVersionFetchesWhatIsNew(t *testing.T) {
	f := before(t, realRegistry(t, ""))
	fix := full(t)
	pushBundle(t, fix.write("b.tar"), f.host()+"/lab:1")
	fix.Meta.Version = "1.2.4"
	second := fix.write("b.tar")
	pushBundle(t, second, f.host()+"/lab:2")
	p := pulling(t)
	p.get(f.host()+"/lab:1", "b.tar")
	f.forget()
	got, data := p.get(f.host()+"/lab:2", "b.tar")
	if got.Fetched.Blobs != 1 || f.bytes("GET blobs") != got.Fetched.Bytes || got.Version != "1.2.4" || !bytes.Equal(data, read(t, second)) {
		t.Errorf("%+v, %d bytes came", got, f.bytes("GET blobs"))
	}
}

func TestABrokenPullGoesOn(t *testing.T) {
	f := before(t, realRegistry(t, ""))
	fix := newFixture(t)
	fix.addFile("files/amd64/big", noise(3, 8<<20))
	tar := fix.write("b.tar")
	pushBundle(t, tar, f.host()+"/lab:1")
	var ranges atomic.Int64
	f.forget()
	// Every answer ends after 3 MiB.
	f.failing(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") != "" {
			ranges.Add(1)
		}
		return false
	})
	f.spoil = func(resp *http.Response) {
		if resp.Request.Method == http.MethodGet && resp.ContentLength > 3<<20 {
			resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 3<<20), ends{}))
		}
	}
	_, data := pulling(t).get(f.host()+"/lab:1", "b.tar")
	if !bytes.Equal(data, read(t, tar)) || ranges.Load() != 2 {
		t.Errorf("%d bytes, %d ranges", len(data), ranges.Load())
	}
	if came := f.bytes("GET blobs"); came > int64(len(data))+1<<20 {
		t.Errorf("%d bytes came for %d", came, len(data))
	}
}

type ends struct{}

func (ends) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestAKilledPullGoesOn stops a pull in the middle of a blob and repeats it.
func TestAKilledPullGoesOn(t *testing.T) {
	f := before(t, realRegistry(t, ""))
	fix := newFixture(t)
	fix.addFile("files/amd64/big", noise(3, 8<<20))
	tar := fix.write("b.tar")
	pushBundle(t, tar, f.host()+"/lab:1")
	p := pulling(t)
	f.spoil = func(resp *http.Response) {
		if resp.StatusCode == http.StatusOK && resp.ContentLength > 3<<20 {
			resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 1<<20), ends{}))
		} else if resp.StatusCode == http.StatusPartialContent {
			panic(http.ErrAbortHandler)
		}
	}
	_, err := p.try(f.host()+"/lab:1", "b.tar")
	fails(t, err, f.host(), `"files/amd64/big"`, "EOF", "check the registry and the network")
	p.empty()
	f.mu.Lock()
	f.spoil = nil
	f.mu.Unlock()
	f.forget()
	got, data := p.get(f.host()+"/lab:1", "b.tar")
	if !bytes.Equal(data, read(t, tar)) || f.bytes("GET blobs") >= got.Fetched.Bytes {
		t.Errorf("%d of %d bytes came, %+v", f.bytes("GET blobs"), len(data), got)
	}
}

// TestRegistriesWithoutRanges has some that answer otherwise than with the part
// that was asked for.
func TestRegistriesWithoutRanges(t *testing.T) {
	registry := realRegistry(t, "")
	fix := newFixture(t)
	fix.addFile("files/amd64/big", noise(3, 2<<20))
	tar := fix.write("b.tar")
	pushBundle(t, tar, registry+"/lab:1")
	for what, change := range map[string]func(r *http.Request) bool{
		"all of it":       func(r *http.Request) bool { r.Header.Del("Range"); return false },
		"another part":    func(r *http.Request) bool { r.Header.Set("Range", "bytes=5-"); return false },
		"no such a range": func(r *http.Request) bool { return true },
	} {
		f := before(t, registry)
		var cut atomic.Bool
		f.failing(func(w http.ResponseWriter, r *http.Request) bool {
			refuse := r.Header.Get("Range") != "" && change(r)
			if refuse {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			}
			return refuse
		})
		f.spoil = func(resp *http.Response) {
			if resp.Request.Method == http.MethodGet && resp.ContentLength > 1<<20 && !cut.Swap(true) {
				resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 1<<20), ends{}))
			}
		}
		if _, data := pulling(t).get(f.host()+"/lab:1", "b.tar"); !bytes.Equal(data, read(t, tar)) || !cut.Load() {
			t.Errorf("%s: %d bytes", what, len(data))
		}
	}
}

func TestWhatDecaysInTheCacheIsFetchedAnew(t *testing.T) {
	host := realRegistry(t, "")
	tar := full(t).write("b.tar")
	pushed := pushBundle(t, tar, host+"/lab:1")
	p := pulling(t)
	p.get(host+"/lab:1", "b.tar")
	manifest := must(decodeArtifact(must(client(t, host).pulling("lab").getManifest(t.Context(), pushed.Digest)).data))
	for _, digest := range []string{manifest.tree.Digest.String(), "sha256:" + manifest.big[0].SHA256} {
		f := must(p.store.Get(digest))
		f.Close()
		if err := os.Chmod(f.Name(), 0o600); err != nil {
			t.Fatal(err)
		}
		data := read(t, f.Name())
		data[len(data)/2] ^= 1
		if err := os.WriteFile(f.Name(), data, 0o600); err != nil {
			t.Fatal(err)
		}
		before := read(t, filepath.Join(p.dir, "b.tar"))
		_, err := p.try(host+"/lab:1", "b.tar")
		fails(t, err, digest, "damaged in the cache", "run again")
		if !bytes.Equal(before, read(t, filepath.Join(p.dir, "b.tar"))) {
			t.Error("the bundle from before did not stay")
		}
		if got, data := p.get(host+"/lab:1", "b.tar"); got.Fetched.Blobs != 1 || !bytes.Equal(data, before) {
			t.Errorf("%+v", got)
		}
	}
}

func TestWhatIsNoBundleLeavesNoFile(t *testing.T) {
	registry := realRegistry(t, "")
	tar := full(t).write("b.tar")
	pushImages(t, tar, registry)
	pushed := pushBundle(t, tar, registry+"/lab:1")
	p := pulling(t)
	for from, parts := range map[string][]string{
		registry + "/registry.k8s.io/pause:3.10":            {"no bundle but an image"},
		registry + "/docker.io/library/busybox:1.37":        {"no bundle but an image"},
		registry + "/lab:2":                                 {"404", "check the name and the tag"},
		registry + "/nothing:1":                             {"404", "check the name and the tag"},
		registry + "/lab@sha256:" + strings.Repeat("0", 64): {"404"},
		"127.0.0.1:1/lab:1":                                 {"127.0.0.1:1", "refused"},
		"nowhere.invalid/lab:1":                             {"check the registry's name"},
	} {
		_, err := p.try(from, "b.tar")
		fails(t, err, append(parts, from)...)
	}
	f := before(t, registry)
	f.spoil = func(resp *http.Response) {
		if strings.Contains(resp.Request.URL.Path, "/blobs/") {
			data := must(io.ReadAll(resp.Body))
			data[len(data)/2] ^= 1
			resp.Body = io.NopCloser(bytes.NewReader(data))
		}
	}
	_, err := p.try(f.host()+"/lab:1", "b.tar")
	fails(t, err, "content does not match", "has other bytes than the manifest lists")
	g := before(t, registry)
	g.spoil = func(resp *http.Response) {
		if strings.Contains(resp.Request.URL.Path, "/manifests/") {
			resp.Body = io.NopCloser(strings.NewReader(`{"schemaVersion":2}`))
			resp.ContentLength = -1
			resp.Header.Del("Content-Length")
		}
	}
	_, err = p.try(g.host()+"/lab@"+pushed.Digest, "b.tar")
	fails(t, err, "the manifest has digest sha256:", "not "+pushed.Digest)
	p.empty()
}

// TestArtifactsThatLieAreRefused changes a good artifact's manifest.
func TestArtifactsThatLieAreRefused(t *testing.T) {
	registry := realRegistry(t, "")
	tar := full(t).write("b.tar")
	pushed := pushBundle(t, tar, registry+"/lab:good")
	s := client(t, registry).pushing("lab")
	good := must(s.getManifest(t.Context(), pushed.Digest))
	// A tree with a file that bundle.json does not list, and one with a hostile one.
	tree := must(decodeArtifact(good.data)).tree
	p := pulling(t)
	p.get(registry+"/lab:good", "b.tar")
	p.dir = t.TempDir()
	treeFile := must(p.store.Get(tree.Digest.String()))
	treeFile.Close()
	store := func(data []byte) v1.Descriptor {
		c := content{digest: digestOf(data), size: int64(len(data)), open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
		if err := (&upload{session: s, what: c}).run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return descriptor(treeType, c.digest, c.size)
	}
	extra := store(repacked(t, treeFile.Name(), "", plain("extra")))
	lacking := store(repacked(t, treeFile.Name(), "steps/10-names.sh"))
	other := store(repacked(t, treeFile.Name(), "steps/10-names.sh", file("steps/10-names.sh", "hostnamE\n")))
	noSums := store(repacked(t, treeFile.Name(), "SHA256SUMS"))
	badSums := store(repacked(t, treeFile.Name(), "SHA256SUMS", file("SHA256SUMS", strings.Repeat("x", len(sums(must(bundle.Inspect(t.Context(), tar)).Manifest.Files, nil))))))
	noManifest := store(repacked(t, treeFile.Name(), "bundle.json"))
	text := store(noise(1, 5000))
	var twisted bytes.Buffer
	if err := archive.Write(t.Context(), &twisted, archive.Tar, []archive.Entry{file("bundle.json", `{"bundle":1}`)}); err != nil {
		t.Fatal(err)
	}
	for what, test := range map[string]struct {
		change func(*v1.Manifest)
		part   string
	}{
		"no layers":            {func(m *v1.Manifest) { m.Layers = nil }, "not the layers of a bundle"},
		"no tree":              {func(m *v1.Manifest) { m.Layers = m.Layers[1:] }, "not the layers of a bundle"},
		"another type":         {func(m *v1.Manifest) { m.ArtifactType = "application/x" }, `"application/x"`},
		"no position":          {func(m *v1.Manifest) { delete(m.Layers[1].Annotations, positionKey) }, "does not say which file"},
		"a negative position":  {func(m *v1.Manifest) { m.Layers[1].Annotations[positionKey] = "-1" }, "does not say which file"},
		"a position far away":  {func(m *v1.Manifest) { m.Layers[1].Annotations[positionKey] = "999999" }, "no free one"},
		"a position twice":     {func(m *v1.Manifest) { m.Layers = append(m.Layers, m.Layers[1]) }, "no free one"},
		"a path that leaves":   {func(m *v1.Manifest) { m.Layers[1].Annotations[titleKey] = "../../x" }, "is not in bundle.json"},
		"a layer less":         {func(m *v1.Manifest) { m.Layers = m.Layers[:len(m.Layers)-1] }, ""},
		"another file's bytes": {func(m *v1.Manifest) { m.Layers[1].Digest, m.Layers[1].Size = m.Layers[2].Digest, m.Layers[2].Size }, "not with these bytes"},
		"a small file as large": {func(m *v1.Manifest) {
			m.Layers[1].Annotations[titleKey] = "bundle.json"
		}, "is not in bundle.json"},
		"a file more":          {func(m *v1.Manifest) { m.Layers[0] = extra }, ""},
		"a file less":          {func(m *v1.Manifest) { m.Layers[0] = lacking }, ""},
		"another small file":   {func(m *v1.Manifest) { m.Layers[0] = other }, "is damaged"},
		"no SHA256SUMS":        {func(m *v1.Manifest) { m.Layers[0] = noSums }, ""},
		"another SHA256SUMS":   {func(m *v1.Manifest) { m.Layers[0] = badSums }, ""},
		"no bundle.json":       {func(m *v1.Manifest) { m.Layers[0] = noManifest }, "bundle.json"},
		"a tree of noise":      {func(m *v1.Manifest) { m.Layers[0] = text }, "tar"},
		"an empty bundle.json": {func(m *v1.Manifest) { m.Layers = []v1.Descriptor{store(twisted.Bytes())} }, "missing"},
		"a size that is wrong": {func(m *v1.Manifest) { m.Layers[0].Size++ }, ""},
	} {
		t.Run(what, func(t *testing.T) {
			var m v1.Manifest
			if err := json.Unmarshal(good.data, &m); err != nil {
				t.Fatal(err)
			}
			test.change(&m)
			d := document{mediaType: good.mediaType, data: must(json.Marshal(m))}
			d.digest = digestOf(d.data)
			if err := s.putManifest(t.Context(), d.digest, d); err != nil {
				t.Fatal(err) // a registry that does not take it is no test
			}
			_, err := p.try(registry+"/lab@"+d.digest, "b.tar")
			fails(t, err, test.part)
			p.empty()
		})
	}
}

func TestAFileThatIsThereStays(t *testing.T) {
	host := realRegistry(t, "")
	pushBundle(t, full(t).write("b.tar"), host+"/lab:1")
	p := pulling(t)
	if err := os.Mkdir(filepath.Join(p.dir, "b.tar"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := p.try(host+"/lab:1", "b.tar")
	fails(t, err, "is there already and is not a file")
	_, err = p.try(host+"/lab:1", "missing/b.tar")
	fails(t, err, "missing")
	// What a killed pull left is no obstacle, and is gone after the next one.
	if err := os.WriteFile(filepath.Join(p.dir, ".c.tar.pull"), noise(1, 20<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	_, data := p.get(host+"/lab:1", "c.tar")
	if entries := must(os.ReadDir(p.dir)); len(entries) != 2 || len(data) > 10<<20 {
		t.Errorf("the directory has %v", entries)
	}
	// Two at once do not disturb each other.
	f := must(beside(filepath.Join(p.dir, "d.tar")))
	defer f.Close()
	_, err = p.try(host+"/lab:1", "d.tar")
	fails(t, err, "another satchel is writing", "d.tar")
}

func TestTargets(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	for text, want := range map[string]Target{
		"registry.example.com":                      {Host: "registry.example.com"},
		"10.0.0.20:5000":                            {Host: "10.0.0.20:5000"},
		"registry/a":                                {Host: "registry", Path: "a"},
		"localhost:5000/a/b_c/d.e:v1":               {Host: "localhost:5000", Path: "a/b_c/d.e", Tag: "v1"},
		"[::1]:5000/a:v1@" + digest:                 {Host: "[::1]:5000", Path: "a", Tag: "v1", Digest: digest},
		"registry.example.com/a/b@" + digest:        {Host: "registry.example.com", Path: "a/b", Digest: digest},
		"registry.example.com/registry.k8s.io/p:V1": {Host: "registry.example.com", Path: "registry.k8s.io/p", Tag: "V1"},
	} {
		got, err := ParseTarget(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for text, part := range map[string]string{
		"http://registry.example.com/a":                "--plain-http",
		"https://registry.example.com/a":               "without a scheme",
		"":                                             "no host",
		"/a:v1":                                        "no host",
		"registry.example.com/":                        "no path",
		"registry.example.com/A:v1":                    `"A" is no path`,
		"registry.example.com/../a:v1":                 "no path",
		"registry.example.com/a//b:v1":                 "no path",
		"registry.example.com/a:":                      "no tag",
		"registry.example.com/a:v 1":                   "no tag",
		"registry.example.com/a:" + digest:             "no tag",
		"registry.example.com/a@sha256:1":              "no digest",
		"registry.example.com@" + digest:               "path before it",
		"user:password@registry.example.com/a:v1":      "docker login",
		"https://user:password@registry.example.com":   "without a scheme",
		"registry example.com/a:v1":                    "registry example.com",
		"r.example/" + strings.Repeat("a/", 200) + "a": "no path",
	} {
		_, err := ParseTarget(text)
		fails(t, err, part)
		if strings.Contains(err.Error(), "password@") {
			t.Errorf("the error has a password: %v", err)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, text := range []string{"r.example:5000/a/b:v1", "[::1]/a@sha256:" + strings.Repeat("a", 64), "a@b", "::"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := ParseTarget(text); err == nil && got.String() != text {
			t.Errorf("%q was read as %+v", text, got)
		} else if err == nil && (got.Host == "" || strings.Contains(got.Path, "..")) {
			t.Errorf("%q was accepted: %+v", text, got)
		}
	})
}

func ExampleTarget_String() {
	fmt.Println(Target{Host: "registry.example.com", Path: "bundles/lab", Tag: "1.0.0"})
	// Output: registry.example.com/bundles/lab:1.0.0
}
