//go:build lab && linux

package e2e

import (
	"strings"
	"testing"
)

const fstab = `# swap was here once
UUID=0a55fdb5-a9d8-4215-80f7-f42f75644f69 none  swap    sw      0       0
/dev/sda1 / ext4 defaults 0 1
/dev/sdb1 /srv/swap ext4 defaults 0 2
  /swapfile swap swap defaults 0 0
`

const fstabWithout = `# swap was here once
# satchel: the kubelet needs swap off: UUID=0a55fdb5-a9d8-4215-80f7-f42f75644f69 none  swap    sw      0       0
/dev/sda1 / ext4 defaults 0 1
/dev/sdb1 /srv/swap ext4 defaults 0 2
# satchel: the kubelet needs swap off:   /swapfile swap swap defaults 0 0
`

// TestNodePreparation runs the steps of a node that need no real binaries.
func TestNodePreparation(t *testing.T) {
	k := makeKit(t, "../../../bundles/course-ha")
	n, base := network(t, "10.0.0.0/24", systemPackages...)
	m := k.boot(t, n, base, "kubernetes-master1")
	k.carry(t, m)
	on(t, m, "cat > /etc/fstab <<'EOF'\n"+fstab+"EOF\nprintf '127.0.0.1 localhost\\n10.0.0.99 own\\n' > /etc/hosts")

	before := on(t, m, state)
	says(t, on(t, m, "/opt/bundle/install.sh --secrets /root/secrets --dry-run"),
		"would wait for the registry at 10.0.0.20:80", "+net.ipv4.ip_forward = 1", "would run: kubeadm init --config /etc/kubernetes/kubeadm.yaml",
		"would change /etc/kubernetes/pki/ca.key", "to change")
	if after := on(t, m, state); after != before {
		t.Error("the dry run changed the host")
	}

	const install = "/opt/bundle/install.sh --secrets /root/secrets --only "
	for _, step := range []string{"names", "swap", "30-kernel.sh"} {
		says(t, on(t, m, install+step+" --dry-run"), "to change")
		on(t, m, install+step)
		says(t, on(t, m, install+step), "nothing to change")
	}
	if got := on(t, m, "cat /etc/fstab"); got != fstabWithout {
		t.Errorf("fstab is\n%s", got)
	}
	hosts := on(t, m, "cat /etc/hosts")
	says(t, hosts, "127.0.0.1 localhost\n10.0.0.99 own\n# BEGIN satchel course-ha\n10.0.0.12 kubernetes-master1")
	if strings.Count(hosts, "kubernetes-master1.superopsmsb.com") != 1 {
		t.Errorf("/etc/hosts is\n%s", hosts)
	}
	if got := on(t, m, "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/bridge/bridge-nf-call-iptables"); got != "1\n1\n" {
		t.Errorf("sysctls are %q", got)
	}
	on(t, m, "printf '# BEGIN satchel course-ha\\n' >> /etc/hosts")
	says(t, fails(t, m, install+"names"), "without '# END satchel course-ha'")
}
