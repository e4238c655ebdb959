package render_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/schema"
)

// release is the newest patch release of a minor version.
type release struct{ minor, patch int }

func (r release) String() string { return fmt.Sprintf("1.%d.%d", r.minor, r.patch) }

// catalogue is one release for each minor version that the schema's catalogue knows.
func catalogue(t *testing.T) []release {
	t.Helper()
	text, err := schema.V1.ReadFile("v1/releases.cue")
	if err != nil {
		t.Fatal(err)
	}
	var list []release
	for _, m := range regexp.MustCompile(`(?m)^\t"(\d+)": \{last: (\d+),`).FindAllStringSubmatch(string(text), -1) {
		minor, _ := strconv.Atoi(m[1])
		patch, _ := strconv.Atoi(m[2])
		list = append(list, release{minor, patch})
	}
	if len(list) < 15 || list[0].minor != 23 {
		t.Fatalf("read only these releases from the catalogue: %v", list)
	}
	for i, r := range list {
		if r.minor != list[0].minor+i {
			t.Fatalf("the catalogue lacks 1.%d", list[0].minor+i)
		}
	}
	return list
}

// smallSpec has the first control plane, others that join it, and a worker; the gaps
// are the release, more of kubernetes, and the runtime.
const smallSpec = `package cluster

name: "release"
kubernetes: {
	version: %q
%s}
network: hosts: "192.168.56.0/24"
runtime: name:  %q
loadBalancer: {mode: "kube-vip", vips: api: {address: "192.168.56.100", routerID: 51}}
hosts: {
	cp1: {address: "192.168.56.11", roles: ["control-plane"], aliases: ["api.release.test"]}
	cp2: {address: "192.168.56.12", roles: ["control-plane", "worker"]}
	cp3: {address: "192.168.56.13", roles: ["control-plane"]}
	registry: {address: "192.168.56.9", roles: ["registry"]}
	w1: {address: "192.168.56.21", roles: ["worker"], interface: "ens33"}
}
`

// settings are all that a spec can say about kubeadm's configuration in that release.
func settings(r release) string {
	lines := []string{
		`certSANs: ["api.example.com", "203.0.113.7"]`,
		`tokenTTL: "0s"`,
		`dnsDomain: "cluster.test"`,
		`ignorePreflightErrors: ["NumCPU", "Mem"]`,
		`featureGates: AllAlpha: false`,
		`extraArgs: {apiServer: "event-ttl": "2h0m0s", controllerManager: "v": "2", scheduler: "v": "2", etcd: "quota-backend-bytes": "8589934592", kubelet: "v": "2"}`,
		`kubelet: {evictionHard: "memory.available": "100Mi", maxPods: 200, resolvConf: "/run/systemd/resolve/resolv.conf"}`,
		`kubelet: settings: {imageGCHighThresholdPercent: 90, systemReserved: cpu: "100m", shutdownGracePeriod: "30s"}`,
		`kubeProxy: {mode: "ipvs", ipvs: {scheduler: "lc", strictARP: true}, conntrackMaxPerCore: 0}`,
		`kubeProxy: settings: {conntrack: tcpEstablishedTimeout: "1h0m0s", ipvs: tcpTimeout: "15m0s", nodePortAddresses: ["192.168.56.0/24"]}`,
		`audit: {level: "Metadata", rules: [{level: "None", users: ["system:kube-proxy"]}]}`,
		`encryption: "secretbox"`,
		`patches: "kube-apiserver0+merge.yaml": "metadata: {labels: {a: b}}\n"`,
	}
	if r.minor < 31 {
		lines = append(lines, `kubeadmFeatureGates: PublicKeysECDSA: true`)
	} else {
		lines = append(lines, `certificates: {validity: "4380h", algorithm: "ECDSA-P256"}`, `kubelet: failCgroupV1: false`)
	}
	return "\t" + strings.Join(lines, "\n\t") + "\n"
}

func TestKubeadmOfEveryMinorAcceptsItsConfigs(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles kubeadm")
	}
	for _, r := range catalogue(t) {
		nftables := ""
		if r.minor >= 31 {
			nftables = "\tkubeProxy: mode: \"nftables\"\n"
		}
		for _, c := range []struct{ name, runtime, kubernetes string }{
			{"containerd", "containerd", nftables},
			{"docker", "docker", ""},
			{"all settings", "containerd", settings(r)},
		} {
			t.Run(r.String()+"/"+c.name, func(t *testing.T) {
				dir := t.TempDir()
				file := filepath.Join(dir, "cluster.cue")
				if err := os.WriteFile(file, fmt.Appendf(nil, smallSpec, r, c.kubernetes, c.runtime), 0o600); err != nil {
					t.Fatal(err)
				}
				p, rendered := tree(t, file)
				dir = filepath.Join(dir, "tree")
				if err := rendered.Write(dir); err != nil {
					t.Fatal(err)
				}
				if len(nodes(p)) != 4 {
					t.Errorf("the nodes are %v", nodes(p))
				}
				judge(t, p, rendered, dir)
			})
		}
	}
}
