package serve

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/lock"
)

// tool builds a program of others that testdata/clients names. Tests fetch no modules:
// make tools does.
func tool(t testing.TB, pkg string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir, pkg)
	cmd.Dir = "../../testdata/clients"
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=readonly")
	if out, err := cmd.CombinedOutput(); err != nil {
		if os.Getenv("SATCHEL_TOOLS") == "required" {
			t.Fatalf("building %s: %v\n%s", pkg, err, out)
		}
		t.Skipf("the modules of testdata/clients are not on this machine; run make tools once")
	}
	return filepath.Join(dir, filepath.Base(pkg))
}

// attach puts an artifact about an image into the bundle.
func (f *fixture) attach(name, artifactType, text string) (subject string) {
	f.Helper()
	for n := range f.Lock.Images {
		i := &f.Lock.Images[n]
		if i.Name != name {
			continue
		}
		subject := i.Manifests[0]
		img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.MediaType(artifactType))
		img = must(mutate.AppendLayers(img, static.NewLayer([]byte(text), "text/plain")))
		img = mutate.Subject(img, v1.Descriptor{MediaType: types.MediaType(subject.MediaType), Digest: must(v1.NewHash(subject.Digest)), Size: subject.Size}).(v1.Image)
		m := f.store("linux/amd64", img)
		i.Attached = append(i.Attached, lock.Attached{Blob: m.Blob, Subject: subject.Digest, ArtifactType: artifactType, Blobs: append([]lock.Blob{m.Config}, m.Layers...)})
		return subject.Digest
	}
	f.Fatalf("no image %q", name)
	return ""
}

// TestTheConformanceTestsOfOCIPass runs those for registries that can only be pulled from
// (https://github.com/opencontainers/distribution-spec/tree/main/conformance).
func TestTheConformanceTestsOfOCIPass(t *testing.T) {
	program := tool(t, "github.com/opencontainers/distribution-spec/conformance")
	f := newFixture(t)
	oci := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	f.addImage(pause, must(mutate.AppendLayers(oci, static.NewLayer(bytes.Repeat([]byte("layer "), 5000), types.OCILayer))))
	f.addImage(older, must(mutate.AppendLayers(oci, static.NewLayer([]byte("another"), types.OCILayer))), must(mutate.AppendLayers(oci, static.NewLayer([]byte("a third"), types.OCILayer))))
	subject := f.attach(pause, "application/vnd.example.sbom", "contents")
	f.attach(pause, "application/vnd.example.signature", "signature")
	path := f.write("b.tar")
	s := open(t, path)
	single, both := image(t, s, pause), image(t, s, older)
	results := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Dir = results
	cmd.Env = append(os.Environ(),
		"OCI_RESULTS_DIR="+results, "OCI_REGISTRY="+listen(t, path), "OCI_TLS=disabled", "OCI_VERSION=1.1", "OCI_REPO1=registry.k8s.io/pause",
		"OCI_API_PUSH=false", "OCI_API_BLOBS_DELETE=false", "OCI_API_MANIFESTS_DELETE=false", "OCI_API_TAGS_DELETE=false",
		"OCI_API_BLOBS_DIGEST_HEADER=true", // of manifests they look at that only where they have pushed them
		"OCI_RO_DATA_TAGS=3.10 3.6",
		"OCI_RO_DATA_MANIFESTS="+strings.Join([]string{single.Digest, both.Digest, both.Platforms[0].Digest, both.Platforms[1].Digest}, " "),
		"OCI_RO_DATA_BLOBS="+strings.Join(append([]string{single.Platforms[0].Config, both.Platforms[1].Config}, single.Platforms[0].Layers...), " "),
		"OCI_RO_DATA_REFERRERS="+subject)
	// How it exits says nothing: without pushes it breaks while it writes its results to a
	// file, after it has told them.
	out, _ := cmd.CombinedOutput()
	for _, kind := range []string{"FAIL", "Error"} {
		if n := count(string(out), kind); n != 0 {
			t.Errorf("%d: %s\n%s", n, kind, out)
		}
	}
	if n := count(string(out), "Pass"); n < 20 {
		t.Errorf("only %d tests passed:\n%s", n, out)
	}
}

// count reads a line "KIND....: N" of the tests' summary.
func count(report, kind string) (n int) {
	for line := range strings.Lines(report) {
		if name, rest, ok := strings.Cut(line, ":"); ok && strings.Trim(name, " .") == kind {
			fmt.Sscan(rest, &n)
		}
	}
	return n
}

// TestCranePullsEveryImage is about a client that others wrote, as the skopeo test is.
func TestCranePullsEveryImage(t *testing.T) {
	crane := tool(t, "github.com/google/go-containerregistry/cmd/crane")
	path := packed(t)
	host := listen(t, path)
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), crane, append([]string{"--insecure"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("crane %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	for _, image := range names {
		dir := filepath.Join(t.TempDir(), "layout")
		run("pull", "--format", "oci", host+"/"+image, dir)
		run("validate", "--remote", host+"/"+image)
		digest := strings.TrimSpace(run("digest", host+"/"+image))
		repo, _, _ := strings.Cut(image, ":")
		run("manifest", host+"/"+repo+"@"+digest)
	}
	if got := run("ls", host+"/registry.k8s.io/pause"); got != "3.10\n3.6\n" {
		t.Errorf("crane lists the tags %q", got)
	}
	if got := run("catalog", host); !strings.Contains(got, "docker.io/library/busybox\n") {
		t.Errorf("crane lists the repositories %q", got)
	}
}

// TestContainerdPullsEveryImage has a containerd of its own ask as on a host: for the
// upstream name, at a mirror that certs.d names, with ?ns=.
func TestContainerdPullsEveryImage(t *testing.T) {
	ctr, socket := containerd(t)
	path := packed(t)
	for _, bundle := range []string{path, unpacked(t, path)} {
		hosts := t.TempDir()
		text := fmt.Sprintf("server = \"http://%[1]s\"\n[host.\"http://%[1]s\"]\n  capabilities = [\"pull\", \"resolve\"]\n", listen(t, bundle))
		for _, image := range []string{pause, older, busybox, private} {
			upstream, _, _ := strings.Cut(image, "/")
			dir := filepath.Join(hosts, upstream)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), ctr, "--address", socket, "content", "fetch", "--hosts-dir", hosts, "--platform", "linux/amd64", image).CombinedOutput()
			if err != nil {
				t.Errorf("ctr fetches %s: %v\n%s", image, err, out)
			}
		}
	}
	out, err := exec.CommandContext(t.Context(), ctr, "--address", socket, "images", "check", "--snapshotter", "native").CombinedOutput()
	if n := strings.Count(string(out), "complete ("); err != nil || n != 4 {
		t.Errorf("containerd has %d complete images, want 4: %v\n%s", n, err, out)
	}
}

// containerd starts one over an empty directory, and stops it at the test's end.
func containerd(t *testing.T) (ctr, socket string) {
	t.Helper()
	daemon, err := exec.LookPath("containerd")
	if ctr, _ = exec.LookPath("ctr"); err != nil || ctr == "" || os.Geteuid() != 0 {
		if os.Getenv("SATCHEL_TOOLS") == "required" {
			t.Fatal("SATCHEL_TOOLS is \"required\", and containerd cannot run here")
		}
		t.Skip("containerd is not installed, or this is not root")
	}
	dir, err := os.MkdirTemp("", "satchel-ctr") // sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "c.sock")
	config := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.internal.v1.opt\"]\n[grpc]\n  address = %q\n", filepath.Join(dir, "root"), filepath.Join(dir, "state"), socket)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), daemon, "--config", config, "--log-level", "warn")
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(50 * time.Millisecond) {
		if exec.CommandContext(t.Context(), ctr, "--address", socket, "version").Run() == nil {
			return ctr, socket
		}
	}
	t.Fatalf("containerd does not come up:\n%s", said.String())
	return "", ""
}
