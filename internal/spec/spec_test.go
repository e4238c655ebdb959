package spec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const valid = "../../testdata/specs/course/cluster.cue"

// change replaces text in the reference spec and loads the result.
func change(t *testing.T, pairs ...string) error {
	t.Helper()
	text, err := os.ReadFile(valid)
	if err != nil {
		t.Fatal(err)
	}
	changed := string(text)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(changed, pairs[i]) {
			t.Fatalf("the reference spec has no %q", pairs[i])
		}
		changed = strings.Replace(changed, pairs[i], pairs[i+1], 1)
	}
	file := filepath.Join(t.TempDir(), "cluster.cue")
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Load(file)
	return err
}

func TestReferenceSpecIsValid(t *testing.T) {
	s, err := Load(valid)
	if err != nil {
		t.Fatal(err)
	}
	if s.Release.Etcd != "3.5.1-0" || s.Release.Kubeadm != "v1beta3" || s.Cluster.Network.Services != "10.96.0.0/12" {
		t.Errorf("release or defaults are wrong: %+v", s)
	}
}

// Each case breaks the reference spec in one way and expects exactly one problem
// for each line of want, with its field, what was given and what is allowed.
func TestEachFaultIsNamedWithItsField(t *testing.T) {
	const m1 = `"kubernetes-master1": {address: "10.0.0.12", roles: ["control-plane"]}`
	const vip = `routerID:  51`
	tests := []struct {
		name    string
		changes []string
		want    []string
	}{
		{"unknown field", []string{`name:   "course-ha"`, `name: "course-ha", colour: "red"`},
			[]string{`colour: given an unknown field; allowed: the fields addons,`}},
		{"unknown nested field", []string{`roles: ["worker"]}`, `roles: ["worker"], rolls: 1}`},
			[]string{`hosts.kubernetes-node1.rolls: given an unknown field; allowed: the fields address, address6, aliases, arch, interface, labels, os, roles, taints`}},
		{"malformed address", []string{`"10.0.0.12"`, `"10.0.0.256"`},
			[]string{`hosts.kubernetes-master1.address: given "10.0.0.256"; allowed: an IPv4 address`}},
		{"IPv6 address", []string{`"10.0.0.12"`, `"fe80::1"`},
			[]string{`hosts.kubernetes-master1.address: given "fe80::1"; allowed: an IPv4 address`}},
		{"address of the wrong type", []string{`"10.0.0.12"`, `12`},
			[]string{`hosts.kubernetes-master1.address: given 12; allowed: an IPv4 address`}},
		{"duplicate address", []string{`"10.0.0.12"`, `"10.0.0.13"`}, []string{
			`hosts.kubernetes-master1.address: given "10.0.0.13"; allowed: an address of its own; also taken by kubernetes-master2`,
			`hosts.kubernetes-master2.address: given "10.0.0.13"; allowed: an address of its own; also taken by kubernetes-master1`}},
		{"two hosts of one name", []string{`"kubernetes-master2"`, `"kubernetes-master1"`},
			[]string{`hosts.kubernetes-master1.address: conflicting values "10.0.0.13" and "10.0.0.12"; is "kubernetes-master1" the name of two hosts?`,
				`hosts: given "2 control planes`}},
		{"address outside the subnet", []string{`"10.0.0.12"`, `"10.0.1.12"`},
			[]string{`hosts.kubernetes-master1.address: given "10.0.1.12"; allowed: an address in network.hosts, 10.0.0.0/24`}},
		{"broadcast address", []string{`"10.0.0.12"`, `"10.0.0.255"`},
			[]string{`hosts.kubernetes-master1.address: given "10.0.0.255"; allowed: not the first or last address`}},
		{"VIP equal to a host", []string{`"10.0.0.200"`, `"10.0.0.18"`},
			[]string{`loadBalancer.vips.api.address: given "10.0.0.18"; allowed: an address that belongs to no host; taken by kubernetes-ha1`}},
		{"VIP outside the subnet", []string{`"10.0.0.200"`, `"10.0.7.200"`},
			[]string{`loadBalancer.vips.api.address: given "10.0.7.200"; allowed: an address in network.hosts`}},
		{"two VIPs with one address", []string{vip, `routerID: 51}, vips: web: {address: "10.0.0.200", routerID: 52`, `preferred: "kubernetes-ha1"`, ``}, []string{
			`loadBalancer.vips.api.address: given "10.0.0.200"; allowed: an address of its own; also taken by web`,
			`loadBalancer.vips.web.address: given "10.0.0.200"; allowed: an address of its own; also taken by api`}},
		{"pods overlap hosts", []string{`"10.244.0.0/16"`, `"10.0.0.0/16"`},
			[]string{`network.pods: given "10.0.0.0/16"; allowed: a subnet apart from network.hosts, 10.0.0.0/24`}},
		{"services overlap pods", []string{`"10.96.0.0/12"`, `"10.244.128.0/20"`},
			[]string{`network.services: given "10.244.128.0/20"; allowed: a subnet apart from network.pods`}},
		{"subnet not at its first address", []string{`"10.244.0.0/16"`, `"10.244.3.0/16"`},
			[]string{`network.pods: given "10.244.3.0/16"; allowed: the subnet's first address, 10.244.0.0/16`}},
		{"pods too few for the nodes", []string{`"10.244.0.0/16"`, `"10.244.0.0/22"`},
			[]string{`network.pods: given "10.244.0.0/22"; allowed: a subnet with a /24 for each of 6 nodes`}},
		{"even control planes", []string{m1, ``},
			[]string{`hosts: given "2 control planes: kubernetes-master2, kubernetes-master3"; allowed: an odd number`}},
		{"no control plane", []string{`["control-plane"]`, `["worker"]`, `["control-plane"]`, `["worker"]`, `["control-plane"]`, `["worker"]`},
			[]string{`hosts: given "no host with the role control-plane"; allowed: at least one control plane`}},
		{"version outside the catalogue", []string{`"1.23.8"`, `"1.22.1"`},
			[]string{`kubernetes.version: given "1.22.1"; allowed: a release of the catalogue, 1.23.0 to 1.37.2, or one that`}},
		{"patch outside the catalogue", []string{`"1.23.8"`, `"1.23.80"`},
			[]string{`kubernetes.version: given "1.23.80"; allowed: 1.23.0 to 1.23.17`}},
		{"version with a v", []string{`"1.23.8"`, `"v1.23.8"`},
			[]string{`kubernetes.version: given "v1.23.8"; allowed: a release of the catalogue`}},
		{"flannel outside the catalogue", []string{`"0.18.1"`, `"0.1.1"`},
			[]string{`network.flannel.version: given "0.1.1"; allowed: one of 0.18.1,`}},
		{"role that does not exist", []string{`["registry"]`, `["registry", "master"]`},
			[]string{`hosts.kubernetes-register.roles.1: given "master"; allowed: a list of control-plane, worker, load-balancer, registry`}},
		{"no role", []string{`["registry"]`, `[]`},
			[]string{`hosts.kubernetes-register.roles: given []; allowed: at least one of`, `registry.mode: given "embedded, with 0 hosts`}},
		{"bad domain", []string{`"superopsmsb.com"`, `"superops_msb.com"`},
			[]string{`domain: given "superops_msb.com"; allowed: a DNS name such as example.com`}},
		{"bad host name", []string{`"kubernetes-node1"`, `"Kubernetes_Node1"`},
			[]string{`hosts.Kubernetes_Node1: given "Kubernetes_Node1"; allowed: a DNS label`}},
		{"VRRP id too large", []string{vip, `routerID: 256`},
			[]string{`loadBalancer.vips.api.routerID: given 256; allowed: 1 to 255`}},
		{"VRRP id zero", []string{vip, `routerID: 0`},
			[]string{`loadBalancer.vips.api.routerID: given 0; allowed: 1 to 255`}},
		{"VRRP id used twice", []string{vip, `routerID: 51}, vips: web: {address: "10.0.0.201", routerID: 51`}, []string{
			`loadBalancer.vips.api.routerID: given 51; allowed: 1 to 255, unique on the hosts' network; also taken by web`,
			`loadBalancer.vips.web.routerID: given 51; allowed: 1 to 255, unique on the hosts' network; also taken by api`}},
		{"preferred is no load balancer", []string{`preferred: "kubernetes-ha1"`, `preferred: "kubernetes-node1"`},
			[]string{`loadBalancer.vips.api.preferred: given "kubernetes-node1"; allowed: a host with the role load-balancer: kubernetes-ha1, kubernetes-ha2`}},
		{"node port outside its range", []string{`stats: user`, `forwards: web: {port: 80, nodePort: 8080}, stats: user`},
			[]string{`loadBalancer.forwards.web.nodePort: given 8080; allowed: 30000 to 32767, network.nodePorts`}},
		{"node port used twice", []string{`stats: user`, `forwards: {a: {port: 80, nodePort: 30080}, b: {port: 81, nodePort: 30080}}, stats: user`}, []string{
			`loadBalancer.forwards.a.nodePort: given 30080; allowed: a node port of its own; also taken by b`,
			`loadBalancer.forwards.b.nodePort: given 30080; allowed: a node port of its own; also taken by a`}},
		{"port used twice at a VIP", []string{`stats: user`, `forwards: a: {port: 6443, nodePort: 30080}, stats: user`}, []string{
			`loadBalancer.forwards.a.port: given 6443; allowed: a port that is free at the virtual address; also taken by loadBalancer.apiPort`,
			`loadBalancer.apiPort: given 6443; allowed: a port that is free at the virtual address; also taken by loadBalancer.forwards.a.port`}},
		{"forward at an unknown VIP", []string{`stats: user`, `forwards: a: {vip: "web", port: 80, nodePort: 30080}, stats: user`},
			[]string{`loadBalancer.forwards.a.vip: given "web"; allowed: a name of loadBalancer.vips: api`}},
		{"kubelet field that the release does not know", []string{`version: "1.23.8"`, `{version: "1.23.8", kubelet: failCgroupV1: false}`},
			[]string{`kubernetes.kubelet.failCgroupV1: given false; allowed: nothing: kubelets know this field from 1.31 on`}},
		{"Docker without a registry", []string{`domain:`, "registry: mode: \"preload\"\ndomain:"}, []string{
			`registry.mode: given "preload"; allowed: embedded, harbor or external with Docker, which cannot`,
			`hosts.kubernetes-register.roles: given ["registry"]; allowed: the role registry only where`}},
		{"load balancer that is also a worker", []string{`["load-balancer"]`, `["load-balancer", "worker"]`},
			[]string{`hosts.kubernetes-ha1.roles: given ["load-balancer","worker"]; allowed: a dedicated load balancer is no worker`}},
		{"no API address", []string{`vips: api`, `vips: web`},
			[]string{`loadBalancer.vips: given ["web"]; allowed: a virtual address named api`}},
		{"missing field", []string{`address: "10.0.0.12", `, ``},
			[]string{`hosts.kubernetes-master1.address: missing; needs an IPv4 address such as 10.0.0.12`}},
		{"source that is no address", []string{`domain:`, "sources: \"registry.k8s.io\": \"not a host\"\ndomain:"},
			[]string{`sources.registry.k8s.io: given "not a host"; allowed: a mirror such as`}},
		{"release with a field missing", []string{`domain:`, "releases: \"1.99.0\": {kubeadm: \"v1beta4\", etcd: \"4\", coredns: \"v2\", pause: \"4\"}\ndomain:"},
			[]string{`releases.1.99.0.crictl: missing; needs a release such as 1.23.0`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var problems Problems
			if err := change(t, tt.changes...); !errors.As(err, &problems) {
				t.Fatalf("want problems, got %v", err)
			}
			if len(problems) != len(tt.want) {
				t.Errorf("want %d problems, got %d:\n%v", len(tt.want), len(problems), problems)
			}
			for _, want := range tt.want {
				if !hasProblem(problems, want) {
					t.Errorf("no problem says %q; got:\n%v", want, problems)
				}
			}
		})
	}
}

func hasProblem(problems Problems, want string) bool {
	for _, p := range problems {
		if p.Line > 0 && p.Column > 0 && strings.Contains(p.String(), ": "+want) {
			return true
		}
	}
	return false
}

func TestReleaseCanBeAddedInTheSpec(t *testing.T) {
	err := change(t, `"1.23.8"`, `"1.23.99"`, `domain:`,
		"releases: \"1.23.99\": {kubeadm: \"v1beta3\", etcd: \"3.5.6-0\", coredns: \"v1.8.6\", pause: \"3.6\", crictl: \"1.23.0\"}\ndomain:")
	if err != nil {
		t.Error(err)
	}
}

func TestSourcesDoNotChangeTheDigest(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile(valid)
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]bool{}
	for i, extra := range []string{"", "sources: \"docker.io\": \"http://127.0.0.1:5000\"\n"} {
		file := filepath.Join(dir, fmt.Sprintf("%d.cue", i))
		if err := os.WriteFile(file, append(text, extra...), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		digests[s.Digest] = true
	}
	if len(digests) != 1 {
		t.Errorf("the mirror changed the digest: %v", digests)
	}
}

// FuzzLoad holds that no input panics and that every refusal says something.
func FuzzLoad(f *testing.F) {
	text, err := os.ReadFile(valid)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("package x\nname: \"a\" \"b\""))
	f.Add([]byte("hosts: {a: hosts}\nnetwork: {pods: services, services: pods}"))
	f.Add([]byte("hosts: [1, 2]\nloadBalancer: 3\nkubernetes: version: [\"1\"]"))
	f.Add([]byte("hosts: {a: {address: \"\" & 3}, a: b: c: _|_}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "cluster.cue")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err != nil && err.Error() == "" {
			t.Error("refused without a word")
		}
	})
}
