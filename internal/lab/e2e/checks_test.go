//go:build lab && linux

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
)

// noAuthorityKeys holds that only control planes have ever seen a key of a
// certificate authority.
func (c *cluster) noAuthorityKeys(t *testing.T) {
	t.Helper()
	for _, h := range c.plan.Hosts {
		if h.ControlPlane {
			on(t, c.hosts[h.Name], "openssl x509 -in /etc/kubernetes/pki/ca.crt -noout && test -s /etc/kubernetes/pki/ca.key")
			continue
		}
		on(t, c.hosts[h.Name], "! grep -q key= /root/secrets && ! find /etc/kubernetes /var/lib/satchel -name '*ca.key' 2>/dev/null | grep .")
	}
}

// usedMemory is what the machine does not have available, in MiB.
func usedMemory(t *testing.T) int {
	t.Helper()
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	values := map[string]int{}
	for s := bufio.NewScanner(f); s.Scan(); {
		name, rest, _ := strings.Cut(s.Text(), ":")
		var kib int
		fmt.Sscan(rest, &kib)
		values[name] = kib
	}
	return (values["MemTotal"] - values["MemAvailable"]) / 1024
}
