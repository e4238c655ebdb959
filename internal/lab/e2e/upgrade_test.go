//go:build lab && linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
	"github.com/satchel-kit/satchel/internal/plan"
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
	c.hasParts(t, next.plan)
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

// hasParts holds that all parts of the control planes, and what kubeadm brings beside, have
// the releases of a plan.
func (c *cluster) hasParts(t *testing.T, p *plan.Plan) {
	t.Helper()
	k := p.Cluster.Kubernetes
	for _, m := range c.controlPlanes() {
		says(t, on(t, m, "cat /etc/kubernetes/manifests/*.yaml"), "/kube-apiserver:v"+k.Version+"\n", "/kube-controller-manager:v"+k.Version+"\n", "/kube-scheduler:v"+k.Version+"\n", "/etcd:"+k.Etcd+"\n")
	}
	says(t, c.kubectl(t, "-n kube-system get configmap kubeadm-config -o 'jsonpath={.data.ClusterConfiguration}'"), "kubernetesVersion: v"+k.Version+"\n", "imageTag: "+k.Etcd+"\n", "imageTag: "+k.CoreDNS+"\n")
	says(t, c.kubectl(t, "-n kube-system get deployment/coredns daemonset/kube-proxy -o 'jsonpath={.items[*].spec.template.spec.containers[0].image}'"), "/coredns:"+k.CoreDNS, "/kube-proxy:v"+k.Version)
}

// heldManifest is a pod that its budget does not let go, on one node.
const heldManifest = `apiVersion: apps/v1
kind: Deployment
metadata: {name: held}
spec:
  selector: {matchLabels: {app: held}}
  template:
    metadata: {labels: {app: held}}
    spec:
      nodeSelector: {kubernetes.io/hostname: %[2]s}
      containers:
      - {name: held, image: %[1]s, imagePullPolicy: IfNotPresent, command: [sleep, infinity]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: held}
spec: {minAvailable: 1, selector: {matchLabels: {app: held}}}
`

// TestUpgradeIsCutOff kills upgrade.sh where most is left to do, on a bundle that came as a
// delta, and runs it again; then another worker joins what has become of the cluster.
func TestUpgradeIsCutOff(t *testing.T) {
	const from, to = "1.33.13", "1.34.4"
	c := bootCluster(t, from, "cut", oneOfEach)
	defer c.explain(t)
	cp, w := c.hosts["cp1"], c.hosts["w1"]
	c.install(t)
	c.waitReady(t, time.Minute)
	next := site{release: to, name: "cut", spec: containerd + oneOfEach}.bundle(t, c.base)
	delta := next.delta(t, c.kit)
	for _, m := range c.hosts {
		delta.replace(t, m, c.bundle)
	}
	on(t, cp, "kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f - <<'EOF'\n"+fmt.Sprintf(heldManifest, c.plan.Cluster.Pull(smokeImage), "w1")+"EOF\n")
	c.kubectl(t, "rollout status deployment/held --timeout=60s")
	was := on(t, cp, files)
	says(t, on(t, cp, upgrades+" --dry-run"), "would save etcd to /var/lib/satchel/snapshots/before-"+to+".db", "would run: kubeadm upgrade apply v"+to, "would drain cp1")
	says(t, on(t, w, upgrades+" --dry-run"), "would drain w1, of: ", "default/held-", "would run: kubeadm upgrade node")
	if is := on(t, cp, files); is != was {
		t.Errorf("a dry run changed the host:\n%s\n%s", was, is)
	}

	// The worker has the images now, of which kubeadm tries one before all else.
	cutOff(t, w, "grep 'waiting for the control planes' /root/out")
	// The API server has the new release, and the controllers do not.
	cutOff(t, cp, "kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=2s get --raw /version | grep -q 'v"+to+"'")
	says(t, on(t, cp, "cat /etc/kubernetes/manifests/*.yaml"), "/kube-apiserver:v"+to, "/kube-controller-manager:v"+from)
	says(t, fails(t, cp, "/opt/bundle/status.sh"), "bad   version      kube-controller-manager: "+from+", the bundle has "+to)
	saved := on(t, cp, "sha256sum /var/lib/satchel/snapshots/before-"+to+".db")

	done := make(chan struct{})
	go func() {
		defer close(done)
		if out, said, err := cp.Exec(t.Context(), nil, "bash", "-c", "SATCHEL_WAIT=600 "+upgrades); err != nil {
			t.Errorf("cp1: %v\n%s%s", err, out, said)
		}
	}()
	// The worker is not rid of the pod that its budget holds.
	cutOff(t, w, "test -e /var/lib/satchel/cordoned && sleep 3")
	says(t, c.kubectl(t, "get node w1 -o 'jsonpath={.spec.unschedulable} {.status.nodeInfo.kubeletVersion}'"), "true v"+from)
	c.kubectl(t, "delete pdb held")
	on(t, w, "SATCHEL_WAIT=600 "+upgrades)
	<-done
	if t.Failed() {
		return
	}

	c.waitReady(t, 2*time.Minute)
	c.hasParts(t, next.plan)
	if now := on(t, cp, "sha256sum /var/lib/satchel/snapshots/before-"+to+".db"); now != saved {
		t.Errorf("what was saved before the upgrade became another: %s, %s", saved, now)
	}
	if got := c.kubectl(t, "get nodes -o 'jsonpath={.items[*].status.nodeInfo.kubeletVersion}/{.items[*].spec.unschedulable}'"); got != "v"+to+" v"+to+"/" {
		t.Errorf("the nodes are %s", got)
	}
	for _, m := range c.hosts {
		on(t, m, "! test -e /var/lib/satchel/cordoned")
		says(t, on(t, m, "/opt/bundle/status.sh --secrets /root/secrets"), "all is well")
		says(t, on(t, m, upgrades), "nothing to change")
	}
	c.workerJoins(t, to)
	c.quiet(t)
}

const upgrades = "/opt/bundle/upgrade.sh --secrets /root/secrets"

// cutOff starts upgrade.sh and kills it, with all that it started, at this moment.
func cutOff(t *testing.T, m *lab.Machine, moment string) {
	t.Helper()
	out := on(t, m, fmt.Sprintf(`SATCHEL_WAIT=600 setsid %s >/root/out 2>&1 & pid=$!
		until %s || ! kill -0 $pid 2>/dev/null; do sleep 0.05; done
		if kill -KILL -- -$pid 2>/dev/null; then echo killed; fi
		wait $pid 2>/dev/null; tail -n 5 /root/out`, upgrades, "("+moment+") >/dev/null 2>&1"))
	if !strings.HasPrefix(out, "killed") {
		t.Fatalf("upgrade.sh of %s ended before it could be killed:\n%s", m.Name(), out)
	}
	t.Logf("upgrade.sh of %s was killed: %s", m.Name(), out)
}

// workerJoins adds a worker by a bundle of the changed spec, with the secrets that the
// cluster has, when the token that it joins by is there no longer.
func (c *cluster) workerJoins(t *testing.T, release string) {
	t.Helper()
	more := strings.Replace(oneOfEach, "hosts: {", "hosts: {\n\tw2: {address: \"10.0.0.22\", roles: [\"worker\"]}", 1)
	next := site{release: release, name: "cut", spec: containerd + more}.bundle(t, c.base)
	next.takeSecrets(t, c.secrets)
	former := c.kit
	c.kit = next
	defer func() { c.kit = former }()
	m := next.boot(t, c.net, c.base, "w2")
	next.carry(t, m)
	c.kubectl(t, "-n kube-system delete secrets --field-selector type=bootstrap.kubernetes.io/token")
	says(t, fails(t, c.first(), "/opt/bundle/cluster.sh token"), "give --secrets FILE with the secret bootstrap-token")
	says(t, on(t, c.first(), "/opt/bundle/cluster.sh token --secrets /root/secrets"), "new hosts can join for a day")
	c.hosts["w2"] = m
	on(t, m, "SATCHEL_WAIT=240 "+installs)
	for name, other := range c.hosts {
		if name != "w2" {
			next.replace(t, other)
			on(t, other, installs)
		}
	}
	c.waitReady(t, time.Minute)
	c.smoke(t)
	c.secondRun(t)
}
