//go:build lab && linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// smokeManifest runs a web server on every node, behind a service with a node port.
const smokeManifest = `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      tolerations: [{operator: Exists}]
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: %[1]s
        imagePullPolicy: IfNotPresent
        command: [/bin/sh, -c, 'mkdir /www && echo "$NODE" > /www/index.html && exec httpd -f -p 8080 -h /www']
        env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
`

// smoke has pods on all nodes reach each other, by address, by name, by the service's
// address and by its node port.
func (c *cluster) smoke(t *testing.T) {
	t.Helper()
	file := fmt.Sprintf(smokeManifest, c.plan.Cluster.Pull(smokeImage))
	on(t, c.first(), "cat > /root/smoke.yaml <<'EOF'\n"+file+"EOF\nkubectl --kubeconfig /etc/kubernetes/admin.conf apply -f /root/smoke.yaml")
	// A kubelet that has lost the API server a few times asks again after up to a minute.
	eventually(t, 2*time.Minute, "the smoke pods are ready", func() bool {
		out, _, err := c.first().Exec(t.Context(), nil, "bash", "-c", "kubectl --kubeconfig /etc/kubernetes/admin.conf rollout status ds/web --timeout=1s")
		return err == nil && strings.Contains(out, "successfully rolled out")
	})
	pods := strings.Fields(c.kubectl(t, `get pods -l app=web -o 'jsonpath={range .items[*]}{.metadata.name}={.status.podIP}={.spec.nodeName} {end}'`))
	for _, from := range pods {
		name := strings.Split(from, "=")[0]
		for _, to := range pods {
			p := strings.Split(to, "=")
			says(t, c.kubectl(t, "exec "+name+" -- timeout 5 wget -qO- http://"+p[1]+":8080/"), p[2])
		}
		// kube-proxy may not have seen yet which pods there are.
		c.finally(t, c.first(), "kubectl --kubeconfig /etc/kubernetes/admin.conf exec "+name+" -- timeout 5 wget -qO- http://web.default.svc.cluster.local/")
		says(t, c.kubectl(t, "exec "+name+" -- nslookup kubernetes.default.svc.cluster.local"), "10.96.0.1")
	}
	for _, h := range c.plan.Hosts {
		if h.Node {
			eventually(t, time.Minute, "the node port of "+h.Address+" answers", func() bool {
				_, _, err := c.net.Exec(t.Context(), "curl", "-sf", "--max-time", "3", "http://"+h.Address+":30080/")
				return err == nil
			})
		}
	}
}

// files is a checksum of what install.sh may write, and of what runs.
const files = `find /etc/kubernetes /etc/systemd/system /etc/containerd /etc/docker /etc/haproxy /etc/keepalived /etc/hosts /etc/sysctl.d /etc/modules-load.d /usr/local/bin /opt/cni /var/lib/satchel -xdev -type f ! -path '/var/lib/satchel/bundle/images/*' -exec stat -c '%n %Y %a' {} + 2>/dev/null | sort | sha256sum
systemctl show -p ActiveEnterTimestampMonotonic containerd docker cri-docker kubelet haproxy keepalived satchel-registry`

// secondRun installs again on every host and holds that nothing is changed.
func (c *cluster) secondRun(t *testing.T) {
	t.Helper()
	pods := `get pods -A -o 'jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount}{"\n"}{end}'`
	before := c.kubectl(t, pods)
	for name, m := range c.hosts {
		was := on(t, m, files)
		says(t, on(t, m, "/opt/bundle/install.sh --secrets /root/secrets"), name+": nothing to change")
		if is := on(t, m, files); is != was {
			t.Errorf("the second run changed %s:\n%s\n%s", name, was, is)
		}
	}
	if after := c.kubectl(t, pods); after != before {
		t.Errorf("the second run changed pods:\n%s\n%s", before, after)
	}
}
