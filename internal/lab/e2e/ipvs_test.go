//go:build lab && linux

package e2e

import (
	"net/netip"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

// TestIPVS installs a cluster whose kube-proxy balances by IPVS, where the kernel has it.
func TestIPVS(t *testing.T) {
	n, base := network(t, "10.0.0.0/24", nodePackages...)
	m, err := n.Boot(t.Context(), lab.Host{Name: "probe", Address: netip.MustParseAddr("10.0.0.11"), Base: base})
	if err != nil {
		t.Fatal(err)
	}
	_, said, missing := m.Exec(t.Context(), nil, "modprobe", "--all", "ip_vs", "ip_vs_wlc")
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if missing != nil {
		t.Skipf("the kernel that all hosts share has no IPVS: %s", said)
	}
	c := bootCluster(t, "1.34.4", "ipvs", oneOfEach+`
kubernetes: kubeProxy: {mode: "ipvs", ipvs: {scheduler: "wlc", strictARP: true}}
`)
	defer c.explain(t)
	c.install(t)
	c.waitReady(t, time.Minute)
	c.smoke(t)
	for _, m := range c.hosts {
		says(t, on(t, m, "cat /proc/net/ip_vs"), "TCP  0A600001:01BB wlc") // 10.96.0.1:443
		says(t, on(t, m, "cat /proc/sys/net/ipv4/conf/all/arp_ignore /proc/sys/net/ipv4/conf/all/arp_announce"), "1\n2\n")
		says(t, on(t, m, "cat /etc/modules-load.d/satchel.conf"), "ip_vs_wlc")
	}
	c.secondRun(t)
	c.quiet(t)
}
