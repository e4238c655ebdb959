package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/spec"
)

func load(t *testing.T, path string) *plan.Plan {
	t.Helper()
	s, err := spec.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return plan.New(s)
}

func host(t *testing.T, p *plan.Plan, name string) plan.Host {
	t.Helper()
	for _, h := range p.Hosts {
		if h.Name == name {
			return h
		}
	}
	t.Fatalf("no host %s", name)
	return plan.Host{}
}

// The images are those that the course's own list has for its release.
func TestImagesOfTheCourse(t *testing.T) {
	p := load(t, "../../bundles/course-ha")
	want := []string{
		"docker.io/kubernetesui/dashboard:v2.5.1",
		"docker.io/kubernetesui/metrics-scraper:v1.0.7",
		"docker.io/rancher/mirrored-flannelcni-flannel-cni-plugin:v1.1.0",
		"docker.io/rancher/mirrored-flannelcni-flannel:v0.18.1",
		"docker.io/superopsmsb/django_web:v0.1",
		"docker.io/superopsmsb/nginx_proxy:v0.1",
		"docker.io/superopsmsb/nginx_web:v0.1",
		"docker.io/superopsmsb/tomcat_web:v0.1",
		"registry.k8s.io/coredns/coredns:v1.8.6",
		"registry.k8s.io/etcd:3.5.1-0",
		"registry.k8s.io/kube-apiserver:v1.23.8",
		"registry.k8s.io/kube-controller-manager:v1.23.8",
		"registry.k8s.io/kube-proxy:v1.23.8",
		"registry.k8s.io/kube-scheduler:v1.23.8",
		"registry.k8s.io/pause:3.6",
	}
	var got []string
	for _, i := range p.Images {
		got = append(got, i.Name)
		if !slices.Equal(i.Platforms, []string{"linux/amd64"}) {
			t.Errorf("%s for %v", i.Name, i.Platforms)
		}
		if made := strings.Contains(i.Name, "superopsmsb"); made != (i.Recipe != nil) {
			t.Errorf("%s: made here is %t", i.Name, i.Recipe != nil)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFilesNameTheirUpstream(t *testing.T) {
	p := load(t, "../../testdata/specs/ha")
	want := map[string][2]string{
		"files/amd64/kubeadm":           {"https://dl.k8s.io/release/v1.34.4/bin/linux/amd64/kubeadm", "https://dl.k8s.io/release/v1.34.4/bin/linux/amd64/kubeadm.sha256"},
		"files/arm64/containerd.tar.gz": {"https://github.com/containerd/containerd/releases/download/v2.3.4/containerd-static-2.3.4-linux-arm64.tar.gz", "https://github.com/containerd/containerd/releases/download/v2.3.4/containerd-static-2.3.4-linux-arm64.tar.gz.sha256sum"},
		"files/arm64/runc":              {"https://github.com/opencontainers/runc/releases/download/v1.4.3/runc.arm64", "https://github.com/opencontainers/runc/releases/download/v1.4.3/runc.sha256sum"},
		"files/amd64/crictl.tar.gz":     {"https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.34.0/crictl-v1.34.0-linux-amd64.tar.gz", "https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.34.0/crictl-v1.34.0-linux-amd64.tar.gz.sha256"},
	}
	for _, f := range p.Files {
		if w, ok := want[f.Path]; ok {
			if f.URL != w[0] || f.ChecksumURL != w[1] {
				t.Errorf("%s is %s, %s", f.Path, f.URL, f.ChecksumURL)
			}
			delete(want, f.Path)
		}
		if strings.Contains(f.URL, "%") {
			t.Errorf("%s is not filled in", f.URL)
		}
	}
	for path := range want {
		t.Errorf("no file %s", path)
	}
}

// With every check failed, a load balancer falls behind every healthy one, and the
// preferred host of an address has the highest priority.
func TestPrioritiesOfLoadBalancers(t *testing.T) {
	p := load(t, "../../testdata/specs/ha")
	for vip, order := range map[string][]string{"api": {"lb1", "lb2", "lb3"}, "web": {"lb2", "lb1", "lb3"}} {
		last := 101
		for i, name := range order {
			for _, v := range host(t, p, name).VRRP {
				if v.Name != vip {
					continue
				}
				if v.Priority >= last || v.Priority < 1 || len(v.Peers) != 2 || (v.State == "MASTER") != (i == 0) {
					t.Errorf("%s on %s: %+v", vip, name, v)
				}
				last = v.Priority
			}
		}
		if failed := 100 - p.Cluster.Balancer.Weight; failed >= last || failed < 1 {
			t.Errorf("%s: the preferred host, failed, has priority %d, the last one %d", vip, failed, last)
		}
	}
}

func TestControlPlanesJoinOneAfterTheOther(t *testing.T) {
	p := load(t, "../../bundles/course-ha")
	for name, want := range map[string][2]string{
		"kubernetes-master1": {"init", ""},
		"kubernetes-master2": {"join", "10.0.0.12:6443"},
		"kubernetes-master3": {"join", "10.0.0.13:6443"},
		"kubernetes-node1":   {"join", ""},
		"kubernetes-ha1":     {"", ""},
	} {
		if h := host(t, p, name); h.Kubeadm != want[0] || h.After != want[1] {
			t.Errorf("%s: kubeadm %q after %q", name, h.Kubeadm, h.After)
		}
	}
}

func TestCertificateNames(t *testing.T) {
	got := load(t, "../../testdata/specs/ha").Cluster.CertSANs
	want := []string{"172.20.0.11", "172.20.0.12", "172.20.0.13", "172.20.0.100", "203.0.113.7", "api.example.com",
		"cp1", "cp1.k8s.example.com", "cp2", "cp2.k8s.example.com", "cp3", "cp3.k8s.example.com"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// Every release of the catalogue makes a plan, and kubeadm's configuration API changes
// where kubeadm does.
func TestEveryReleaseHasAPlan(t *testing.T) {
	const text = `package cluster
name: "x"
kubernetes: version: "1.%d.0"
network: hosts: "10.0.0.0/24"
runtime: name: "containerd"
registry: mode: "preload"
hosts: a: {address: "10.0.0.1", roles: ["control-plane"]}
`
	for minor := 23; minor <= 37; minor++ {
		file := filepath.Join(t.TempDir(), "cluster.cue")
		if err := os.WriteFile(file, fmt.Appendf(nil, text, minor), 0o644); err != nil {
			t.Fatal(err)
		}
		p := load(t, file)
		api := "v1beta3"
		if minor > 30 {
			api = "v1beta4"
		}
		if p.Cluster.Kubernetes.API != api || len(p.Images) != 9 || p.Cluster.ImageRepository != "registry.k8s.io" {
			t.Errorf("1.%d: %+v", minor, p.Cluster.Kubernetes)
		}
	}
}

func TestNamedChoosesEachOnce(t *testing.T) {
	p := load(t, "../../bundles/course-ha")
	part, err := p.Named([]string{"etcd", "3.5.1-0", "kubectl"}, nil)
	if err != nil || len(part.Images) != 1 || part.Images[0].Name != "registry.k8s.io/etcd:3.5.1-0" || len(part.Files) != 1 {
		t.Errorf("got %+v, %v", part, err)
	}
	if _, err := p.Named([]string{"etcd", "nothing"}, nil); err == nil {
		t.Error("a name that nothing has is not an error")
	}
}
