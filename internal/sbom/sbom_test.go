package sbom

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/package-url/packageurl-go"

	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/render"
)

func digestOf(text string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))) }

func blob(mediaType, text string) lock.Blob {
	return lock.Blob{MediaType: mediaType, Digest: digestOf(text), Size: int64(len(text))}
}

func manifest(platform, text string, layers ...string) lock.Manifest {
	m := lock.Manifest{Platform: platform, Blob: blob("application/vnd.oci.image.manifest.v1+json", text), Config: blob("application/vnd.oci.image.config.v1+json", text+" config")}
	for _, l := range layers {
		m.Layers = append(m.Layers, blob("application/vnd.oci.image.layer.v1.tar+gzip", l))
	}
	return m
}

func locked(path, url string) lock.File {
	return lock.File{Path: path, URL: url, SHA256: hexDigits(digestOf(path)), Size: 7}
}

// sample has what bundles have: an image for two platforms, one that is made from
// another, a layer that two share, files of every origin, a tree.
func sample() Subject {
	nginx := manifest("linux/amd64", "nginx", "debian", "nginx files")
	return Subject{
		Name: "lab", Version: "1.2.3", Satchel: "v0.1.0",
		Tree: render.Tree{
			{Path: "hosts/master1/kubeadm.yaml", Mode: 0o644, Data: []byte("kind: InitConfiguration\n")},
			{Path: "hosts/master1/host.env", Mode: 0o644},
			{Path: "install.sh", Mode: 0o755, Data: []byte("#!/bin/bash\n")},
		},
		Lock: &lock.Lock{
			Format: lock.Format,
			Images: []lock.Image{
				{Name: "docker.io/library/nginx:1.29", Digest: digestOf("nginx index"), Manifests: []lock.Manifest{nginx}},
				{Name: "registry.example.com:5000/lab/Web:1", Digest: digestOf("web"), Manifests: []lock.Manifest{manifest("linux/amd64", "web", "debian", "nginx files", "web files")}, From: &lock.From{
					Base: "docker.io/library/nginx:1.28", Digest: digestOf("older index"), Recipe: digestOf("recipe"),
					Parts: []lock.Part{{Platform: "linux/amd64", Manifest: blob("application/vnd.oci.image.manifest.v1+json", "older"), Config: blob("x", "older config")}},
				}},
				{Name: "registry.k8s.io/coredns/coredns:v1.12.1", Digest: digestOf("coredns index"), Manifests: []lock.Manifest{
					manifest("linux/amd64", "coredns amd64", "base", "amd64"), manifest("linux/arm64/v8", "coredns arm64", "base", "arm64"),
				}},
			},
			Files: []lock.File{
				locked("files/amd64/cni-plugins.tgz", "https://github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz"),
				locked("files/amd64/docker.tgz", "https://download.docker.com/linux/static/stable/x86_64/docker-20.10.17.tgz"),
				locked("files/amd64/kubeadm", "https://dl.k8s.io/release/v1.34.2/bin/linux/amd64/kubeadm"),
			},
		},
	}
}

// testProgram makes a program with the compiler of the tests.
var testProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "program")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "program")
	if out, err := exec.Command("go", "build", "-o", path, "./testdata/program").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if path, err := testProgram(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(status)
}

// withProgram adds a program that Go has made.
func withProgram(t *testing.T, s Subject) Subject {
	t.Helper()
	path, err := testProgram()
	if err != nil {
		t.Fatal(err)
	}
	s.Programs = []Program{{Path: "bin/satchel-amd64", Source: path, Size: 7, SHA256: hexDigits(digestOf("satchel"))}}
	return s
}

func stock(t *testing.T, s Subject) *Inventory {
	t.Helper()
	inv, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// forms are the documents that an inventory can be written as.
var forms = map[string]func(*Inventory) ([]byte, error){
	"spdx.json":      (*Inventory).SPDX,
	"cyclonedx.json": (*Inventory).CycloneDX,
}

// TestTheDocumentsAreTheGoldenOnes shows what comes out. SATCHEL_GOLDEN=1 rewrites it.
func TestTheDocumentsAreTheGoldenOnes(t *testing.T) {
	for name, write := range forms {
		got, err := write(stock(t, sample()))
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name)
		if os.Getenv("SATCHEL_GOLDEN") != "" {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale:\n%s", golden, got)
		}
	}
}

func TestTheSameContentGivesTheSameBytes(t *testing.T) {
	shuffled := withProgram(t, sample())
	slices.Reverse(shuffled.Tree)
	slices.Reverse(shuffled.Lock.Images)
	slices.Reverse(shuffled.Lock.Files)
	for name, write := range forms {
		a, errA := write(stock(t, withProgram(t, sample())))
		b, errB := write(stock(t, shuffled))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: %v, %v, %d and %d bytes", name, errA, errB, len(a), len(b))
		}
	}
}

// TestOtherContentIsAnotherDocument is for those who tell documents apart by number.
func TestOtherContentIsAnotherDocument(t *testing.T) {
	numbers := map[string]bool{}
	changes := []func(*Subject){
		func(*Subject) {},
		func(s *Subject) { s.Version = "1.2.4" },
		func(s *Subject) { s.Satchel = "v0.2.0" },
		func(s *Subject) { s.Tree[2].Data = append(s.Tree[2].Data, '\n') },
		func(s *Subject) { s.Lock.Files[0].SHA256 = hexDigits(digestOf("other")) },
		func(s *Subject) { s.Lock.Images[0].Manifests[0].Digest = digestOf("other") },
		func(s *Subject) { s.Lock.Images[2].Manifests = s.Lock.Images[2].Manifests[:1] },
	}
	for _, change := range changes {
		s := sample()
		change(&s)
		for _, write := range forms {
			data, err := write(stock(t, s))
			if err != nil {
				t.Fatal(err)
			}
			var doc struct{ DocumentNamespace, SerialNumber string }
			if err := json.Unmarshal(data, &doc); err != nil {
				t.Fatal(err)
			}
			numbers[doc.DocumentNamespace+doc.SerialNumber] = true
		}
	}
	if want := len(changes) * len(forms); len(numbers) != want {
		t.Errorf("%d documents have %d numbers: %v", want, len(numbers), numbers)
	}
}

func TestNamesAndVersionsOfImages(t *testing.T) {
	digest := digestOf("x")
	for name, want := range map[string][3]string{
		"registry.k8s.io/coredns/coredns:v1.12.1":       {"registry.k8s.io/coredns/coredns", "v1.12.1", "coredns"},
		"registry.example.com:5000/lab/Web:1":           {"registry.example.com:5000/lab/Web", "1", "web"},
		"registry.example.com:5000/lab/web":             {"registry.example.com:5000/lab/web", "", "web"},
		"docker.io/library/nginx:1.29@" + digestOf("y"): {"docker.io/library/nginx", "1.29", "nginx"},
		"docker.io/library/nginx@" + digestOf("y"):      {"docker.io/library/nginx", "", "nginx"},
		"nginx": {"nginx", "", "nginx"},
	} {
		img := newImage(name, "linux/arm64/v8", digest)
		purl, err := packageurl.FromString(img.purl)
		if err != nil {
			t.Errorf("%s: %s: %v", name, img.purl, err)
			continue
		}
		q := purl.Qualifiers.Map()
		got := [3]string{img.repository, img.tag, purl.Name}
		if got != want || purl.Type != "oci" || purl.Version != digest || q["arch"] != "arm64" || q["repository_url"] != want[0] || q["tag"] != want[1] {
			t.Errorf("%s: got %q and %s", name, got, img.purl)
		}
	}
}

func TestVersionsOfFiles(t *testing.T) {
	for _, c := range []struct{ path, url, name, version, purl string }{
		{"files/amd64/kubeadm", "https://dl.k8s.io/release/v1.23.8/bin/linux/amd64/kubeadm", "kubeadm", "1.23.8", "pkg:generic/kubeadm@1.23.8"},
		{"files/amd64/kubelet", "https://dl.k8s.io/release/v1.35.0-rc.1/bin/linux/amd64/kubelet", "kubelet", "1.35.0-rc.1", "pkg:generic/kubelet@1.35.0-rc.1"},
		{"files/amd64/docker.tgz", "https://download.docker.com/linux/static/stable/x86_64/docker-20.10.17.tgz", "docker", "20.10.17", "pkg:generic/docker@20.10.17"},
		{"files/amd64/runc", "https://github.com/opencontainers/runc/releases/download/v1.3.3/runc.amd64", "runc", "1.3.3", "pkg:github/opencontainers/runc@v1.3.3"},
		{"files/amd64/cri-dockerd.tgz", "https://github.com/Mirantis/cri-dockerd/releases/download/v0.4.0/cri-dockerd-0.4.0.amd64.tgz", "cri-dockerd", "0.4.0", "pkg:github/mirantis/cri-dockerd@v0.4.0"},
		{"files/x/tool.zip", "https://example.com/tool.zip", "tool", "", "pkg:generic/tool"},
		{"files/x/tool", "https://github.com/owner/tool/archive/refs/tags/v2.0.tar.gz", "tool", "2.0", "pkg:generic/tool@2.0"},
		{"files/x/tool", "https://example.com/10.0.0.1/x86_64/tool", "tool", "10.0.0.1", "pkg:generic/tool@10.0.0.1"},
		{"files/x/a b", "https://example.com/a%20b?x=1&y=2", "a b", "", "pkg:generic/a%20b"},
	} {
		f := newFile(locked(c.path, c.url))
		purl, err := packageurl.FromString(f.purl)
		if err != nil {
			t.Errorf("%s: %s: %v", c.url, f.purl, err)
			continue
		}
		q := purl.Qualifiers.Map()
		bare, _, _ := strings.Cut(f.purl, "?")
		if f.name != c.name || f.version != c.version || bare != c.purl || q["download_url"] != c.url || q["checksum"] != "sha256:"+f.sha256 {
			t.Errorf("%s: got %q, %q and %s", c.url, f.name, f.version, f.purl)
		}
	}
}

func TestAProgramTellsWhatIsInIt(t *testing.T) {
	inv := stock(t, withProgram(t, sample()))
	found := map[string]bool{}
	for _, m := range inv.modules {
		name, version, _ := strings.Cut(m.purl, "@")
		found[name] = version != ""
	}
	for _, want := range []string{"pkg:golang/stdlib", "pkg:golang/github.com/package-url/packageurl-go"} {
		if !found[want] {
			t.Errorf("%s is not in %v", want, found)
		}
	}
	if p := inv.programs[0]; len(p.modules) != len(inv.modules) || p.sha256 != hexDigits(digestOf("satchel")) || p.size != 7 {
		t.Errorf("got %+v", p)
	}
}

func TestAProgramThatDoesNotTellHasNoModules(t *testing.T) {
	s := sample()
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Programs = []Program{{Path: "bin/satchel-amd64", Source: text}}
	if inv := stock(t, s); len(inv.modules) != 0 || len(inv.programs) != 1 {
		t.Errorf("got %+v, %+v", inv.programs, inv.modules)
	}
	s.Programs = []Program{{Path: "bin/satchel-amd64", Source: text + ".none"}, {Path: "bin/satchel-arm64", Source: text + ".none"}}
	_, err := New(s)
	if err == nil || !strings.Contains(err.Error(), `program "bin/satchel-amd64"`) || !strings.Contains(err.Error(), `program "bin/satchel-arm64"`) {
		t.Errorf("got %v", err)
	}
}

func TestProvenance(t *testing.T) {
	s := sample()
	o := &Origin{Name: s.Name, Version: s.Version, Spec: digestOf("spec"), Lock: s.Lock, Satchel: s.Satchel, Go: "go1.26.0"}
	sums := []byte("the sums\n")
	got, err := o.Provenance(sums)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := o.Provenance(sums); err != nil || !bytes.Equal(got, again) {
		t.Errorf("two statements differ: %v", err)
	}
	var st statement
	dec := json.NewDecoder(bytes.NewReader(got))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&st); err != nil {
		t.Fatal(err)
	}
	if want := []resource{newResource(statementSubject, "", digestOf("the sums\n"))}; !reflect.DeepEqual(st.Subject, want) {
		t.Errorf("the subject is %+v", st.Subject)
	}
	b := st.Predicate.BuildDefinition
	if b.ExternalParameters["spec"] != o.Spec || b.ExternalParameters["lock"] != s.Lock.Digest() || st.Predicate.RunDetails.Builder.Version["go"] != "go1.26.0" {
		t.Errorf("got %+v", st.Predicate)
	}
	// Spec, lock and catalogue; an image, the base of another and one for two platforms;
	// three files.
	if len(b.ResolvedDependencies) != 3+4+3 {
		t.Errorf("%d dependencies: %+v", len(b.ResolvedDependencies), b.ResolvedDependencies)
	}
	for _, r := range b.ResolvedDependencies {
		if len(r.Digest["sha256"]) != 64 {
			t.Errorf("%s has the digest %v", r.Name, r.Digest)
		}
	}
	if text := string(got); !strings.Contains(text, `"name": "docker.io/library/nginx:1.28 for linux/amd64"`) || strings.Contains(text, "lab/Web") {
		t.Errorf("a derived image does not come from its base:\n%s", got)
	}
}
