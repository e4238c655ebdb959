//go:build lab && linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

// dualStack is a cluster of both families, on hosts with a firewall; the worker is the
// registry host too.
const dualStack = containerd + `
network: ipv6: {pods: "fd00:10:244::/56", services: "fd00:10:96::/112"}
system: firewall: "firewalld"
hosts: {
	cp1: {address: "10.0.0.11", address6: "fd00:10::11", roles: ["control-plane", "worker"]}
	w1: {address: "10.0.0.21", address6: "fd00:10::21", roles: ["worker", "registry"]}
}
manifests: ["both.yaml"]
`

// both is a web server on every node, behind a service of both families.
const both = `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: both}
spec:
  selector: {matchLabels: {app: both}}
  template:
    metadata: {labels: {app: both}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: both
        image: docker.io/library/busybox:1.36
        command: [/bin/sh, -c, 'mkdir /www && echo "$NODE" > /www/index.html && exec httpd -f -p [::]:8080 -h /www']
        env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
---
apiVersion: v1
kind: Service
metadata: {name: both}
spec:
  type: NodePort
  ipFamilyPolicy: RequireDualStack
  selector: {app: both}
  ports: [{port: 80, targetPort: 8080, nodePort: 30090}]
`

// TestDualStack installs a cluster whose pods and services have addresses of IPv4 and
// IPv6.
func TestDualStack(t *testing.T) {
	c := site{
		release: "1.34.4", name: "dual", spec: dualStack, packages: []string{"firewalld", "libpam-systemd"},
		beside: map[string]string{"both.yaml": both},
	}.boot(t)
	defer c.explain(t)
	if _, said, err := c.net.Exec(t.Context(), "ip", "addr", "add", "fd00:10::1/64", "dev", "br0", "nodad"); err != nil {
		t.Fatal(said, err)
	}
	for _, m := range c.hosts {
		on(t, m, "systemctl start firewalld")
	}
	before := c.snapshots(t)
	took := c.install(t)
	c.waitReady(t, time.Minute)
	t.Logf("all nodes were ready %v after the start", took.Round(100*time.Millisecond))
	c.smoke(t)
	for _, s := range []struct {
		promise string
		test    func(*testing.T)
	}{
		{"pods have addresses of both families and reach each other", c.testBothPods},
		{"a service answers at both of its addresses", c.testBothService},
		{"a node port answers at both addresses of a node", c.testBothNodePort},
		{"firewalls let in what the cluster needs and no more", c.testBothFirewalls},
		{"a second run changes nothing", c.secondRun},
	} {
		t.Run(s.promise, s.test)
	}
	c.quiet(t)
	c.takenBack(t, before)
}

// urlOf is an address as it stands in a URL.
func urlOf(address string) string {
	if strings.Contains(address, ":") {
		return "[" + address + "]"
	}
	return address
}

func (c *cluster) testBothPods(t *testing.T) {
	pods := strings.Fields(c.kubectl(t, `get pods -l app=both -o 'jsonpath={range .items[*]}{.metadata.name},{.spec.nodeName},{.status.podIPs[0].ip},{.status.podIPs[1].ip} {end}'`))
	if len(pods) != 2 {
		t.Fatalf("the pods are %v", pods)
	}
	for _, from := range pods {
		for _, to := range pods {
			p := strings.Split(to, ",")
			if !strings.HasPrefix(p[2], "10.244.") || !strings.HasPrefix(p[3], "fd00:10:244:") {
				t.Errorf("the pod %s has the addresses %s and %s", p[0], p[2], p[3])
			}
			for _, address := range p[2:] {
				says(t, c.kubectl(t, "exec "+strings.Split(from, ",")[0]+" -- timeout 5 wget -qO- http://"+urlOf(address)+":8080/"), p[1])
			}
		}
	}
}

func (c *cluster) testBothService(t *testing.T) {
	addresses := strings.Fields(c.kubectl(t, "get service both -o 'jsonpath={.spec.clusterIPs[*]}'"))
	for i, a := range addresses {
		addresses[i] = strings.Trim(a, `[]",`)
	}
	if len(addresses) != 2 || !strings.HasPrefix(addresses[1], "fd00:10:96::") {
		t.Fatalf("the service has the addresses %v", addresses)
	}
	for _, address := range addresses {
		c.kubectl(t, "exec ds/both -- timeout 5 wget -qO- http://"+urlOf(address)+"/")
		for _, m := range c.hosts {
			on(t, m, "curl -sf --max-time 5 'http://"+urlOf(address)+"/'")
		}
	}
	says(t, c.kubectl(t, "exec ds/both -- nslookup -type=AAAA both.default.svc.cluster.local"), addresses[1])
}

func (c *cluster) testBothNodePort(t *testing.T) {
	for _, h := range c.plan.Hosts {
		for _, address := range []string{h.Address, h.Address6} {
			out, said, err := c.net.Exec(t.Context(), "curl", "-sf", "--max-time", "5", fmt.Sprintf("http://%s:30090/", urlOf(address)))
			if err != nil || out == "" {
				t.Errorf("the node port at %s: %v %s", address, err, said)
			}
		}
	}
}

func (c *cluster) testBothFirewalls(t *testing.T) {
	for _, m := range c.hosts {
		says(t, on(t, m, "firewall-cmd --state && firewall-cmd --zone=trusted --list-sources"), "running", "10.244.0.0/16", "fd00:10:244::/56", "fd00:10:96::/112")
	}
	listenAt(t, c.hosts["w1"], 7777)
	eventually(t, 5*time.Second, "something listens", func() bool {
		_, _, err := c.hosts["w1"].Exec(t.Context(), nil, "curl", "-s", "http://127.0.0.1:7777/")
		return err == nil
	})
	if answers(t, c.net, c.hosts["w1"], 7777) {
		t.Error("port 7777, which the cluster has no use for, is open")
	}
	for name, m := range c.hosts {
		unrouted6(t, name, m)
	}
	on(t, c.hosts["w1"], "systemctl stop listen && rm /root/listen.cfg")
}

// unrouted6 holds that the host sent nothing of IPv6 that it had no route for.
func unrouted6(t *testing.T, name string, m *lab.Machine) {
	t.Helper()
	if out := strings.Fields(on(t, m, "grep Ip6OutNoRoutes /proc/net/snmp6")); len(out) != 2 || out[1] != "0" {
		t.Errorf("%s tried to reach the outside over IPv6: %v", name, out)
	}
}
