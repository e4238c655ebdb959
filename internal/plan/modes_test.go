package plan_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
)

// made is the plan of a spec in the test.
func made(t *testing.T, text string) *plan.Plan {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cluster.cue")
	if err := os.WriteFile(file, []byte("package cluster\nname: \"x\"\nnetwork: hosts: \"10.0.0.0/24\"\n"+text), 0o644); err != nil {
		t.Fatal(err)
	}
	return load(t, file)
}

const oneHost = `hosts: a: {address: "10.0.0.1", roles: ["control-plane"]}` + "\n"

func paths(h plan.Host) []string {
	var list []string
	for _, c := range h.Configs {
		list = append(list, c.Path)
	}
	return list
}

// The runtime fits the release: Docker by itself, Docker by cri-dockerd, containerd 1, containerd 2.
func TestRuntimeByRelease(t *testing.T) {
	for _, c := range []struct{ release, name, version, runc, cri, socket, config string }{
		{"1.23.17", "docker", "20.10.17", "", "", "/var/run/dockershim.sock", "daemon.json.tmpl"},
		{"1.24.0", "docker", "28.5.2", "", "0.4.3", "unix:///var/run/cri-dockerd.sock", "daemon.json.tmpl"},
		{"1.23.17", "containerd", "1.7.34", "1.3.6", "", "unix:///var/run/containerd/containerd.sock", "config.v2.toml.tmpl"},
		{"1.32.13", "containerd", "1.7.34", "1.3.6", "", "unix:///var/run/containerd/containerd.sock", "config.v2.toml.tmpl"},
		{"1.33.0", "containerd", "2.3.4", "1.4.3", "", "unix:///var/run/containerd/containerd.sock", "config.v3.toml.tmpl"},
	} {
		p := made(t, oneHost+`hosts: r: {address: "10.0.0.9", roles: ["registry"]}
kubernetes: version: "`+c.release+`"
runtime: name: "`+c.name+`"`)
		r := p.Cluster.Runtime
		if r.Version != c.version || r.Runc != c.runc || r.CRIDockerd != c.cri || r.CRISocket != c.socket || r.Config != c.config {
			t.Errorf("%s on %s: %+v", c.name, c.release, r)
		}
		unit := slices.Contains(paths(host(t, p, "a")), "cri-docker.service")
		if unit != (c.cri != "") || slices.Contains(p.Units, "cri-docker.socket") != unit {
			t.Errorf("%s on %s: cri-dockerd's unit is there: %t", c.name, c.release, unit)
		}
	}
}

// cri-dockerd and kubelets from 1.36 on do not understand each other's streams.
func TestWebSocketsOfCRIDockerd(t *testing.T) {
	for release, want := range map[string]bool{"1.35.7": false, "1.36.0": true} {
		p := made(t, oneHost+`hosts: r: {address: "10.0.0.9", roles: ["registry"]}
kubernetes: version: "`+release+`"
runtime: name: "docker"`)
		got := slices.Contains(p.Cluster.Kubernetes.APIServerArgs, plan.Arg{Name: "feature-gates", Value: "ExtendWebSocketsToKubelet=false"})
		if got != want {
			t.Errorf("%s: %v", release, p.Cluster.Kubernetes.APIServerArgs)
		}
	}
}

func TestEndpointByMode(t *testing.T) {
	for mode, want := range map[string]struct{ more, endpoint string }{
		"none":      {"", "10.0.0.1:6443"},
		"stacked":   {`vips: api: {address: "10.0.0.100", routerID: 7}`, "10.0.0.100:8443"},
		"kube-vip":  {`vips: api: address: "10.0.0.100"`, "10.0.0.100:6443"},
		"external":  {`address: "api.example.com", apiPort: 443`, "api.example.com:443"},
		"dedicated": {`vips: api: {address: "10.0.0.100", routerID: 7}`, "10.0.0.100:6443"},
	} {
		p := made(t, oneHost+`hosts: b: {address: "10.0.0.2", roles: [if loadBalancer.mode == "dedicated" {"load-balancer"}, "registry"]}
kubernetes: version: "1.34.4"
runtime: name: "containerd"
loadBalancer: {mode: "`+mode+`", `+want.more+`}`)
		if p.Cluster.Endpoint != want.endpoint {
			t.Errorf("%s: %s", mode, p.Cluster.Endpoint)
		}
		if h := host(t, p, "a"); h.Balancer != (mode == "stacked") || (len(h.VRRP) > 0) != h.Balancer {
			t.Errorf("%s: the control plane is a balancer: %t", mode, h.Balancer)
		}
	}
}

// Until kubeadm init is done, admin.conf may do nothing from 1.29 on.
func TestKubeVIPBegins(t *testing.T) {
	for release, want := range map[string]string{"1.28.15": "/etc/kubernetes/admin.conf", "1.29.0": "/etc/kubernetes/super-admin.conf"} {
		p := made(t, oneHost+`kubernetes: version: "`+release+`"
runtime: name: "containerd"
registry: mode: "preload"
loadBalancer: {mode: "kube-vip", vips: api: address: "10.0.0.100"}`)
		if h := host(t, p, "a"); h.AdminConf != want {
			t.Errorf("%s: %s", release, h.AdminConf)
		}
		if !slices.ContainsFunc(p.Images, func(i plan.Image) bool { return i.Name == "ghcr.io/kube-vip/kube-vip:v1.2.3" }) {
			t.Error("kube-vip's image is not carried")
		}
	}
}

func TestNodesOfTheirOwnKind(t *testing.T) {
	p := load(t, "../../testdata/specs/docker-today")
	w, cp := host(t, p, "w1"), host(t, p, "cp1")
	if len(w.KubeletArgs) != 1 || w.KubeletArgs[0] != (plan.Arg{Name: "node-labels", Value: "disk=ssd,node.kubernetes.io/zone=a"}) {
		t.Errorf("labels are %v", w.KubeletArgs)
	}
	if !w.OwnTaints || len(w.Taints) != 1 || !cp.OwnTaints || cp.Taints != nil {
		t.Errorf("taints are %v and %v", w.Taints, cp.Taints)
	}
	if want := []string{"overlay", "br_netfilter", "ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh", "nf_conntrack", "ip_vs_wlc", "dm_thin_pool"}; !slices.Equal(w.Modules, want) {
		t.Errorf("modules are %v", w.Modules)
	}
	if !slices.Equal(w.Clocks, []string{"10.9.0.1", "ntp.example.com"}) {
		t.Errorf("clocks are %v", w.Clocks)
	}
	if p.Cluster.Registry.URL() != "https://reg.example.com:8443" || p.Cluster.Pull("registry.k8s.io/pause:3.10") != "reg.example.com:8443/k8s/registry.k8s.io/pause:3.10" {
		t.Errorf("registry is %+v", p.Cluster.Registry)
	}
}

// One system of rpm packages is for all architectures, each with its own addresses.
func TestPackagesOfRPMByArchitecture(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"key.asc": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
		"cluster.cue": `package cluster
name: "x"
network: hosts: "10.0.0.0/24"
kubernetes: version: "1.34.4"
os: {family: "rhel", release: "9"}
hosts: b: {address: "10.0.0.2", roles: ["worker"], arch: "arm64"}
runtime: name: "containerd"
registry: mode: "preload"
packages: systems: "rhel-9": repositories: base: {url: "http://rpm.example/9/$basearch/os/", keys: ["key.asc"], modules: ["a:1"]}
` + oneHost,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := load(t, filepath.Join(dir, "cluster.cue"))
	if len(p.Packages) != 2 {
		t.Fatalf("there are %d sets", len(p.Packages))
	}
	for i, want := range []string{"rhel-9-amd64 http://rpm.example/9/x86_64/os", "rhel-9-arm64 http://rpm.example/9/aarch64/os"} {
		set := p.Packages[i]
		if got := set.Place + " " + set.Repositories[0].URL; got != want || !set.RPM() || !slices.Contains(set.Names, "iproute") || set.Repositories[0].Modules[0] != "a:1" {
			t.Errorf("got %s with %v", got, set.Names)
		}
	}
	if h := host(t, p, "b"); !slices.Contains(h.Steps, "07-packages-rpm.sh") || slices.Contains(h.Steps, "07-packages-deb.sh") {
		t.Errorf("steps are %v", h.Steps)
	}
}

// On CentOS 7 packages and the module of connection tracking have other names.
func TestNamesByFamily(t *testing.T) {
	p := made(t, oneHost+`os: {family: "rhel", release: "7.9"}
hosts: b: {address: "10.0.0.2", roles: ["worker"], os: {family: "debian", release: "12"}}
kubernetes: {version: "1.23.8", kubeProxy: mode: "ipvs"}
runtime: name: "containerd"
registry: mode: "preload"`)
	for name, want := range map[string][]string{"a": {"conntrack:conntrack-tools", "ip:iproute", "mount:util-linux"}, "b": {"conntrack:conntrack", "ip:iproute2", "mount:mount"}} {
		h := host(t, p, name)
		for _, need := range want {
			if !slices.Contains(h.Needs, need) {
				t.Errorf("%s: %s is not among %v", name, need, h.Needs)
			}
		}
		module := map[string]string{"a": "nf_conntrack_ipv4", "b": "nf_conntrack"}[name]
		if !slices.Contains(h.Modules, module) {
			t.Errorf("%s: modules are %v", name, h.Modules)
		}
		if slices.Contains(h.Steps, "12-selinux.sh") != (name == "a") {
			t.Errorf("%s: steps are %v", name, h.Steps)
		}
	}
}

func TestFirewallByRole(t *testing.T) {
	p := load(t, "../../testdata/specs/dual-stack")
	opened := func(name string) string {
		var list []string
		for _, o := range host(t, p, name).Firewall {
			if o.Why == "" || o.Who == "" {
				t.Errorf("%s: nobody needs %+v", name, o)
			}
			list = append(list, o.Protocol+" "+o.What)
		}
		return strings.Join(list, ", ")
	}
	subnets := "from 10.244.0.0/16, from 10.8.0.12, from 10.8.0.13, from 10.96.0.0/12, from fd00:10:244::/56, from fd00:10:96::/112, "
	if got, want := opened("cp1"), subnets+"tcp 10250, tcp 10256, tcp 2379-2380, tcp 30000-32767, tcp 6443, tcp 80, tcp 8443, tcp 9999, udp 30000-32767"; got != want {
		t.Errorf("cp1: %s", got)
	}
	// The registry host is the clock, too; host-gw needs no port.
	if got, want := opened("w1"), "from 10.244.0.0/16, from 10.96.0.0/12, from fd00:10:244::/56, from fd00:10:96::/112, tcp 10250, tcp 10256, tcp 30000-32767, tcp 5000, udp 123, udp 30000-32767"; got != want {
		t.Errorf("w1: %s", got)
	}
}

func TestDualStack(t *testing.T) {
	p := load(t, "../../testdata/specs/dual-stack")
	c := p.Cluster
	if c.Pods != "10.244.0.0/16,fd00:10:244::/56" || c.Services != "10.96.0.0/12,fd00:10:96::/112" || c.ServiceAddress6 != "fd00:10:96::1" {
		t.Errorf("subnets are %s and %s", c.Pods, c.Services)
	}
	if h := host(t, p, "w1"); !slices.Contains(h.KubeletArgs, plan.Arg{Name: "node-ip", Value: "10.8.0.21,fd00:8::21"}) {
		t.Errorf("w1's kubelet has %v", h.KubeletArgs)
	}
}

// Manifests are applied from the network outwards, the user's own at the end, and every
// image that they name is carried.
func TestManifestsAndTheirImages(t *testing.T) {
	p := load(t, "../../testdata/specs/dual-stack")
	want := []string{"flannel.yaml", "coredns.yaml", "application-web.yaml", "services.yaml", "site/manifests/10-namespace.yaml", "site/manifests/20-exporter.yaml"}
	if got := host(t, p, "cp1").Manifests; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	for _, image := range []string{"quay.io/prometheus/node-exporter:v1.8.2", "docker.io/library/nginx:1.27.3"} {
		if !slices.ContainsFunc(p.Images, func(i plan.Image) bool { return i.Name == image }) {
			t.Errorf("%s is not carried", image)
		}
	}
	for _, h := range p.Hosts {
		if h.Name != "cp1" && len(h.Manifests) > 0 {
			t.Errorf("%s applies manifests, too", h.Name)
		}
	}
}

// kubectl makes tokens from 1.24 on; before, they are in secrets.
func TestDashboardTokenByRelease(t *testing.T) {
	for release, want := range map[string]string{"1.23.8": " get secret dashboard-admin-token ", "1.24.0": " create token dashboard-admin"} {
		p := made(t, oneHost+`kubernetes: version: "`+release+`"
runtime: name: "containerd"
registry: mode: "preload"
addons: dashboard: {}`)
		if d := p.Cluster.Dashboard; !strings.Contains(d.TokenCommand, want) || p.Cluster.Kubernetes.TokenSecrets() != (release == "1.23.8") {
			t.Errorf("%s: %s", release, d.TokenCommand)
		}
	}
}

func TestHarborOfTheCourse(t *testing.T) {
	h := load(t, "../../bundles/course-ha").Cluster.Harbor
	if h.Version != "2.5.0" || h.HTTPPort != "80" || h.HTTPSPort != "" || h.Hostname != "kubernetes-register.superopsmsb.com" {
		t.Errorf("got %+v", h)
	}
	if len(h.Projects) != 2 || h.Projects[0].Name != "google_containers" || len(h.Users) != 1 || h.Users[0].Members[0].Role != 1 {
		t.Errorf("projects %v, users %v", h.Projects, h.Users)
	}
	tls := load(t, "../../testdata/specs/harbor-tls").Cluster
	if tls.Harbor.HTTPSPort != "443" || !tls.Registry.SecretCA || tls.Registry.URL() != "https://harbor.example.com" {
		t.Errorf("got %+v, %+v", tls.Harbor, tls.Registry)
	}
}

func TestRecipe(t *testing.T) {
	p := load(t, "../../testdata/specs/harbor-tls")
	i := slices.IndexFunc(p.Images, func(i plan.Image) bool { return i.Recipe != nil })
	if i < 0 {
		t.Fatal("no image is made here")
	}
	r := p.Images[i].Recipe
	if r.Base != "docker.io/library/nginx:1.27.3" || string(r.Files[0].Data) != "Hello\n" || r.Files[0].Mode != 0o644 ||
		!slices.Equal(r.Ports, []string{"8080/tcp"}) || !slices.Equal(r.Env, []string{"GREETING=hello"}) || r.Command != nil {
		t.Errorf("got %+v", r)
	}
}

// A host that lacks nothing has no step for packages, also where it serves them to others.
func TestAHostThatNeedsNoPackageHasNoStepForThem(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"key.asc": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
		"cluster.cue": `package cluster
name: "x"
network: hosts: "10.0.0.0/24"
kubernetes: version: "1.34.4"
os: {family: "debian", release: "12"}
hosts: b: {address: "10.0.0.2", roles: ["registry"]}
runtime: name: "containerd"
packages: {
	from: "registry"
	systems: "debian-12": repositories: base: {url: "http://deb.example/debian", suites: ["bookworm"], components: ["main"], keys: ["key.asc"]}
}
` + oneHost,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := load(t, filepath.Join(dir, "cluster.cue"))
	if h := host(t, p, "b"); slices.Contains(h.Steps, "07-packages-deb.sh") || h.Packages.Carried != "packages/*" {
		t.Errorf("the registry host has %v and %+v", h.Steps, h.Packages)
	}
	if h := host(t, p, "a"); !slices.Contains(h.Steps, "07-packages-deb.sh") || len(h.Packages.Names) == 0 {
		t.Errorf("the node has %v and %+v", h.Steps, h.Packages)
	}
	if len(p.Packages) != 1 {
		t.Errorf("there are %d sets", len(p.Packages))
	}
}
