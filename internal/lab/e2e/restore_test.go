//go:build lab && linux

package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

const restores = "SATCHEL_WAIT=240 /opt/bundle/cluster.sh restore /root/etcd.db"

// goesBack saves etcd, deletes one thing and makes another, and holds that a restore on
// all control planes takes both back.
func (c *cluster) goesBack(t *testing.T) {
	t.Helper()
	c.kubectl(t, "delete configmap kept late --ignore-not-found")
	c.kubectl(t, "create configmap kept --from-literal=page=one")
	on(t, c.first(), "rm -f /root/etcd.db && /opt/bundle/cluster.sh snapshot /root/etcd.db")
	for _, m := range c.controlPlanes() {
		c.copySnapshot(t, m)
	}
	c.kubectl(t, "delete configmap kept")
	c.kubectl(t, "create configmap late --from-literal=page=two")
	c.refusesToRestore(t)

	begin := time.Now()
	var wg sync.WaitGroup
	for _, m := range c.controlPlanes() {
		wg.Go(func() {
			if out, said, err := m.Exec(t.Context(), nil, "bash", "-c", restores); err != nil {
				t.Errorf("%s: %v\n%s%s", m.Name(), err, out, said)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	t.Logf("restored %d control planes in %v", len(c.controlPlanes()), time.Since(begin).Round(100*time.Millisecond))
	c.isBack(t)
}

// isBack holds that the cluster is as it was when its etcd was saved, and works.
func (c *cluster) isBack(t *testing.T) {
	t.Helper()
	c.waitReady(t, 2*time.Minute)
	says(t, c.kubectl(t, "get configmap kept -o 'jsonpath={.data.page}'"), "one")
	says(t, fails(t, c.first(), "kubectl --kubeconfig /etc/kubernetes/admin.conf get configmap late"), "NotFound")
	for _, m := range c.controlPlanes() {
		on(t, m, "ls -d /var/lib/etcd/member-before-* && ! test -e /etc/kubernetes/satchel-held && ! test -e /var/lib/satchel/restoring")
		says(t, on(t, m, "/opt/bundle/status.sh"), fmt.Sprintf("%d healthy", len(c.controlPlanes())))
	}
	// Controllers, the scheduler and all kubelets see what is new.
	c.kubectl(t, "delete daemonset web --ignore-not-found --wait")
	c.smoke(t)
}

// killedRestore has a restore cut off at several moments and done again.
func (c *cluster) killedRestore(t *testing.T) {
	t.Helper()
	m := c.first()
	for _, after := range []float64{0.5, 4, 9} {
		on(t, m, "kubectl --kubeconfig /etc/kubernetes/admin.conf delete configmap kept")
		out := on(t, m, fmt.Sprintf(`setsid bash -c '%s' >/root/out 2>&1 & pid=$!; sleep %.1f; kill -KILL -- -$pid 2>/dev/null && echo killed; wait $pid; tail -n 2 /root/out`, restores, after))
		t.Logf("a restore was cut off after %.1f s: %s", after, strings.TrimSpace(out))
		on(t, m, restores)
		c.isBack(t)
	}
}

// refusesToRestore holds that nothing is changed by what is no snapshot.
func (c *cluster) refusesToRestore(t *testing.T) {
	t.Helper()
	m := c.first()
	before := on(t, m, files)
	says(t, fails(t, m, "/opt/bundle/cluster.sh restore"), "restore needs the file of a snapshot")
	says(t, fails(t, m, "/opt/bundle/cluster.sh restore /root/none.db"), "there is no snapshot /root/none.db; nothing was changed")
	on(t, m, "head -c -100 /root/etcd.db > /root/short.db && cp /root/etcd.db /root/other.db && printf X | dd of=/root/other.db bs=1 seek=20000 conv=notrunc status=none")
	for _, bad := range []string{"short", "other"} {
		says(t, fails(t, m, "/opt/bundle/cluster.sh restore /root/"+bad+".db"), "/root/"+bad+".db cannot be restored; nothing was changed")
	}
	on(t, m, "rm /root/short.db /root/other.db")
	if on(t, m, files) != before {
		t.Error("a snapshot that was refused changed the host")
	}
	c.kubectl(t, "get --raw /readyz")
}

// copySnapshot gives a control plane what the first one has saved.
func (c *cluster) copySnapshot(t *testing.T, to *lab.Machine) {
	t.Helper()
	if to == c.first() {
		return
	}
	saved := on(t, c.first(), "cat /root/etcd.db")
	if _, _, err := to.Exec(t.Context(), strings.NewReader(saved), "sh", "-c", "umask 077; cat > /root/etcd.db"); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) controlPlanes() []*lab.Machine {
	var list []*lab.Machine
	for _, h := range c.plan.Hosts {
		if h.ControlPlane {
			list = append(list, c.hosts[h.Name])
		}
	}
	return list
}
