//go:build lab && linux

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

// school has something for every chapter of the guide and for every lesson.
const school = containerd + `
guide: language: "en"
registry: mode: "preload"
loadBalancer: {
	mode: "dedicated"
	vips: api: {address: "10.0.0.100", routerID: 51, preferred: "lb1"}
	forwards: web: {port: 80, nodePort: 30080}
}
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"]}
	w1: {address: "10.0.0.21", roles: ["worker"]}
	w2: {address: "10.0.0.22", roles: ["worker"]}
	lb1: {address: "10.0.0.2", roles: ["load-balancer"]}
	lb2: {address: "10.0.0.3", roles: ["load-balancer"]}
}
network: dns: {
	hosts: "school.example.com": "10.0.0.77"
	forwarders: ["10.0.0.3"]
}
applications: web: {
	image:    "docker.io/library/busybox:1.36"
	replicas: 2
	ports: [8080]
	command: ["/bin/sh", "-c"]
	args: ["trap exit TERM; httpd -p 8080 -h /srv; while :; do sleep 1; done"]
	files: "/srv/index.html": "Hello from the classroom"
}
services: {
	web: {application: "web", type: "NodePort", ports: [{name: "http", port: 80, targetPort: 8080, nodePort: 30080}]}
	inside: {application: "web", ports: [{port: 80, targetPort: 8080}]}
	pods: {application: "web", type: "Headless", ports: [{port: 8080}]}
	elsewhere: {type: "ExternalName", externalName: "www.example.com"}
}
`

// schoolNames answers for every name outside the cluster.
const schoolNames = `systemd-run --quiet --unit names dnsmasq --keep-in-foreground --no-resolv --no-hosts --bind-interfaces --listen-address=10.0.0.3 --address=/#/10.9.9.9`

// TestLessons breaks a cluster with every lesson that it has and mends it as a student
// would, and breaks what every chapter's check looks at.
func TestLessons(t *testing.T) {
	c := site{release: "1.34.4", name: "school", spec: school, packages: []string{"dnsmasq-base"}}.boot(t)
	defer c.explain(t)
	on(t, c.hosts["lb2"], schoolNames)
	took := c.install(t)
	c.waitReady(t, time.Minute)
	t.Logf("all nodes were ready %v after the start", took.Round(100*time.Millisecond))
	for _, s := range []struct {
		promise string
		test    func(*testing.T)
	}{
		{"every chapter is well", c.testChapters},
		{"every lesson of the guide is here", c.testAllLessons},
		{"each lesson breaks what it says, is mended, and is taken back", c.testLessons},
		{"each check sees a fault", c.testFaults},
		{"the commands of the guide answer as it says", c.testGuideCommands},
		{"all is well at the end", c.testChapters},
		{"a second run changes nothing", c.secondRun},
	} {
		t.Run(s.promise, s.test)
	}
}

// trouble is a lesson: the chapter whose check sees it and where, what a user sees, and
// what a student does.
type trouble struct {
	name, host string
	// chapter is empty where no check looks at what the lesson breaks.
	chapter, says string
	// broken tells what a user of the cluster sees.
	broken func(t *testing.T, c *cluster) bool
	// mend is what a student types, and where.
	mendOn, mend string
	// same prints what has to be as before after a reset.
	same string
}

var troubles = []trouble{
	{
		name: "kubelet-stopped", host: "w1", chapter: "1.1.6", says: "w1 is not Ready",
		broken: func(t *testing.T, c *cluster) bool {
			return strings.Contains(c.kubectl(t, "get node w1 --no-headers"), "NotReady")
		},
		mendOn: "w1", mend: "systemctl start kubelet",
		same: "get node w1 -o 'jsonpath={.spec.unschedulable} {.spec.podCIDR}'",
	},
	{
		name: "node-cordoned", host: "cp1", chapter: "1.1.7", says: "w1 is Ready, but takes no new pods",
		broken: func(t *testing.T, c *cluster) bool {
			return strings.Contains(c.kubectl(t, "get node w1 --no-headers"), "SchedulingDisabled")
		},
		mendOn: "cp1", mend: "kubectl uncordon w1",
		same: "get node w1 -o 'jsonpath={.spec.unschedulable} {.spec.podCIDR}'",
	},
	{
		name: "image-name", host: "cp1", chapter: "1.3.4", says: "default/web: 1 of 2 pods are of the newest version",
		broken: func(t *testing.T, c *cluster) bool {
			return strings.Contains(c.kubectl(t, "get pods -l app=web --no-headers"), "ImagePullBackOff")
		},
		mendOn: "cp1", mend: "kubectl rollout undo deployment/web",
		same: "get deployment web -o 'jsonpath={.spec}'",
	},
	{
		name: "selector", host: "cp1", chapter: "2.1.3", says: "leads to no pod",
		broken: func(t *testing.T, c *cluster) bool {
			name := c.plan.Guide.Selected().Name
			return strings.TrimSpace(c.kubectl(t, "get endpoints "+name+" -o 'jsonpath={.subsets}' 2>/dev/null")) == ""
		},
		mendOn: "cp1", mend: "kubectl apply -f /opt/bundle/manifests/application-web.yaml",
		same: "get services -o 'jsonpath={range .items[*]}{.metadata.name} {.spec}{\"\\n\"}{end}'",
	},
	{
		name: "port-closed", host: "w1",
		broken: func(t *testing.T, c *cluster) bool {
			pod := c.kubectl(t, "get pods -A --field-selector spec.nodeName=w1 -l k8s-app=kube-proxy -o 'jsonpath={.items[0].metadata.name}'")
			_, _, err := c.first().Exec(t.Context(), nil, "timeout", "5", "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "-n", "kube-system", "logs", pod)
			return err != nil
		},
		mendOn: "w1", mend: "nft delete table inet satchel_lesson",
	},
	{
		name: "dns-forwarder", host: "cp1", chapter: "2.2.2", says: "CoreDNS asks 192.0.2.53 about other names, and should ask 10.0.0.3",
		broken: func(t *testing.T, c *cluster) bool { return !c.resolves(t, "w1", "outside.example.org") },
		mendOn: "cp1",
		mend:   "kubectl -n kube-system get configmap coredns -o yaml | sed 's/forward [.] 192.0.2.53/forward . 10.0.0.3/' | kubectl apply -f - 2>/dev/null",
		same:   "-n kube-system get configmap coredns -o 'jsonpath={.data}'",
	},
	{
		name: "haproxy-backend", host: "lb1", chapter: "1.2.2", says: "haproxy sends to cp1 at 10.0.0.11:6444, where no API server is",
		broken: func(t *testing.T, c *cluster) bool {
			_, _, err := c.net.Exec(t.Context(), "curl", "-skf", "--max-time", "2", "https://10.0.0.100:6443/readyz")
			return err != nil
		},
		mendOn: "lb1", mend: "sed -i s/:6444/:6443/ /etc/haproxy/haproxy.cfg && systemctl reload haproxy",
	},
	{
		name: "vip-elsewhere", host: "lb1", chapter: "1.2.2", says: "10.0.0.100 (api) belongs on this host",
		broken: func(t *testing.T, c *cluster) bool {
			return strings.Contains(on(t, c.hosts["lb2"], "ip -o -4 addr show"), " 10.0.0.100/")
		},
		mendOn: "lb1", mend: "/opt/bundle/install.sh --secrets /root/secrets --only keepalived",
	},
}

// resolves asks the cluster's DNS from a node.
func (c *cluster) resolves(t *testing.T, host, name string) bool {
	t.Helper()
	out, _, err := c.hosts[host].Exec(t.Context(), nil, "bash", "-c", "BUNDLE=/opt/bundle; HOST_NAME="+host+"; . /opt/bundle/checks/lib.sh; dns_lookup "+name)
	return err == nil && strings.TrimSpace(out) != ""
}

func (c *cluster) testAllLessons(t *testing.T) {
	if len(c.plan.Guide.Lessons) != len(troubles) {
		t.Errorf("the guide has %d lessons, and this test %d", len(c.plan.Guide.Lessons), len(troubles))
	}
	if !c.resolves(t, "w1", "outside.example.org") {
		t.Error("names outside the cluster do not resolve before any lesson")
	}
}

func (c *cluster) testLessons(t *testing.T) {
	for _, l := range troubles {
		t.Run(l.name, func(t *testing.T) {
			before := c.kept(t, l)
			// What fails leaves the next lesson a host to begin on.
			defer c.hosts[l.host].Exec(t.Context(), nil, "/opt/bundle/lesson.sh", "reset", l.name)
			begin := time.Now()
			c.breaks(t, l)
			t.Logf("the lesson was seen after %v", time.Since(begin).Round(100*time.Millisecond))
			on(t, c.hosts[l.mendOn], l.mend)
			says(t, c.finally(t, c.hosts[l.host], "/opt/bundle/lesson.sh check "+l.name), "mended")
			c.isWell(t, l)
			says(t, on(t, c.hosts[l.host], "/opt/bundle/lesson.sh reset "+l.name), "everything is as it was")
			c.isWell(t, l)

			c.breaks(t, l)
			says(t, on(t, c.hosts[l.host], "/opt/bundle/lesson.sh reset "+l.name), "everything is as it was")
			c.isWell(t, l)
			says(t, fails(t, c.hosts[l.host], "/opt/bundle/lesson.sh check "+l.name), "is not started")
			if after := c.kept(t, l); after != before {
				t.Errorf("the reset did not bring all back:\n%s\n%s", before, after)
			}
		})
	}
}

// kept is what a lesson's reset has to bring back.
func (c *cluster) kept(t *testing.T, l trouble) string {
	t.Helper()
	if l.same == "" {
		return ""
	}
	return c.kubectl(t, l.same)
}

// breaks starts a lesson and holds that a user, the lesson and the check see it.
func (c *cluster) breaks(t *testing.T, l trouble) {
	t.Helper()
	m := c.hosts[l.host]
	says(t, on(t, m, "/opt/bundle/lesson.sh start "+l.name), "A colleague says", "./lesson.sh check "+l.name)
	eventually(t, 2*time.Minute, "users see the lesson "+l.name, func() bool { return l.broken(t, c) })
	says(t, fails(t, m, "/opt/bundle/lesson.sh check "+l.name), "not mended yet")
	if l.chapter != "" {
		at := c.looksAt(l)
		eventually(t, time.Minute, "./check.sh "+l.chapter+" sees "+l.name, func() bool { return c.seesFault(t, at, l.chapter, l.says) })
	}
}

// looksAt is where the check of a lesson's chapter is made.
func (c *cluster) looksAt(l trouble) *lab.Machine {
	if l.chapter == "1.2.2" {
		return c.hosts["lb1"]
	}
	return c.first()
}

func (c *cluster) isWell(t *testing.T, l trouble) {
	t.Helper()
	eventually(t, 2*time.Minute, "users see that "+l.name+" is over", func() bool { return !l.broken(t, c) })
	if l.chapter != "" {
		c.finally(t, c.looksAt(l), "/opt/bundle/check.sh "+l.chapter)
	}
}

// finally runs a command until it succeeds.
func (c *cluster) finally(t *testing.T, m *lab.Machine, command string) string {
	t.Helper()
	var out, said string
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if out, said, err = m.Exec(t.Context(), nil, "bash", "-c", command); err == nil {
			return out + said
		}
	}
	t.Fatalf("%s: %s never succeeds: %v\n%s%s", m.Name(), command, err, out, said)
	return ""
}
