package push

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/satchel-kit/satchel/internal/archive"
	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/registry"
)

// pushBundle pushes a bundle as a whole, which must succeed.
func pushBundle(t testing.TB, path, to string, options ...Option) *Bundle {
	t.Helper()
	at := target(t, to)
	result, err := client(t, at.Host, options...).Bundle(t.Context(), path, at, Jobs, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestTheArtifactIsOneThatOtherToolsRead(t *testing.T) {
	host := realRegistry(t, "")
	fix := full(t)
	tar := fix.write("b.tar")
	result := pushBundle(t, tar, host+"/bundles/lab:1.2.3")
	out, err := exec.CommandContext(t.Context(), need(t, "skopeo"), "inspect", "--raw", "--tls-verify=false", "docker://"+host+"/bundles/lab:1.2.3").Output()
	if err != nil {
		t.Fatal(err)
	}
	var m v1.Manifest
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	if digestOf(out) != result.Digest || m.ArtifactType != "application/vnd.satchel.bundle.v1" || m.Config.MediaType != "application/vnd.oci.empty.v1+json" || m.Config.Size != 2 {
		t.Errorf("got %s", out)
	}
	want := map[string]string{
		"org.opencontainers.image.title": "lab", "org.opencontainers.image.version": "1.2.3",
		"vnd.satchel.bundle.spec": fix.Meta.Spec, "vnd.satchel.bundle.lock": fix.Lock.Digest(),
	}
	if fmt.Sprint(m.Annotations) != fmt.Sprint(want) {
		t.Errorf("the annotations are %v", m.Annotations)
	}
	titles := map[string]string{}
	for _, layer := range m.Layers {
		titles[layer.Annotations["org.opencontainers.image.title"]] = layer.Digest.String()
	}
	alone := 0
	for _, file := range must(bundle.Inspect(t.Context(), tar)).Manifest.Files {
		if file.Size >= 128<<10 {
			alone++
			if titles[file.Path] != "sha256:"+file.SHA256 {
				t.Errorf("%s is no layer of its own", file.Path)
			}
		}
	}
	if alone < 5 || len(m.Layers) != alone+1 || titles["tree.tar"] == "" {
		t.Errorf("the layers are %v for %d large files", titles, alone)
	}
}

func TestTheSecondVersionOfABundleSendsWhatIsNew(t *testing.T) {
	f := before(t, realRegistry(t, ""))
	fix := full(t)
	first := pushBundle(t, fix.write("b.tar"), f.host()+"/lab:1")
	if first.Blobs.Skipped.Blobs != 0 || !first.Changed {
		t.Errorf("%+v", first)
	}
	f.forget()
	again := pushBundle(t, unpacked(t, fix.write("b.tar")), f.host()+"/lab:1")
	if again.Changed || again.Digest != first.Digest || f.count("POST blobs")+f.count("PUT manifests")+f.count("HEAD blobs") != 0 || again.Blobs.Skipped != first.Blobs.Pushed {
		t.Errorf("%+v, %v", again, f.requests)
	}
	fix.Meta.Version = "1.2.4"
	second := pushBundle(t, fix.write("b.tar"), f.host()+"/lab:2")
	if second.Blobs.Pushed.Blobs != 1 || second.Blobs.Pushed.Bytes > 50_000 || second.Digest == first.Digest {
		t.Errorf("%+v", second)
	}
}

func TestADamagedBundleIsNotStored(t *testing.T) {
	large := noise(2, 1<<20)
	registry := realRegistry(t, "")
	for what, test := range map[string]struct {
		where []byte
		parts []string
	}{
		"a large file":    {large[5000:5100], []string{"files/amd64/kubeadm", "damaged", "verify the bundle"}},
		"a small file":    {[]byte("hostname\n"), []string{"steps/10-names.sh", "damaged", "verify the bundle"}},
		"the list":        {[]byte("  bin/satchel-amd64\n"), []string{"SHA256SUMS", "verify the bundle"}},
		"the bundle.json": {[]byte("1.2.3"), []string{"SHA256SUMS", "verify the bundle"}},
	} {
		f := before(t, registry)
		tar := full(t).write("b.tar")
		damage(t, tar, test.where)
		at := target(t, f.host()+"/lab:"+strings.ReplaceAll(what, " ", "-"))
		_, err := client(t, at.Host).Bundle(t.Context(), tar, at, Jobs, nil)
		fails(t, err, append(test.parts, "b.tar")...)
		if n := f.count("PUT manifests"); n != 0 {
			t.Errorf("%s: %d manifests were put", what, n)
		}
	}
}

func TestPartsOfABundleAreNotStored(t *testing.T) {
	tar := full(t).write("b.tar")
	lacking := func(path string) string {
		dir := unpacked(t, tar)
		if err := os.Remove(filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	short := unpacked(t, tar)
	if err := os.WriteFile(filepath.Join(short, "files/amd64/kubeadm"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	one := filepath.Join(t.TempDir(), "one")
	if err := bundle.Unpack(t.Context(), tar, one, "a"); err != nil {
		t.Fatal(err)
	}
	without := func(left string, extra ...archive.Entry) string {
		path := filepath.Join(t.TempDir(), "b.tar")
		if err := os.WriteFile(path, repacked(t, tar, left, extra...), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, parts := range map[string][]string{
		lacking("files/amd64/kubeadm"):  {"files/amd64/kubeadm", "is missing"},
		lacking("SHA256SUMS"):           {"SHA256SUMS"},
		short:                           {"files/amd64/kubeadm", "1 bytes"},
		one:                             {"hosts/b/host.env", "--host"},
		without("files/amd64/kubeadm"):  {"files/amd64/kubeadm", "a delta is not all of a bundle"},
		without("", plain("extra")):     {"extra", "not in bundle.json"},
		full(t).write("b.tar.gz"):       {"unpack it first"},
		filepath.Join(one, "no-bundle"): {"no such file"},
	} {
		at := target(t, "127.0.0.1:1/lab:1")
		_, err := client(t, at.Host).Bundle(t.Context(), path, at, Jobs, nil)
		fails(t, err, parts...)
	}
}

func plain(path string) archive.Entry { return file(path, "x") }

func file(path, text string) archive.Entry {
	return archive.Entry{Path: path, Mode: 0o644, Size: int64(len(text)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}}
}

// repacked is an archive without one of its files and with others at its end.
func repacked(t testing.TB, path, left string, extra ...archive.Entry) []byte {
	t.Helper()
	index := must(archive.OpenIndex(t.Context(), path))
	defer index.Close()
	var entries []archive.Entry
	err := archive.Read(t.Context(), path, func(e archive.Entry) error {
		if e.Path != left {
			e.Open = func() (io.ReadCloser, error) { f, _, err := index.Open(e.Path); return f, err }
			entries = append(entries, e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := archive.Write(t.Context(), &out, archive.Tar, append(entries, extra...)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestManyLargeFilesStillFitAManifest(t *testing.T) {
	entries := make([]entry, 3*maxLayers)
	for i := range entries {
		entries[i].Path = fmt.Sprintf("packages/amd64/some-package-with-a-long-name-%06d_1.2.3-4+deb12u1_amd64.deb", i)
		entries[i].SHA256, entries[i].Size = strings.Repeat("0", 64), large+int64(i%3)*large
	}
	small, big := split(entries)
	if len(small)+len(big) != len(entries) || len(big) != maxLayers || big[0].Size != 3*large || big[0].position != 2 {
		t.Errorf("%d small, %d large files", len(small), len(big))
	}
	d, err := (&artifact{tree: descriptor(treeType, digestOf(nil), 0), big: big}).encode()
	if err != nil || len(d.data) > registry.MaxManifest/2 {
		t.Errorf("the manifest has %d bytes, %v", len(d.data), err)
	}
}

func FuzzDecodeArtifact(f *testing.F) {
	d := must((&artifact{
		tree: descriptor(treeType, digestOf(nil), 0), annotations: map[string]string{titleKey: "lab"},
		big: []placed{{entry{File: bundle.File{Path: "files/x", SHA256: strings.Repeat("a", 64), Size: 1 << 20}}, 3}},
	}).encode())
	f.Add(d.data)
	f.Add([]byte(`{"artifactType":"application/vnd.satchel.bundle.v1","layers":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := decodeArtifact(data)
		if err != nil {
			return
		}
		for _, c := range parts(a) {
			if !digestForm.MatchString(c.digest) || c.size < 0 {
				t.Errorf("accepted the layer %+v", c)
			}
		}
	})
}
