package render_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
)

// decoders are kubeadm's own, by the configuration API that they judge. Each is a
// module of its own, so that Kubernetes never enters satchel's requirements.
var decoders = map[string]string{"v1beta3": "v1.29.6", "v1beta4": "v1.34.4"}

// decoder builds one, from modules that are on this machine already.
func decoder(t *testing.T, version string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "decode")
	cmd := exec.Command("go", "build", "-o", binary, ".")
	cmd.Dir = filepath.Join("../../testdata/decode", version)
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod")
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return binary
	case os.Getenv("SATCHEL_TOOLS") == "required":
		t.Fatalf("building kubeadm's decoder %s: %v\n%s", version, err, out)
	default:
		t.Skipf("kubeadm's decoder %s does not build without the network; run make tools once", version)
	}
	return ""
}

func TestKubeadmAcceptsItsConfigs(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles kubeadm")
	}
	built := map[string]string{}
	for api, version := range decoders {
		built[api] = decoder(t, version)
	}
	judged := map[string]int{}
	eachTree(t, func(t *testing.T, p *plan.Plan, rendered render.Tree, dir string) {
		binary := built[p.Cluster.Kubernetes.API]
		args := []string{"--keepgoing", "--release", "v" + p.Cluster.Kubernetes.Version}
		for _, h := range p.Hosts {
			if h.Node {
				args = append(args, "--kubeadm", fill(t, dir, h.Name, "kubeadm.yaml"))
				judged[p.Cluster.Kubernetes.API]++
			}
		}
		for _, f := range rendered {
			if strings.HasPrefix(f.Path, "manifests/") {
				args = append(args, "--manifest", filepath.Join(dir, f.Path))
			}
		}
		quiet(t, dir, append([]string{binary}, args...)...)
	})
	if judged["v1beta3"] < 7 || judged["v1beta4"] < 7 {
		t.Errorf("too few configs were judged: %v", judged)
	}
}
