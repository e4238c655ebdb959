//go:build lab && linux

package lab

import (
	"strings"
	"testing"
	"time"
)

func testCable(t *testing.T, n *Network, one, two *Machine) {
	listen(t, two)
	probe, err := n.Probe(t.Context(), "tcp://10.77.0.12:9000", 20*time.Millisecond, Impatient)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	if err := two.CutOff(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := one.Exec(t.Context(), nil, "ping", "-c1", "-W1", two.Address().String()); err == nil {
		t.Error("a host without a cable answers")
	}
	if got := run1(t, two, "cat", "/sys/class/net/eth0/operstate"); got == "up" {
		t.Error("the host does not see that its cable is pulled")
	}
	if err := two.Reconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	run1(t, one, "ping", "-c1", "-W5", two.Address().String())
	time.Sleep(1500 * time.Millisecond)
	r := probe.Stop()
	if len(r.Outages) != 1 || r.Outages[0].Length() < 500*time.Millisecond || r.Failures == r.Tries {
		t.Errorf("report = %+v", r)
	}
	t.Logf("%d tries, %d failed, outages %v", r.Tries, r.Failures, r.Outages)
}

// listen starts a service on port 9000 and waits until it accepts.
func listen(t *testing.T, m *Machine) {
	t.Helper()
	config := "defaults\n mode tcp\n timeout connect 1s\n timeout client 1s\n timeout server 1s\nlisten x\n bind :9000\n"
	if _, _, err := m.Exec(t.Context(), strings.NewReader(config), "sh", "-c", "cat > /etc/haproxy/haproxy.cfg"); err != nil {
		t.Fatal(err)
	}
	run1(t, m, "systemctl", "restart", "haproxy")
}

func testPowerCut(t *testing.T, _ *Network, one, two *Machine) {
	run1(t, one, "sh", "-c", "echo kept > /root/mark; echo kept > /var/lib/etcd/mark; systemctl enable haproxy; ip addr add 10.77.0.100/32 dev eth0")
	run1(t, two, "ping", "-c1", "-W2", "10.77.0.100")
	one.Kill()
	if _, _, err := one.Exec(t.Context(), nil, "true"); err == nil {
		t.Error("a host without power runs commands")
	}
	if _, _, err := two.Exec(t.Context(), nil, "ping", "-c1", "-W1", "10.77.0.100"); err == nil {
		t.Error("a host without power holds an address")
	}
	if err := one.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := run1(t, one, "cat", "/root/mark", "/var/lib/etcd/mark"); got != "kept\nkept" {
		t.Errorf("the disk has %q", got)
	}
	if got := run1(t, one, "systemctl", "is-active", "haproxy"); got != "active" {
		t.Errorf("an enabled service is %q", got)
	}
	if got, err := one.Addresses(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("addresses after a power cut are %v, %v", got, err)
	}
	if err := one.Start(t.Context()); err == nil {
		t.Error("a host that is on was started")
	}
}

func testPowerOff(t *testing.T, _ *Network, one, _ *Machine) {
	run1(t, one, "systemd-run", "--unit=last", "-p", "ExecStop=/bin/sh -c 'echo bye > /root/last'", "sleep", "infinity")
	begin := time.Now()
	if err := one.PowerOff(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("off in %v", time.Since(begin).Round(time.Millisecond))
	if err := one.PowerOff(t.Context()); err != nil {
		t.Errorf("powering off a host that is off: %v", err)
	}
	if err := one.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := run1(t, one, "cat", "/root/last"); got != "bye" {
		t.Errorf("a service's stop command left %q", got)
	}
}

func testReboot(t *testing.T, _ *Network, one, _ *Machine) {
	first := one.nspawn.Load()
	_, _, _ = one.Exec(t.Context(), nil, "systemctl", "reboot") // the host may go before the answer
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if now := one.nspawn.Load(); now != nil && now != first {
			if out, _, err := one.Exec(t.Context(), nil, "systemctl", "is-system-running"); err == nil && strings.TrimSpace(out) == "running" {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("the host did not come back%s", one.consoleTail())
}
