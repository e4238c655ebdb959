package spec

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// small is a valid spec that the cases add to; CUE puts both together.
const small = `package cluster
name: "small"
kubernetes: version: *"1.34.4" | string
network: hosts: "10.0.0.0/24"
runtime: name: *"containerd" | string
hosts: cp1: {address: "10.0.0.11", roles: *["control-plane", "registry"] | [...string]}
hosts: w1: {address: "10.0.0.21", roles: *["worker"] | [...string]}
`

const threeControlPlanes = `
hosts: cp2: {address: "10.0.0.12", roles: ["control-plane"]}
hosts: cp3: {address: "10.0.0.13", roles: ["control-plane"]}
`

// with loads the small spec with more text, in a directory of its own.
func with(t *testing.T, more string) error {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cluster.cue"), []byte(small+more), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Load(dir)
	return err
}

// Each rule over several fields, broken once: its problem is the only one.
func TestFleetRules(t *testing.T) {
	for name, c := range map[string]struct{ more, want string }{
		"stacked at the API servers' own port": {
			threeControlPlanes + `loadBalancer: {mode: "stacked", apiPort: 6443, vips: api: {address: "10.0.0.100", routerID: 1}}`,
			`loadBalancer.apiPort: given 6443; allowed: another port such as 8443: API servers`},
		"stacked without a router id": {
			`loadBalancer: {mode: "stacked", vips: api: address: "10.0.0.100"}`,
			`loadBalancer.vips.api.routerID: given "nothing"; allowed: 1 to 255, unique`},
		"forward at etcd's port": {
			`loadBalancer: {mode: "stacked", vips: api: {address: "10.0.0.100", routerID: 1}, forwards: x: {port: 2379, nodePort: 30001}}`,
			`loadBalancer.forwards.x.port: given 2379; allowed: a port that no part of Kubernetes has`},
		"kube-vip with a second address": {
			`loadBalancer: {mode: "kube-vip", vips: {api: address: "10.0.0.100", web: address: "10.0.0.101"}}`,
			`loadBalancer.vips.web: given "web"; allowed: only api: kube-vip`},
		"kube-vip at another port": {
			`loadBalancer: {mode: "kube-vip", apiPort: 8443, vips: api: address: "10.0.0.100"}`,
			`loadBalancer.apiPort: given 8443; allowed: 6443: kube-vip holds`},
		"external without an address": {
			`loadBalancer: mode: "external"`,
			`loadBalancer.address: given "nothing"; allowed: the load balancer's DNS name or address`},
		"address without external": {
			`loadBalancer: address: "10.0.0.5"`,
			`loadBalancer.address: given "10.0.0.5"; allowed: nothing unless loadBalancer.mode is external`},
		"virtual address without a balancer": {
			`loadBalancer: vips: api: {address: "10.0.0.100", routerID: 1}`,
			`loadBalancer.vips.api: given "api"; allowed: virtual addresses only in the modes`},
		"forward without haproxy": {
			`loadBalancer: {mode: "kube-vip", vips: api: address: "10.0.0.100", forwards: x: {port: 80, nodePort: 30001}}`,
			`loadBalancer.forwards.x: given "x"; allowed: forwards only where satchel sets up haproxy`},
		"three control planes and nothing in front": {
			threeControlPlanes,
			`loadBalancer.mode: given "none"; allowed: dedicated, stacked, kube-vip or external: 3 control planes`},
		"external registry without an address": {
			`registry: mode: "external", hosts: cp1: roles: ["control-plane"]`,
			`registry.address: given "nothing"; allowed: HOST or HOST:PORT`},
		"registry host without a registry": {
			`registry: {mode: "external", address: "r.example.com"}`,
			`hosts.cp1.roles: given ["control-plane","registry"]; allowed: the role registry only where`},
		"Harbor beside containerd": {
			`registry: mode: "harbor"`,
			`hosts.cp1.roles: given ["control-plane","registry"]; allowed: no control-plane on the host of Harbor`},
		"Harbor on another architecture": {
			`registry: mode: "harbor", hosts: cp1: roles: ["control-plane"], hosts: r: {address: "10.0.0.9", roles: ["registry"], arch: "arm64"}`,
			`hosts.r.arch: given "arm64"; allowed: amd64: Harbor`},
		"role in a project that is not there": {
			`runtime: name: "docker", registry: {mode: "harbor", harbor: users: a: projects: web: "guest"}`,
			`registry.harbor.users.a.projects.web: given "web"; allowed: a name of registry.harbor.projects`},
		"images that hosts could not pull": {
			`runtime: name: "docker", registry: {mode: "harbor", harbor: {projects: google_containers: public: false, users: a: projects: google_containers: "guest"}}`,
			`registry.harbor.projects.google_containers.public: given false; allowed: true: the hosts pull`},
		"path in the bundle's own registry": {
			`registry: project: "x"`,
			`registry.project: given "x"; allowed: nothing unless registry.mode is harbor or external`},
		"containerd 2 for an old kubelet": {
			`kubernetes: version: "1.23.8", runtime: version: "2.3.4"`,
			`runtime.version: given "2.3.4"; allowed: 1.6 or 1.7: Kubernetes 1.23.8`},
		"old containerd for a new kubelet": {
			`kubernetes: version: "1.37.2", runtime: version: "1.7.34"`,
			`runtime.version: given "1.7.34"; allowed: 2.2 or later with Kubernetes 1.37.2`},
		"nftables too early": {
			`kubernetes: {version: "1.30.4", kubeProxy: mode: "nftables"}`,
			`kubernetes.kubeProxy.mode: given "nftables"; allowed: iptables or ipvs: nftables is there from 1.31 on`},
		"certificates too early": {
			`kubernetes: {version: "1.30.4", certificates: validity: "8760h"}`,
			`kubernetes.certificates.validity: given "8760h"; allowed: nothing: kubeadm knows this from 1.31 on`},
		"key kind too early": {
			`kubernetes: {version: "1.33.1", certificates: algorithm: "ECDSA-P384"}`,
			`kubernetes.certificates.algorithm: given "ECDSA-P384"; allowed: another kind`},
		"node port of two services": {
			`services: a: {type: "NodePort", ports: [{port: 80, nodePort: 30001}]}, addons: dashboard: nodePort: 30001`,
			`also taken by`},
		"node port outside the range": {
			`services: a: {type: "NodePort", ports: [{port: 80, nodePort: 80}]}`,
			`services.a.ports.0.nodePort: given 80; allowed: 30000 to 32767, network.nodePorts`},
		"node port of a ClusterIP": {
			`services: a: ports: [{port: 80, nodePort: 30001}]`,
			`services.a.ports.0.nodePort: given 30001; allowed: a node port only for services of the types`},
		"service without ports": {
			`services: a: type: "NodePort"`,
			`services.a.ports: given "no ports"; allowed: at least one port`},
		"ports without names": {
			`services: a: ports: [{name: "x", port: 80}, {port: 81}]`,
			`services.a.ports.1.name: given "nothing"; allowed: a name for each port`},
		"alias of nothing": {
			`services: a: type: "ExternalName"`,
			`services.a.externalName: given "nothing"; allowed: a DNS name for services of the type ExternalName`},
		"service of no application": {
			`services: a: {application: "b", ports: [{port: 80}]}`,
			`services.a.application: given "b"; allowed: a name of applications`},
		"dual-stack host without an address": {
			`network: ipv6: {pods: "fd00:1::/56", services: "fd00:2::/112"}, hosts: cp1: address6: "fd00::11"`,
			`hosts.w1.address6: given "nothing"; allowed: an IPv6 address, as network.ipv6`},
		"IPv6 address in a cluster of IPv4": {
			`hosts: w1: address6: "fd00::11"`,
			`hosts.w1.address6: given "fd00::11"; allowed: nothing unless network.ipv6`},
		"IPv6 services too many": {
			`network: ipv6: {pods: "fd00:1::/56", services: "fd00:2::/64"}, hosts: cp1: address6: "fd00::11", hosts: w1: address6: "fd00::21"`,
			`network.ipv6.services: given "fd00:2::/64"; allowed: a subnet between /108 and /123`},
		"vxlan's setting of host-gw": {
			`network: flannel: {backend: "host-gw", mtu: 1400}`,
			`network.flannel.mtu: given 1400; allowed: nothing with the backend host-gw`},
		"stub domain without servers": {
			`network: dns: stubDomains: "corp.example.com": []`,
			`network.dns.stubDomains.corp.example.com: given []; allowed: at least one name server`},
		"label that kubelets may not set": {
			`hosts: w1: labels: "node-role.kubernetes.io/worker": ""`,
			`hosts.w1.labels.node-role.kubernetes.io/worker: given "node-role.kubernetes.io/worker"; allowed: a label outside kubernetes.io`},
		"patch of nothing": {
			`kubernetes: patches: "apiserver.yaml": "x"`,
			`kubernetes.patches.apiserver.yaml: given "apiserver.yaml"; allowed: TARGET[SUFFIX]`},
		"flag with dashes": {
			`kubernetes: extraArgs: apiServer: "--profiling": "false"`,
			`kubernetes.extraArgs.apiServer.--profiling: given "--profiling"; allowed: a flag without leading dashes`},
		"file of an image with text and source": {
			`derivedImages: "docker.io/a/b:1": {base: "docker.io/library/nginx:1", files: "/x": {text: "a", source: "b"}}`,
			`derivedImages.docker.io/a/b:1.files./x: given {"text":"a","source":"b"}; allowed: either text or source`},
		"image from an image made here": {
			`derivedImages: {"docker.io/a/b:1": base: "docker.io/library/nginx:1", "docker.io/a/c:1": base: "docker.io/a/b:1"}`,
			`derivedImages.docker.io/a/c:1.base: given "docker.io/a/b:1"; allowed: an upstream image`},
		"image at a port": {
			`images: ["reg.example.com:5000/a/b:1"]`,
			`images.0: given "reg.example.com:5000/a/b:1"; allowed: a name without a port`},
		"image without a tag": {
			`applications: web: image: "docker.io/library/nginx"`,
			`applications.web.image: given "docker.io/library/nginx"; allowed: a full name with tag`},
		"manifest that is not there": {
			`manifests: ["missing.yaml"]`,
			`manifests.0: "missing.yaml": there is no such file or directory beside the spec`},
		"manifest outside": {
			`manifests: ["../x.yaml"]`,
			`manifests.0: given "../x.yaml"; allowed: a list of files or directories below`},
	} {
		t.Run(name, func(t *testing.T) {
			err := with(t, strings.ReplaceAll(c.more, ", hosts:", "\nhosts:"))
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("want a problem, got %v", err)
			}
			for _, p := range problems {
				if !strings.Contains(p.String(), c.want) && !strings.Contains(p.String(), "also taken by") {
					t.Errorf("got   %s\nwant …%s", p, c.want)
				}
			}
		})
	}
}

// What a user adds beside the spec is judged with file and line.
func TestManifestsAreJudgedWhereTheyStand(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"syntax":          {"a: b\n  c: [", "site.yaml:2"},
		"unknown version": {"apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n", "site.yaml:1:13: "},
		"bad image":       {"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n    - name: a\n      image: UPPER/case:1\n", "site.yaml:7:14: "},
		"image at a port": {"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n    - name: a\n      image: reg.example.com:5000/a:1\n", "site.yaml:7:14: the image reg.example.com:5000/a:1 has a port"},
		"generated name":  {"apiVersion: v1\nkind: Namespace\nmetadata: {generateName: a-}\n", "site.yaml:1:1: metadata.generateName cannot be applied"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{"cluster.cue": small + `manifests: ["site.yaml"]`, "site.yaml": c.text} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Load(dir)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want …%s", err, c.want)
			}
		})
	}
}

// A link out of the spec's directory is not followed.
func TestFilesBesideTheSpecAreConfined(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	text := small + `derivedImages: "docker.io/a/b:1": {base: "docker.io/library/nginx:1", files: "/x": source: "link"}`
	if err := os.WriteFile(filepath.Join(dir, "cluster.cue"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "derivedImages.docker.io/a/b:1.files./x.source") {
		t.Errorf("got %v", err)
	}
}

// Files beside the spec are part of its digest.
func TestDigestCoversFiles(t *testing.T) {
	dir := t.TempDir()
	digest := func(content string) string {
		for file, text := range map[string]string{
			"cluster.cue": small + `derivedImages: "docker.io/a/b:1": {base: "docker.io/library/nginx:1", files: "/x": source: "app"}`,
			"app/a.txt":   content,
		} {
			path := filepath.Join(dir, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if f := s.ImageFiles["docker.io/a/b:1"]; len(f) != 1 || f[0].Path != "/x/a.txt" || string(f[0].Data) != content {
			t.Errorf("files are %+v", f)
		}
		return s.Digest
	}
	if digest("1") == digest("2") {
		t.Error("another file has the same digest")
	}
}
