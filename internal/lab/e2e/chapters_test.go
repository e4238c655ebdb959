//go:build lab && linux

package e2e

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

// testChapters makes the check of every chapter on every host: none finds anything
// wrong, and each looks at something somewhere.
func (c *cluster) testChapters(t *testing.T) {
	looked := map[string]bool{}
	for name, m := range c.hosts {
		for _, chapter := range c.plan.Guide.Chapters {
			out := c.finally(t, m, "/opt/bundle/check.sh "+chapter.ID)
			if strings.Contains(out, "ok   ") {
				looked[chapter.ID] = true
			} else if !strings.Contains(out, "skip ") {
				t.Errorf("%s: ./check.sh %s says neither that all is well nor where to look:\n%s", name, chapter.ID, out)
			}
		}
		begin := time.Now()
		says(t, on(t, m, "/opt/bundle/check.sh"), "--- names")
		t.Logf("%s: all checks took %v", name, time.Since(begin).Round(100*time.Millisecond))
	}
	for _, chapter := range c.plan.Guide.Chapters {
		if !looked[chapter.ID] {
			t.Errorf("no host can make the check of %s", chapter.ID)
		}
	}
	if _, _, err := c.first().Exec(t.Context(), nil, "modprobe", "--dry-run", "--quiet", "ip_vs"); err != nil {
		says(t, on(t, c.first(), "SATCHEL_LANGUAGE=en /opt/bundle/check.sh 2.1.4"), "skip ipvs is not looked at", "the kernel of this host has no ipvs")
	}
}

// flaw is what a chapter's check has to see on one host.
type flaw struct {
	chapter, at, says string
	// harm and mend are typed on a host; default: where the check is made, and where the
	// harm was done.
	on, harm, mendOn, mend string
}

const anyway = "export KUBECONFIG=/etc/kubernetes/admin.conf; "

// shut has a host drop what it would send to an address and port.
func shut(to string) string {
	return "nft 'add table inet flaw; add chain inet flaw out { type filter hook output priority -300; }; add rule inet flaw out " + to + " drop'"
}

const opened = "nft delete table inet flaw"

var flaws = []flaw{
	{chapter: "1.1.1", at: "w1", says: "cp1 should be 10.0.0.11 and is unknown", harm: "sed -i.flaw '/10.0.0.11/d' /etc/hosts", mend: "cat /etc/hosts.flaw > /etc/hosts && rm /etc/hosts.flaw"},
	{chapter: "1.1.2", at: "w1", says: "net.ipv4.ip_forward should be 1 and is 0", harm: "echo 0 > /proc/sys/net/ipv4/ip_forward", mend: "echo 1 > /proc/sys/net/ipv4/ip_forward"},
	{chapter: "1.1.3", at: "w2", says: "the runtime does not answer", harm: "systemctl stop containerd", mend: "systemctl start containerd"},
	{chapter: "1.1.4", at: "w2", says: "docker.io/library/busybox:1.36 is not loaded", harm: "ctr -n k8s.io images rm $(ctr -n k8s.io images ls -q | grep busybox)", mend: "/opt/bundle/install.sh --secrets /root/secrets --only images"},
	{chapter: "1.1.5", at: "cp1", says: "kube-scheduler-cp1 is", harm: "mv /etc/kubernetes/manifests/kube-scheduler.yaml /root", mend: "mv /root/kube-scheduler.yaml /etc/kubernetes/manifests"},
	{chapter: "1.1.5", at: "cp1", says: "the Kubernetes API at 10.0.0.100:6443 does not answer", harm: shut("ip daddr 10.0.0.100 tcp dport 6443"), mend: opened},
	{chapter: "1.1.6", at: "cp1", says: "w2 is not Ready", on: "w2", harm: "systemctl stop kubelet", mend: "systemctl start kubelet"},
	{chapter: "1.1.7", at: "cp1", says: "w1 is Ready, but takes no new pods", harm: "kubectl cordon w1", mend: "kubectl uncordon w1"},
	{chapter: "1.1.8", at: "cp1", says: "is Pending, not ready", harm: "kubectl -n kube-system set image deployment/coredns coredns=registry.k8s.io/nothing:1", mend: "kubectl -n kube-system rollout undo deployment/coredns"},
	{chapter: "1.1.9", at: "cp1", says: "kube-system/coredns has 1 of 2 pods", harm: "kubectl -n kube-system set image deployment/coredns coredns=registry.k8s.io/nothing:1", mend: "kubectl -n kube-system rollout undo deployment/coredns"},
	{chapter: "1.2.1", at: "lb1", says: "10.0.0.100 (api) belongs on this host, and is not here", harm: "systemctl stop keepalived", mend: "systemctl start keepalived"},
	{chapter: "1.2.2", at: "lb2", says: "this host holds 10.0.0.100 (api), which belongs on lb1", on: "lb1", harm: "systemctl stop keepalived", mend: "systemctl start keepalived"},
	{chapter: "1.2.2", at: "lb2", says: "haproxy does not answer keepalived", harm: "systemctl stop haproxy", mend: "systemctl start haproxy"},
	{chapter: "1.2.3", at: "cp1", says: "there is no /etc/kubernetes/pki/sa.key", harm: "mv /etc/kubernetes/pki/sa.key /root", mend: "mv /root/sa.key /etc/kubernetes/pki"},
	{chapter: "1.2.4", at: "cp1", says: "w2 is Ready, but takes no new pods", harm: "kubectl cordon w2", mend: "kubectl uncordon w2"},
	{chapter: "1.2.5", at: "cp1", says: "the Kubernetes API at 10.0.0.100:6443 does not answer", harm: "mv /etc/kubernetes/manifests/kube-apiserver.yaml /root", mend: "mv /root/kube-apiserver.yaml /etc/kubernetes/manifests"},
	{chapter: "1.3.1", at: "cp1", says: "web does not answer at 10.0.0.21:30080", harm: "kubectl scale deployment/web --replicas=0", mend: "kubectl scale deployment/web --replicas=2"},
	{chapter: "1.3.2", at: "cp1", says: "web does not answer at 10.0.0.22:30080", on: "w2", harm: "nft 'add table inet flaw; add chain inet flaw in { type filter hook prerouting priority -300; }; add rule inet flaw in tcp dport 30080 drop'", mend: opened},
	{chapter: "1.3.3", at: "cp1", says: "default/web has 1 of 2 pods", harm: "kubectl cordon w1 && kubectl cordon w2 && kubectl delete --wait=false $(kubectl get pods -l app=web -o name | head -1)", mend: "kubectl uncordon w1 && kubectl uncordon w2"},
	{chapter: "1.3.3", at: "cp1", says: "there is no Deployment default/web", harm: "kubectl delete deployment/web", mend: "kubectl apply -f /opt/bundle/manifests/application-web.yaml"},
	// The load balancers take the connection, and have nowhere to send it.
	{chapter: "1.3.4", at: "cp1", says: "10.0.0.100:80 does not answer", harm: "kubectl scale deployment/web --replicas=0", mend: "kubectl scale deployment/web --replicas=2"},
	{chapter: "2.1.1", at: "cp1", says: "there is no service default/inside", harm: "kubectl delete service inside", mend: "kubectl apply -f /opt/bundle/manifests/application-web.yaml"},
	{chapter: "2.1.2", at: "cp1", says: "default/web is of the type ClusterIP, and should be NodePort", harm: `kubectl patch service web -p '{"spec":{"type":"ClusterIP"}}'`, mend: "kubectl apply -f /opt/bundle/manifests/application-web.yaml"},
	{chapter: "2.1.3", at: "cp1", says: "default/inside leads to no pod", harm: "kubectl scale deployment/web --replicas=0", mend: "kubectl scale deployment/web --replicas=2"},
	{chapter: "2.1.4", at: "cp1", says: "kube-proxy is set to nftables, and the spec says iptables", harm: `kubectl -n kube-system get configmap kube-proxy -o yaml > /root/proxy.yaml && sed 's/mode: .*/mode: nftables/' /root/proxy.yaml | kubectl replace -f -`, mend: "sed -i '/resourceVersion/d' /root/proxy.yaml && kubectl replace -f /root/proxy.yaml"},
	{chapter: "2.1.4", at: "w1", says: "the address of a service does not work here: 10.96.0.10", harm: shut("ip daddr 10.96.0.10"), mend: opened},
	{chapter: "2.2.1", at: "w1", says: "does not know kubernetes.default.svc.cluster.local", on: "cp1", harm: "kubectl -n kube-system scale deployment/coredns --replicas=0", mend: "kubectl -n kube-system scale deployment/coredns --replicas=2"},
	{chapter: "2.2.2", at: "w1", says: "school.example.com should be 10.0.0.77, and CoreDNS says 10.0.0.78", on: "cp1", harm: "kubectl -n kube-system get configmap coredns -o yaml > /root/dns.yaml && sed 's/10.0.0.77/10.0.0.78/' /root/dns.yaml | kubectl replace -f - && kubectl -n kube-system rollout restart deployment/coredns", mend: "sed -i '/resourceVersion/d' /root/dns.yaml && kubectl replace -f /root/dns.yaml && kubectl -n kube-system rollout restart deployment/coredns"},
	{chapter: "2.2.3", at: "cp1", says: "pods.default.svc.cluster.local is", harm: "kubectl scale deployment/web --replicas=0", mend: "kubectl scale deployment/web --replicas=2"},
	{chapter: "2.3.1", at: "cp1", says: "flannel is ready on 0 of 3 nodes", harm: `kubectl -n kube-flannel patch daemonset kube-flannel-ds -p '{"spec":{"template":{"spec":{"nodeSelector":{"no":"where"}}}}}'`, mend: `kubectl -n kube-flannel patch daemonset kube-flannel-ds --type json -p '[{"op":"remove","path":"/spec/template/spec/nodeSelector/no"}]'`},
	{chapter: "2.3.2", at: "w1", says: "flannel has not started here", harm: "mv /run/flannel/subnet.env /root", mend: "mv /root/subnet.env /run/flannel"},
}

// vxlanFlaws are those of a cluster whose nodes wrap their packets, hostGWFlaws those of
// one whose nodes do not.
var vxlanFlaws = []flaw{
	{chapter: "2.3.3", at: "w1", says: "nothing leads to the pods of w2", harm: "ip route show | awk '$2 == \"via\"' > /root/routes; ip route delete $(ip neigh show dev flannel.1 | grep -F \"$(bridge fdb show dev flannel.1 | awk '/dst 10.0.0.22 /{print $1}')\" | awk '{print $1}' | head -1)/24", mend: "while read -r route; do ip route replace $route; done < /root/routes"},
	{chapter: "2.3.3", at: "w1", says: "nothing leads to the pods of w2", harm: "bridge fdb show dev flannel.1 | awk '/dst 10.0.0.22 /{print $1}' > /root/mac; bridge fdb delete $(cat /root/mac) dev flannel.1 dst 10.0.0.22", mend: "bridge fdb append $(cat /root/mac) dev flannel.1 dst 10.0.0.22"},
	{chapter: "2.3.2", at: "w1", says: "there is no interface flannel.1", harm: "ip link delete flannel.1", mendOn: "cp1", mend: "kubectl -n kube-flannel delete pod --field-selector spec.nodeName=w1"},
}

var hostGWFlaws = []flaw{
	{chapter: "2.3.3", at: "w1", says: "没有路径通往 cp1（10.0.0.11）上的 Pod", harm: "ip route show | grep 'via 10.0.0.11 ' > /root/route; ip route delete $(cat /root/route)", mend: "ip route replace $(cat /root/route)"},
}

// testFaults makes every flaw, holds that its chapter's check sees it, and mends it.
func (c *cluster) testFaults(t *testing.T) {
	all := append(flaws[:len(flaws):len(flaws)], vxlanFlaws...)
	c.testFlaws(t, all)
	c.imagesArePinned(t) // one was taken away and loaded again
	for _, chapter := range c.plan.Guide.Chapters {
		seen := false
		for _, f := range all {
			seen = seen || f.chapter == chapter.ID
		}
		if !seen {
			t.Errorf("no fault is made for ./check.sh %s", chapter.ID)
		}
	}
}

func (c *cluster) testFlaws(t *testing.T, flaws []flaw) {
	for _, f := range flaws {
		t.Run(f.chapter+" on "+f.at+" "+f.says, func(t *testing.T) {
			at := c.hosts[f.at]
			by := c.hosts[cmp.Or(f.on, f.at)]
			check := "/opt/bundle/check.sh " + f.chapter
			c.finally(t, at, check)
			on(t, by, anyway+f.harm)
			seen := false
			for end := time.Now().Add(90 * time.Second); !seen && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
				seen = c.seesFault(t, at, f.chapter, f.says)
			}
			if !seen { // the next one wants the cluster mended all the same
				out, _, _ := at.Exec(t.Context(), nil, "bash", "-c", check)
				t.Errorf("the check does not see it:\n%s", out)
			}
			on(t, c.hosts[cmp.Or(f.mendOn, by.Name())], anyway+f.mend)
			c.finally(t, at, check)
		})
	}
}

// seesFault makes the check of a chapter and tells whether it fails with a text.
func (c *cluster) seesFault(t *testing.T, at *lab.Machine, chapter, text string) bool {
	t.Helper()
	out, said, err := at.Exec(t.Context(), nil, "bash", "-c", "/opt/bundle/check.sh "+chapter)
	for line := range strings.Lines(out + said) {
		if strings.HasPrefix(line, "FAIL ") && strings.Contains(line, text) {
			return err != nil
		}
	}
	return false
}

// hostGateway is a small cluster whose nodes send each other's packets on as they are,
// with a guide in Chinese.
const hostGateway = oneOfEach + `
guide: language: "zh"
network: flannel: backend: "host-gw"
`

// TestHostGateway makes the checks of a cluster without vxlan, in Chinese.
func TestHostGateway(t *testing.T) {
	c := bootCluster(t, "1.34.4", "direct", hostGateway)
	defer c.explain(t)
	c.install(t)
	c.waitReady(t, time.Minute)
	c.smoke(t)
	t.Run("every chapter is well", c.testChapters)
	t.Run("each check sees a fault", func(t *testing.T) { c.testFlaws(t, hostGWFlaws) })
	t.Run("a lesson speaks Chinese", func(t *testing.T) {
		says(t, on(t, c.hosts["w1"], "/opt/bundle/lesson.sh start port-closed"), "同事说")
		says(t, fails(t, c.hosts["w1"], "/opt/bundle/lesson.sh check port-closed"), "还没有修好")
		says(t, on(t, c.hosts["w1"], "/opt/bundle/lesson.sh reset port-closed"), "一切已恢复到练习 port-closed 之前的样子")
	})
	t.Run("the commands of the guide answer as it says", c.testGuideCommands)
}
