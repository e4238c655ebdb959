//go:build lab && linux

package e2e

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// TestPowerCut takes the power from a host of each role in the middle of its install,
// starts it again and installs again: the cluster becomes the same.
func TestPowerCut(t *testing.T) {
	c := bootCluster(t, "1.34.4", "ha", highlyAvailable)
	defer c.explain(t)
	cuts := map[string]string{ // the step in whose middle the power goes
		"reg": "35-registry", "lb1": "60-haproxy", "cp1": "80-kubeadm", "cp2": "80-kubeadm", "w1": "80-kubeadm",
	}
	var wg sync.WaitGroup
	for name := range c.hosts {
		wg.Go(func() {
			if step, ok := cuts[name]; ok {
				c.installWithCut(t, name, step)
				return
			}
			c.installOne(t, name)
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	c.waitReady(t, time.Minute)
	members := on(t, c.hosts["cp3"], `crictl exec "$(crictl ps --name etcd -q)" etcdctl --cacert /etc/kubernetes/pki/etcd/ca.crt \
		--cert /etc/kubernetes/pki/etcd/server.crt --key /etc/kubernetes/pki/etcd/server.key member list 2>&1`)
	if n := strings.Count(members, "started"); n != 3 || strings.Count(members, "\n") != 3 {
		t.Errorf("etcd has the members\n%s", members)
	}
	c.smoke(t)
	c.secondRun(t)
	c.quiet(t)
}

func (c *cluster) installOne(t *testing.T, name string) {
	out, said, err := c.hosts[name].Exec(t.Context(), nil, "bash", "-c", "SATCHEL_WAIT=300 /opt/bundle/install.sh --secrets /root/secrets")
	if err != nil {
		t.Errorf("%s: %v\n%s%s", name, err, out, said)
	}
}

// installWithCut kills the host once its install has been in the step for a while.
func (c *cluster) installWithCut(t *testing.T, name, step string) {
	m := c.hosts[name]
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		m.Exec(t.Context(), nil, "bash", "-c", "SATCHEL_WAIT=300 /opt/bundle/install.sh --secrets /root/secrets")
	}()
	wait := 0 * time.Second
	if step == "80-kubeadm" {
		wait = 6 * time.Second // kubeadm has begun by then
	}
	for begin := time.Now(); time.Since(begin) < 4*time.Minute; time.Sleep(50 * time.Millisecond) {
		log, _, err := m.Exec(t.Context(), nil, "cat", "/var/log/satchel/install.log")
		kubeadm := step != "80-kubeadm" || strings.Contains(log, "[preflight]") || strings.Contains(log, "[init]")
		if err == nil && strings.Contains(log, "--- "+step) && kubeadm {
			break
		}
	}
	time.Sleep(wait)
	m.Kill()
	<-gone
	t.Logf("%s lost its power in %s", name, step)
	if err := m.Start(t.Context()); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	c.installOne(t, name)
	t.Logf("%s is done", name)
}
