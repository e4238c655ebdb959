//go:build lab && linux

package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
	"github.com/satchel-kit/satchel/internal/lab/world"
	"github.com/satchel-kit/satchel/internal/plan"
)

const smokeImage = "docker.io/library/busybox:1.36"

// common is the part of every cluster's spec that the lab's hosts need: they share a
// kernel, whose settings they cannot all change.
const common = `package cluster

name: %q
kubernetes: {
	version: %q
	kubelet: {
		evictionHard: {"imagefs.available": "1%%", "nodefs.available": "1%%", "nodefs.inodesFree": "1%%", "memory.available": "100Mi"}
	}
	kubeProxy: conntrackMaxPerCore: 0
}
network: hosts: "10.0.0.0/24"
network: flannel: version: %q
images: [%q]
`

// containerd is the runtime of the inputs.
const containerd = `
runtime: {name: "containerd", version: %q, runc: %q, restrictOOMScoreAdj: true}
`

// cluster is a set of booted hosts with a bundle of real Kubernetes.
type cluster struct {
	*kit
	net   *lab.Network
	base  string // the root file system of the hosts
	hosts map[string]*lab.Machine
}

// particular is what a release needs here beside the common part.
func particular(release string) string {
	if strings.HasPrefix(release, "1.30.") {
		// This kubeadm puts IPv4 addresses into brackets when it asks for a proxy, which
		// the Go that it is compiled with here refuses.
		return `kubernetes: ignorePreflightErrors: ["SystemVerification", "HTTPProxyCIDR"]`
	}
	return `kubernetes: {ignorePreflightErrors: ["SystemVerification"], kubelet: failCgroupV1: false}`
}

// bootCluster builds the bundle of a spec with containerd and boots its hosts with it.
func bootCluster(t *testing.T, release, name, rest string) *cluster {
	t.Helper()
	return site{release: release, name: name, spec: containerd + rest}.boot(t)
}

// site is what a cluster is made from.
type site struct {
	release, name string
	// spec follows the common part.
	spec string
	// beside are files beside the spec, by path.
	beside map[string]string
	// packages are further ones of the operating system.
	packages []string
	// more adds to the inputs of the release; base is the hosts' root file system.
	more func(in *world.Inputs, base string)
}

// boot builds the bundle and boots the hosts with it.
func (s site) boot(t *testing.T) *cluster {
	t.Helper()
	n, base := network(t, "10.0.0.0/24", append(nodePackages, s.packages...)...)
	c := &cluster{net: n, base: base, hosts: map[string]*lab.Machine{}}
	c.kit = s.bundle(t, base)
	for _, h := range c.plan.Hosts {
		c.hosts[h.Name] = c.boot(t, n, base, h.Name)
		c.carry(t, c.hosts[h.Name])
	}
	return c
}

// bundle builds the bundle alone.
func (s site) bundle(t *testing.T, base string) *kit {
	t.Helper()
	inputs, err := world.Build(t.Context(), "", s.release, testLog{t})
	if err != nil {
		t.Fatal(err)
	}
	if s.more != nil {
		s.more(inputs, base)
	}
	return buildKit(t, s.write(t, inputs.Versions), func(p *plan.Plan) upstream {
		w, err := world.Serve(t.Context(), inputs, p.Images, p.Files)
		if err != nil {
			t.Fatal(err)
		}
		return w
	})
}

// write makes the spec's directory.
func (s site) write(t *testing.T, v world.Versions) string {
	t.Helper()
	text := strings.Replace(s.spec, containerd, fmt.Sprintf(containerd, v.Containerd, v.Runc), 1)
	files := map[string]string{
		"cluster.cue": fmt.Sprintf(common, s.name, v.Kubernetes, v.Flannel, smokeImage) + particular(s.release) + text,
	}
	maps.Copy(files, s.beside)
	return specOf(t, files)
}

// nodePackages are what the operating system of a node brings.
var nodePackages = []string{"conntrack", "iptables", "nftables", "ethtool", "socat", "ebtables"}

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// install starts install.sh on all hosts at the same moment and returns how long it
// took until the last was done.
func (c *cluster) install(t *testing.T) time.Duration {
	t.Helper()
	return c.everywhere(t, "SATCHEL_WAIT=180 /opt/bundle/install.sh --secrets /root/secrets")
}

// everywhere runs a command on all hosts at the same moment.
func (c *cluster) everywhere(t *testing.T, command string) time.Duration {
	t.Helper()
	begin := time.Now()
	var wg sync.WaitGroup
	for name, m := range c.hosts {
		wg.Go(func() {
			out, said, err := m.Exec(t.Context(), nil, "bash", "-c", command)
			t.Logf("%s was done after %v", name, time.Since(begin).Round(100*time.Millisecond))
			if err != nil {
				t.Errorf("%s: %v\n%s%s", name, err, out, said)
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	if t.Failed() {
		t.FailNow()
	}
	return took
}

// kubectl runs on the first control plane.
func (c *cluster) kubectl(t *testing.T, args string) string {
	t.Helper()
	return on(t, c.first(), "kubectl --kubeconfig /etc/kubernetes/admin.conf "+args)
}

func (c *cluster) first() *lab.Machine {
	for _, h := range c.plan.Hosts {
		if h.Kubeadm == "init" {
			return c.hosts[h.Name]
		}
	}
	return nil
}

// notReady lists nodes that are not ready, and pods not all of whose containers are.
func (c *cluster) notReady(t *testing.T) string {
	t.Helper()
	out, said, err := c.first().Exec(t.Context(), nil, "bash", "-c", `export KUBECONFIG=/etc/kubernetes/admin.conf
		kubectl get nodes --no-headers | awk '$2 != "Ready"'
		kubectl get pods -A --no-headers | awk '{split($3, n, "/"); if (n[1] != n[2]) print}'`)
	if err != nil {
		return said + err.Error()
	}
	return out
}

func (c *cluster) waitReady(t *testing.T, within time.Duration) {
	t.Helper()
	nodes := 0
	for _, h := range c.plan.Hosts {
		if h.Node {
			nodes++
		}
	}
	eventually(t, within, "all nodes and pods are ready", func() bool {
		out, _, err := c.first().Exec(t.Context(), nil, "bash", "-c", "kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers | grep -cw Ready")
		return err == nil && strings.TrimSpace(out) == fmt.Sprint(nodes) && c.notReady(t) == ""
	})
}

// explain shows what the hosts and the cluster say of a failure. It is deferred: the
// hosts are gone when cleanups run.
func (c *cluster) explain(t *testing.T) {
	if !t.Failed() {
		return
	}
	for name, m := range c.hosts {
		out, _, _ := m.Exec(context.Background(), nil, "bash", "-c", `tail -n 30 /var/log/satchel/install.log
			systemctl --failed --no-legend; journalctl -n 25 --no-pager -u kubelet -u containerd -u docker -u cri-docker -u satchel-registry -u haproxy -u keepalived`)
		t.Logf("%s:\n%s", name, out)
	}
	if m := c.first(); m != nil {
		out, _, _ := m.Exec(context.Background(), nil, "bash", "-c", `export KUBECONFIG=/etc/kubernetes/admin.conf
			kubectl get nodes,pods -A -o wide
			kubectl get pods -A --no-headers | awk '$4 ~ /Crash|Error/ {print $1, $2}' | while read -r ns pod; do kubectl -n "$ns" logs "$pod" --all-containers --tail=20; done
			kubectl get events -A --sort-by=.lastTimestamp | tail -30`)
		t.Logf("cluster:\n%s", out)
	}
}

// quiet holds that no host tried to send anything out of the hosts' network. Hosts that
// have lost a virtual address are left out: they go on answering those who were connected
// to it, without that address as their own, and the kernel counts it as no route.
func (c *cluster) quiet(t *testing.T, lost ...string) {
	t.Helper()
	for name, m := range c.hosts {
		if slices.Contains(lost, name) {
			continue
		}
		if n, err := m.Unrouted(); err != nil || n > 0 {
			t.Errorf("%s tried to reach the outside %d times (%v)", name, n, err)
		}
	}
	escapes, err := c.net.Escapes(t.Context())
	if err != nil || len(escapes) > 0 {
		t.Errorf("packets tried to leave: %v (%v)", escapes, err)
	}
}
