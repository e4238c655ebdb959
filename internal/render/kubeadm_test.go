package render_test

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
)

const decodersDir = "../../testdata/decode"

// decoder is kubeadm's own judgement, of one Kubernetes release. Each is a module of
// its own, so that Kubernetes never enters satchel's requirements.
type decoder struct {
	version string
	minor   int
	api     string // the configuration API that its kubeadm writes
	build   func() (binary string, err error)
}

// decoders are those that tests use: without SATCHEL_DECODERS=all those of the file
// "required", because compiling all of them takes two cores half an hour.
var decoders = sync.OnceValues(func() ([]decoder, error) {
	versions, err := decoderVersions()
	if err != nil {
		return nil, err
	}
	var list []decoder
	for _, version := range versions {
		d := decoder{version: version, api: "v1beta4", build: sync.OnceValues(func() (string, error) { return compile(version) })}
		if _, err := fmt.Sscanf(version, "v1.%d.", &d.minor); err != nil {
			return nil, fmt.Errorf("reading the minor version of decoder %q: %w", version, err)
		}
		if d.minor <= 30 {
			d.api = "v1beta3"
		}
		list = append(list, d)
	}
	return list, nil
})

func decoderVersions() ([]string, error) {
	required, err := os.ReadFile(filepath.Join(decodersDir, "required"))
	if err != nil || os.Getenv("SATCHEL_DECODERS") != "all" {
		return strings.Fields(string(required)), err
	}
	dirs, err := filepath.Glob(filepath.Join(decodersDir, "v*"))
	for i, dir := range dirs {
		dirs[i] = filepath.Base(dir)
	}
	return dirs, err
}

// programs is where decoders are compiled to.
var programs string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "decoders-")
	if err != nil {
		panic(err)
	}
	programs = dir
	status := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(status)
}

// compile takes modules that are on this machine already; Go's build cache makes it
// short after the first time.
func compile(version string) (string, error) {
	binary := filepath.Join(programs, version)
	return binary, inDecoder(version, "build", "-ldflags=-s -w", "-o", binary, ".")
}

// inDecoder runs the go command in a decoder's module, without the network.
func inDecoder(version, command string, args ...string) error {
	cmd := exec.Command("go", append([]string{command, "-mod=readonly", "-buildvcs=false"}, args...)...)
	cmd.Dir = filepath.Join(decodersDir, version)
	cmd.Env = append(os.Environ(), "GOPROXY=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s of kubeadm's decoder %s: %w\n%s", command, version, err, out)
	}
	return nil
}

// unavailable ends a test that has no decoder: with a failure only where
// SATCHEL_TOOLS=required says that all tools are there.
func unavailable(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("SATCHEL_TOOLS") == "required" {
		t.Fatal(err)
	}
	t.Skipf("make tools was not run, or has failed: %v", err)
}

// decoderFor is the decoder that judges what is rendered for a release.
func decoderFor(t *testing.T, k plan.Kubernetes) decoder {
	t.Helper()
	all, err := decoders()
	if err != nil {
		t.Fatal(err)
	}
	var minor int
	if _, err := fmt.Sscanf(k.Version, "1.%d.", &minor); err != nil {
		t.Fatalf("reading the minor version of %q: %v", k.Version, err)
	}
	d, ok := nearest(all, minor, k.API)
	if !ok {
		t.Fatalf("no decoder writes %s", k.API)
	}
	return d
}

// nearest is the decoder of the minor version, or the nearest one that writes the same
// configuration API; of two that are as near, the newer.
func nearest(all []decoder, minor int, api string) (found decoder, ok bool) {
	// Twice the distance, and one more for an older decoder: never the same for two.
	distance := func(d decoder) int { return max(2*(d.minor-minor), 2*(minor-d.minor)+1) }
	for _, d := range all {
		if d.api == api && (!ok || distance(d) < distance(found)) {
			found, ok = d, true
		}
	}
	return found, ok
}

func TestConfigsAreJudgedByTheNearestDecoder(t *testing.T) {
	all := []decoder{{minor: 23, api: "v1beta3"}, {minor: 27, api: "v1beta3"}, {minor: 34, api: "v1beta4"}, {minor: 36, api: "v1beta4"}}
	for _, c := range []struct {
		minor, want int
		api         string
	}{
		{23, 23, "v1beta3"}, {24, 23, "v1beta3"}, {25, 27, "v1beta3"}, {30, 27, "v1beta3"},
		{31, 34, "v1beta4"}, {34, 34, "v1beta4"}, {35, 36, "v1beta4"}, {37, 36, "v1beta4"},
	} {
		if d, ok := nearest(all, c.minor, c.api); !ok || d.minor != c.want {
			t.Errorf("1.%d is judged by 1.%d, %v; want 1.%d", c.minor, d.minor, ok, c.want)
		}
	}
	if d, ok := nearest(all, 38, "v1"); ok {
		t.Errorf("1.38 is judged by %+v, which does not write its API", d)
	}
}

// judge has kubeadm read what is rendered for it, and for the cluster: every node's
// configuration and every manifest.
func judge(t *testing.T, p *plan.Plan, rendered render.Tree, dir string) {
	t.Helper()
	binary, err := decoderFor(t, p.Cluster.Kubernetes).build()
	if err != nil {
		unavailable(t, err)
	}
	args := []string{binary, "--keepgoing", "--release", "v" + p.Cluster.Kubernetes.Version, "--kubeadm"}
	for _, host := range nodes(p) {
		args = append(args, fill(t, dir, host, "kubeadm.yaml"))
	}
	args = append(args, "--manifest")
	for _, f := range rendered {
		if isManifest(f.Path) {
			args = append(args, filepath.Join(dir, f.Path))
		}
	}
	quiet(t, dir, args...)
}

// nodes are the hosts that kubeadm makes part of the cluster.
func nodes(p *plan.Plan) []string {
	var names []string
	for _, h := range p.Hosts {
		if h.Node {
			names = append(names, h.Name)
		}
	}
	return names
}

// isManifest tells those files that kubectl or the kubelet reads.
func isManifest(file string) bool {
	pod, _ := path.Match("hosts/*/kube-vip*.yaml", file)
	return pod || strings.HasPrefix(file, "manifests/")
}

func TestKubeadmAcceptsItsConfigs(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles kubeadm")
	}
	judged := map[string]int{}
	eachTree(t, func(t *testing.T, p *plan.Plan, rendered render.Tree, dir string) {
		if len(p.Seats) > 0 {
			return // its seats are judged
		}
		judged[p.Cluster.Kubernetes.API] += len(nodes(p))
		judge(t, p, rendered, dir)
	})
	if judged["v1beta3"] < 7 || judged["v1beta4"] < 7 {
		t.Errorf("too few configs were judged: %v", judged)
	}
}

// A decoder that lets everything pass would let every other test pass.
func TestKubeadmDecodersRefuseWhatIsWrong(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles kubeadm")
	}
	all, err := decoders()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		t.Run(d.version, func(t *testing.T) {
			if _, err := d.build(); err != nil {
				unavailable(t, err)
			}
			if err := inDecoder(d.version, "test", "-vet=off", "-count=1", "."); err != nil {
				t.Error(err)
			}
		})
	}
}
