//go:build lab && linux

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

// stacked is three control planes with their own load balancers, two workers, and the
// registry; and everything of the spec that a cluster can have beside it.
const stacked = containerd + `
loadBalancer: {
	mode: "stacked"
	vips: api: {address: "10.0.0.100", routerID: 51, preferred: "cp2"}
	forwards: web: {port: 80, nodePort: 30081}
}
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"]}
	cp2: {address: "10.0.0.12", roles: ["control-plane"]}
	cp3: {address: "10.0.0.13", roles: ["control-plane", "worker"]}
	w1: {
		address: "10.0.0.21"
		roles: ["worker"]
		labels: {disk: "ssd", "example.com/rack": "r1"}
		taints: [{key: "dedicated", value: "db", effect: "NoSchedule"}]
	}
	w2: {address: "10.0.0.22", roles: ["worker"], labels: disk: "hdd"}
	reg: {address: "10.0.0.9", roles: ["registry"]}
}
kubernetes: {
	kubeProxy: mode: "nftables"
	kubelet: maxPods: 60
	encryption: "secretbox"
	audit: {level: "Metadata", rules: [{level: "None", users: ["system:kube-proxy"]}]}
	certificates: {validity: "4380h", algorithm: "ECDSA-P256"}
	certSANs: ["api.example.com"]
	extraArgs: {
		apiServer: "profiling":                          "false"
		controllerManager: "terminated-pod-gc-threshold": "77"
		kubelet: "v":                                    "1"
	}
	patches: {
		"kube-scheduler0+merge.yaml": """
			metadata:
			  annotations:
			    example.com/patched: "yes"
			"""
		"kubeletconfiguration0+merge.yaml": """
			containerLogMaxFiles: 7
			"""
	}
}
network: {
	flannel: directRouting: true
	dns: {
		hosts: "harbor.example.com": "10.0.0.77"
		forwarders: ["10.0.0.9"]
		exclude: ["example.net"]
		stubDomains: "corp.example.com": ["10.0.0.8"]
	}
}
applications: shop: {
	namespace: "store"
	image:     "docker.io/library/busybox:1.36"
	replicas:  2
	ports: [8080]
	command: ["/bin/sh", "-c"]
	args: ["cp /srv/page/index.html /tmp/ && echo $GREETING >> /tmp/index.html && exec httpd -f -p 8080 -h /tmp"]
	env: GREETING: "how do you do"
	files: "/srv/page/index.html": """
		<h1>the "shop": it's $5</h1>

		"""
}
derivedImages: "docker.io/example/page:1.0": {
	base: "docker.io/library/busybox:1.36"
	files: {
		"/srv/start.sh": {source: "page/start.sh", mode: "0755"}
		"/srv/www/index.html": text: "an image of satchel's own\n"
	}
	entrypoint: ["/srv/start.sh"]
	command: ["8090"]
	env: ROOT: "/srv/www"
	ports: [8090]
	user: "65534"
}
applications: page: {image: "docker.io/example/page:1.0", ports: [8090]}
services: {
	page: {application: "page", ports: [{port: 80, targetPort: 8090}]}
	shop: {application: "shop", ports: [{port: 80, targetPort: 8080}]}
	shopdoor: {application: "shop", type: "NodePort", ports: [{name: "http", port: 80, targetPort: 8080, nodePort: 30081}, {name: "more", port: 81, targetPort: 8080}]}
	shoppods: {application: "shop", type: "Headless"}
	balanced: {application: "shop", type: "LoadBalancer", ports: [{port: 80, targetPort: 8080, nodePort: 30082}]}
	db: {namespace: "store", type: "ExternalName", externalName: "db.corp.example.com"}
}
manifests: ["manifests"]
addons: completion: true
`

// own is a user's manifest with its image under the upstream name.
const own = `# the site's own
apiVersion: apps/v1
kind: Deployment
metadata:
  name: tools
  labels: {app: tools}
spec:
  selector: {matchLabels: {app: tools}}
  template:
    metadata: {labels: {app: tools}}
    spec:
      terminationGracePeriodSeconds: 0
      nodeSelector: {disk: ssd}
      tolerations: [{key: dedicated, operator: Exists}]
      containers:
        - {name: tools, image: "busybox:1.36", command: [sleep, infinity]}
`

// start is what the derived image runs.
const start = "#!/bin/sh\nexec httpd -f -p \"$1\" -h \"$ROOT\"\n"

// nameServers answers on the registry host: one server for everything, one for the
// company's domain.
const nameServers = `ip addr add 10.0.0.8/24 dev eth0 &&
systemd-run --quiet --unit dns-all dnsmasq --keep-in-foreground --no-resolv --no-hosts --bind-interfaces --listen-address=10.0.0.9 --address=/#/10.9.9.9 &&
systemd-run --quiet --unit dns-corp dnsmasq --keep-in-foreground --no-resolv --no-hosts --bind-interfaces --listen-address=10.0.0.8 --address=/corp.example.com/10.8.8.8`

// TestStacked installs a cluster whose control planes carry their own load balancers,
// with everything else that a spec can ask for at the same time.
func TestStacked(t *testing.T) {
	c := site{
		release: "1.37.2", name: "stacked", spec: stacked, packages: []string{"dnsmasq-base"},
		beside: map[string]string{"manifests/tools.yaml": own, "page/start.sh": start},
	}.boot(t)
	defer c.explain(t)
	on(t, c.hosts["reg"], nameServers)
	before := c.snapshots(t)
	took := c.install(t)
	t.Logf("all nodes were ready %v after the start", took.Round(100*time.Millisecond))
	c.waitReady(t, time.Minute)

	for _, s := range []struct {
		promise string
		test    func(*testing.T)
	}{
		{"nodes carry their labels and taints", c.testLabels},
		{"components have their flags, patches and certificates", c.testComponents},
		{"nodes on one subnet need no encapsulation", c.testDirectRoutes},
		{"kube-proxy works with nftables alone", c.testNftables},
		{"every service answers under its name", c.testServiceNames},
		{"names outside the cluster go to their own servers", c.testOutsideNames},
		{"node ports answer everywhere, and at the virtual address", c.testNodePorts},
		{"secrets are encrypted in etcd", c.testEncryption},
		{"the key of secrets can be changed", c.testKeyChange},
		{"requests are noted", c.testAudit},
		{"a second run changes nothing", c.secondRun},
		{"nothing asks for the outside", func(t *testing.T) { c.quiet(t) }},
		{"the address moves when its haproxy dies", c.testStackedMoves},
		{"reset brings back what was before", func(t *testing.T) { c.takenBack(t, before) }},
	} {
		t.Run(s.promise, s.test)
	}
}

func (c *cluster) testLabels(t *testing.T) {
	const want = `cp1   [node-role.kubernetes.io/control-plane=:NoSchedule]
cp2   [node-role.kubernetes.io/control-plane=:NoSchedule]
cp3   []
w1 ssd r1 [dedicated=db:NoSchedule]
w2 hdd  []
`
	got := ""
	defer func() {
		if t.Failed() {
			t.Logf("labels and taints are\n%s", got)
		}
	}()
	// A node that has just become ready is rid of the taint of one that is not some time later.
	eventually(t, 20*time.Second, "labels and taints are as in the spec", func() bool {
		got = c.kubectl(t, `get nodes -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.labels.disk} {.metadata.labels.example\.com/rack} [{range .spec.taints[*]}{.key}={.value}:{.effect}{end}]{"\n"}{end}'`)
		return got == want
	})
}

func (c *cluster) testComponents(t *testing.T) {
	for _, name := range []string{"cp1", "cp2", "cp3"} {
		m := c.hosts[name]
		says(t, on(t, m, "cat /etc/kubernetes/manifests/kube-apiserver.yaml"), "--profiling=false")
		on(t, m, ". /etc/bash_completion.d/kubectl && . /etc/bash_completion.d/kubeadm && complete -p kubectl kubeadm")
		says(t, on(t, m, "cat /etc/kubernetes/manifests/kube-controller-manager.yaml"), "--terminated-pod-gc-threshold=77")
		says(t, on(t, m, "cat /etc/kubernetes/manifests/kube-scheduler.yaml"), `example.com/patched: "yes"`)
		crt := on(t, m, "openssl x509 -in /etc/kubernetes/pki/apiserver.crt -noout -text -checkend $((183 * 86400)) || true")
		says(t, crt, "prime256v1", "DNS:api.example.com", "IP Address:10.0.0.100", "IP Address:10.0.0.13", "will expire")
	}
	for name, m := range c.hosts {
		if name == "reg" {
			continue
		}
		says(t, on(t, m, "cat /var/lib/kubelet/config.yaml"), "maxPods: 60", "containerLogMaxFiles: 7")
		says(t, on(t, m, "tr '\\0' ' ' < /proc/$(pgrep -x kubelet)/cmdline"), "--v=1")
	}
}

// testDirectRoutes reads the routes to the pods of other nodes, which flannel sets some
// time after a node is ready.
func (c *cluster) testDirectRoutes(t *testing.T) {
	direct := regexp.MustCompile(`(?m)^10\.244\.\d+\.0/24 via 10\.0\.0\.\d+ dev eth0 `)
	for _, h := range c.plan.Hosts {
		if !h.Node {
			continue
		}
		routes := ""
		defer func() {
			if t.Failed() {
				t.Logf("the routes of %s are\n%s", h.Name, routes)
			}
		}()
		eventually(t, 20*time.Second, h.Name+" has direct routes to the pods of all others", func() bool {
			routes = on(t, c.hosts[h.Name], "ip route show")
			return len(direct.FindAllString(routes, -1)) == 4
		})
		if strings.Contains(routes, "flannel.1") {
			t.Errorf("%s encapsulates", h.Name)
		}
	}
}

func (c *cluster) testNftables(t *testing.T) {
	says(t, on(t, c.hosts["w2"], "nft list table ip kube-proxy"), "chain services", "30081", "store/shopdoor")
	on(t, c.hosts["w2"], "! iptables-save | grep -q KUBE-SVC")
}

// inTools runs a command in the pod of the site's own manifest.
func (c *cluster) inTools(t *testing.T, command string) string {
	t.Helper()
	return c.kubectl(t, "exec deploy/tools -- sh -c '"+command+"'")
}

func (c *cluster) testServiceNames(t *testing.T) {
	image := strings.TrimSpace(c.kubectl(t, "get deploy tools -o 'jsonpath={.spec.template.spec.containers[0].image}'"))
	if want := c.plan.Cluster.Pull(smokeImage); image != want {
		t.Errorf("the site's own manifest names the image %s, not %s", image, want)
	}
	page := "<h1>the \"shop\": it's $5</h1>\nhow do you do\n"
	for _, name := range []string{"shop.store.svc.cluster.local", "shopdoor.store.svc.cluster.local:81", "balanced.store.svc.cluster.local", "shoppods.store.svc.cluster.local:8080"} {
		if got := c.inTools(t, "timeout 5 wget -qO- http://"+name+"/"); got != page {
			t.Errorf("%s answers %q", name, got)
		}
	}
	if got := c.inTools(t, "timeout 5 wget -qO- http://page.default.svc.cluster.local/"); got != "an image of satchel's own\n" {
		t.Errorf("the derived image answers %q", got)
	}
	var pods []string
	for address := range strings.FieldsSeq(c.kubectl(t, "-n store get pods -l app=shop -o 'jsonpath={.items[*].status.podIP}'")) {
		pods = append(pods, "Address: "+address)
	}
	if len(pods) != 2 {
		t.Errorf("the application has the pods %v", pods)
	}
	says(t, c.inTools(t, "nslookup shoppods.store.svc.cluster.local"), pods...)
	says(t, c.inTools(t, "nslookup -type=A db.store.svc.cluster.local"), "canonical name = db.corp.example.com", "Address: 10.8.8.8")
}

func (c *cluster) testOutsideNames(t *testing.T) {
	says(t, c.inTools(t, "nslookup -type=A harbor.example.com"), "Address: 10.0.0.77")
	says(t, c.inTools(t, "nslookup -type=A anything.example.org"), "Address: 10.9.9.9")
	says(t, c.inTools(t, "nslookup -type=A db.corp.example.com"), "Address: 10.8.8.8")
	out := c.inTools(t, "nslookup -type=A anything.example.net || true")
	if strings.Contains(out, "10.9.9.9") {
		t.Errorf("an excluded domain was forwarded:\n%s", out)
	}
}

func (c *cluster) testNodePorts(t *testing.T) {
	ask := func(from, address string) {
		out, said, err := c.net.Exec(t.Context(), "curl", "-sf", "--max-time", "5", "http://"+address+"/")
		if err != nil || !strings.Contains(out, "how do you do") {
			t.Errorf("%s from %s: %v %s%s", address, from, err, out, said)
		}
	}
	for _, h := range c.plan.Hosts {
		if h.Node {
			ask("outside", h.Address+":30081")
			ask("outside", h.Address+":30082")
		}
	}
	ask("outside", "10.0.0.100")
	says(t, on(t, c.hosts["w1"], "curl -sf --max-time 5 http://127.0.0.1:30081/ || curl -sf --max-time 5 http://10.0.0.21:30081/"), "how do you do")
	says(t, on(t, c.hosts["w1"], "curl -sk --max-time 5 https://10.0.0.100:8443/readyz"), "ok")
}

// testEncryption looks for words in etcd's own files. That of a ConfigMap, which is not
// encrypted, shows that a word can be found there at all.
func (c *cluster) testEncryption(t *testing.T) {
	c.kubectl(t, "create secret generic hidden --from-literal=word=aWordThatNobodyMayRead")
	c.kubectl(t, "create configmap open --from-literal=word=aWordForEverybody")
	if got := c.kubectl(t, "get secret hidden -o 'jsonpath={.data.word}' | base64 -d"); got != "aWordThatNobodyMayRead" {
		t.Errorf("the secret reads %q", got)
	}
	for _, name := range []string{"cp1", "cp2", "cp3"} {
		m := c.hosts[name]
		eventually(t, 10*time.Second, "etcd of "+name+" has written", func() bool {
			_, _, err := m.Exec(t.Context(), nil, "grep", "-rqa", "aWordForEverybody", "/var/lib/etcd")
			return err == nil
		})
		on(t, m, "! grep -rqa aWordThatNobodyMayRead /var/lib/etcd && grep -rqa k8s:enc:secretbox:v1:key1: /var/lib/etcd")
		says(t, on(t, m, "stat -c '%a %U' /etc/kubernetes/encryption/config.yaml"), "600 root")
	}
	c.kubectl(t, "delete secret/hidden configmap/open")
}

func (c *cluster) testAudit(t *testing.T) {
	size := func(m *lab.Machine) int {
		var n int
		fmt.Sscan(on(t, m, "stat -c %s /var/log/kubernetes/audit/audit.log"), &n)
		return n
	}
	for _, name := range []string{"cp1", "cp2", "cp3"} {
		m := c.hosts[name]
		before := size(m)
		eventually(t, 20*time.Second, "the log of "+name+" grows", func() bool { return size(m) > before })
		on(t, m, `! grep -q '"username":"system:kube-proxy"\|aWordThatNobodyMayRead\|"requestObject"' /var/log/kubernetes/audit/audit.log`)
	}
	on(t, c.hosts["cp1"], `grep -q '"level":"Metadata"' /var/log/kubernetes/audit/audit.log`)
}

// testStackedMoves ends the haproxy of the control plane that has the address.
func (c *cluster) testStackedMoves(t *testing.T) {
	if h := c.holders(t, "10.0.0.100"); !slices.Equal(h, []string{"cp2"}) {
		t.Fatalf("the address is on %v, not on the preferred cp2", h)
	}
	probe, err := c.net.Probe(t.Context(), "https://10.0.0.100:8443/readyz", 50*time.Millisecond, lab.Impatient)
	if err != nil {
		t.Fatal(err)
	}
	on(t, c.hosts["cp2"], "systemctl stop haproxy")
	eventually(t, patron, "the address is elsewhere", func() bool {
		h := c.holders(t, "10.0.0.100")
		return len(h) == 1 && h[0] != "cp2"
	})
	on(t, c.hosts["w1"], "curl -sk --max-time 5 https://10.0.0.100:8443/readyz")
	on(t, c.hosts["cp2"], "systemctl start haproxy")
	eventually(t, 20*time.Second, "the address is back", func() bool { return slices.Equal(c.holders(t, "10.0.0.100"), []string{"cp2"}) })
	for _, o := range probe.Stop().Outages {
		t.Logf("a client of the API had no answer for %v", ms(o.Length()))
		if o.Length() > patron {
			t.Errorf("an outage of %v", o.Length())
		}
	}
}
