//go:build lab && linux

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

// TestUpgrade goes from one patch to another on a cluster of three control planes behind
// two load balancers, with a shop that is asked at the virtual address throughout.
func TestUpgrade(t *testing.T) { testUpgrade(t, "1.34.2", "1.34.4") }

// TestUpgradeToTheNextMinor goes as far as one step may: kubelets of one minor release
// work beside control planes of the next for a while, and etcd and CoreDNS change too.
func TestUpgradeToTheNextMinor(t *testing.T) { testUpgrade(t, "1.33.13", "1.34.4") }

const upgradable = `
registry: mode: "preload"
loadBalancer: {
	mode: "dedicated"
	vips: api: {address: "10.0.0.100", routerID: 51}
	forwards: web: {port: 80, nodePort: 30081}
}
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"]}
	cp2: {address: "10.0.0.12", roles: ["control-plane"]}
	cp3: {address: "10.0.0.13", roles: ["control-plane"]}
	w1: {address: "10.0.0.21", roles: ["worker"]}
	w2: {address: "10.0.0.22", roles: ["worker"]}
	lb1: {address: "10.0.0.2", roles: ["load-balancer"]}
	lb2: {address: "10.0.0.3", roles: ["load-balancer"]}
}
`

// shopManifest is an application as its owner has it who wants no interruption: a pod on
// each worker, of which one may leave at a time, and leaves when nobody is sent to it.
const shopManifest = `apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      terminationGracePeriodSeconds: 10
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: shop}}}
      containers:
      - name: shop
        image: %[1]s
        imagePullPolicy: IfNotPresent
        command: [/bin/sh, -c, 'mkdir /www && hostname > /www/index.html && exec httpd -f -p 8080 -h /www']
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
        lifecycle: {preStop: {exec: {command: [sleep, "6"]}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: shop}
spec: {minAvailable: 1, selector: {matchLabels: {app: shop}}}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  type: NodePort
  selector: {app: shop}
  ports: [{port: 80, targetPort: 8080, nodePort: 30081}]
`

func testUpgrade(t *testing.T, from, to string) {
	c := bootCluster(t, from, "up", upgradable)
	defer c.explain(t)
	before := map[string]string{}
	for name, m := range c.hosts {
		before[name] = on(t, m, snapshot)
	}
	c.install(t)
	c.waitReady(t, time.Minute)
	c.smoke(t)
	on(t, c.first(), "kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f - <<'EOF'\n"+fmt.Sprintf(shopManifest, c.plan.Cluster.Pull(smokeImage))+"EOF\n")
	c.kubectl(t, "rollout status deployment/shop --timeout=60s")

	next := site{release: to, name: "up", spec: containerd + upgradable}.bundle(t, c.base)
	for _, h := range c.plan.Hosts {
		m := c.hosts[h.Name]
		next.replace(t, m)
		if h.Node {
			says(t, fails(t, m, installs), fmt.Sprintf("this node runs Kubernetes %s, and the bundle has %s; ./upgrade.sh goes from one to the other", from, to))
		}
	}
	slowMoment(t, c.first())
	c.upgrade(t, from, to)
	says(t, on(t, c.first(), "cat /var/log/satchel/upgrade.log"), "checks of kubeadm did not pass; they are made again")

	c.waitReady(t, time.Minute)
	says(t, c.kubectl(t, "get nodes -o 'jsonpath={.items[*].status.nodeInfo.kubeletVersion} {.items[*].spec.unschedulable}'"), fmt.Sprintf("v%[1]s v%[1]s v%[1]s v%[1]s v%[1]s ", to))
	for _, m := range c.hosts {
		says(t, on(t, m, "/opt/bundle/status.sh --secrets /root/secrets"), "all is well")
		says(t, on(t, m, installs), "nothing to change")
	}
	on(t, c.first(), "test -s /var/lib/satchel/snapshots/before-"+to+".db")
	c.smoke(t)
	on(t, c.first(), "rm /root/smoke.yaml")
	for _, name := range []string{"w2", "w1", "cp3", "cp2", "cp1", "lb2", "lb1"} {
		on(t, c.hosts[name], resets)
		looksAs(t, c.hosts[name], before[name], "after an upgrade and a reset")
	}
}

// upgrade runs upgrade.sh everywhere and counts what a client of the shop did not get.
func (c *cluster) upgrade(t *testing.T, from, to string) {
	t.Helper()
	probe, err := c.net.Probe(t.Context(), "http://10.0.0.100/", 50*time.Millisecond, 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	took := c.everywhere(t, "SATCHEL_WAIT=600 /opt/bundle/upgrade.sh --secrets /root/secrets")
	report := probe.Stop()
	t.Logf("%s to %s took %v; of %d requests %d failed, in %d outages; the slowest answer took %v", from, to, took.Round(time.Second), report.Tries, report.Failures, len(report.Outages), report.Slowest.Round(time.Millisecond))
	for _, o := range report.Outages {
		t.Logf("no answer for %v: %v", o.Length().Round(time.Millisecond), o.Cause)
	}
	if report.Failures > report.Tries/200 {
		t.Errorf("%d of %d requests failed", report.Failures, report.Tries)
	}
}

// slowMoment has kubeadm's first look at the cluster's health fail: a part of the control
// plane is not there until it was missed.
func slowMoment(t *testing.T, m *lab.Machine) {
	t.Helper()
	on(t, m, `mv /etc/kubernetes/manifests/kube-scheduler.yaml /root/
		systemd-run --quiet --unit slow sh -c 'until grep -q "checks of kubeadm did not pass" /var/log/satchel/upgrade.log; do sleep 0.5; done; mv /root/kube-scheduler.yaml /etc/kubernetes/manifests/'`)
}
