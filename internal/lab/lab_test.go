//go:build lab && linux

package lab

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var subnet = netip.MustParsePrefix("10.77.0.0/24")

// possible skips where hosts cannot be booted, and gives the root file system.
func possible(t *testing.T) string {
	t.Helper()
	if err := Possible(); err != nil {
		t.Skipf("cannot boot hosts here: %v", err)
	}
	base, err := Base(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return base
}

func newTestNetwork(t *testing.T) *Network {
	t.Helper()
	n, err := NewNetwork(t.Context(), t.Name(), subnet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func boot(t *testing.T, n *Network, h Host) *Machine {
	t.Helper()
	begin := time.Now()
	m, err := n.Boot(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s booted in %v", h.Name, time.Since(begin).Round(time.Millisecond))
	return m
}

func run1(t *testing.T, m *Machine, command ...string) string {
	t.Helper()
	stdout, _, err := m.Exec(t.Context(), nil, command...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(stdout)
}

// TestTwoHosts walks through the life of two hosts on one network.
func TestTwoHosts(t *testing.T) {
	base := possible(t)
	n := newTestNetwork(t)
	one := boot(t, n, Host{Name: "one", Address: netip.MustParseAddr("10.77.0.11"), Address6: netip.MustParseAddr("fd00:77::11"), Base: base})
	two := boot(t, n, Host{Name: "two", Address: netip.MustParseAddr("10.77.0.12"), Address6: netip.MustParseAddr("fd00:77::12"), Base: base, Gateway: true})

	steps := []struct {
		promise string
		test    func(*testing.T, *Network, *Machine, *Machine)
	}{
		{"a host is a machine of its own", testOwnMachine},
		{"hosts reach each other and the bridge", testReach},
		{"nothing leaves and every try is counted", testNoWayOut},
		{"a command's output and status come back", testExec},
		{"a command ends with its context", testExecCancel},
		{"a directory is copied in with its modes", testCopyIn},
		{"kernel settings stay on the host", testSysctl},
		{"what is built in counts as a loaded module", testModules},
		{"a pulled cable is an outage until it is plugged in", testCable},
		{"a host that lost power starts again from its disk", testPowerCut},
		{"a host shuts down and starts again", testPowerOff},
		{"a host reboots itself", testReboot},
	}
	for _, s := range steps {
		if !t.Run(s.promise, func(t *testing.T) { s.test(t, n, one, two) }) {
			return
		}
	}
}

func testOwnMachine(t *testing.T, n *Network, one, _ *Machine) {
	if got := run1(t, one, "hostname"); got != "one" {
		t.Errorf("hostname = %q", got)
	}
	if got := run1(t, one, "cat", "/proc/1/comm"); got != "systemd" {
		t.Errorf("process 1 is %q", got)
	}
	if got := run1(t, one, "systemctl", "is-system-running"); got != "running" {
		t.Errorf("state = %q: %s", got, run1(t, one, "systemctl", "--failed"))
	}
	got, err := one.Addresses(t.Context())
	if want := []netip.Prefix{netip.MustParsePrefix("10.77.0.11/24")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("addresses = %v, %v; want %v", got, err, want)
	}
	for _, service := range []string{"haproxy", "keepalived"} {
		stdout, _, err := one.Exec(t.Context(), nil, "systemctl", "is-enabled", service)
		if err == nil {
			t.Errorf("%s is %q before a test enables it", service, stdout)
		}
	}
	for _, h := range []Host{
		{Name: "one", Address: netip.MustParseAddr("10.77.0.13"), Base: one.host.Base},
		{Name: "../x", Address: netip.MustParseAddr("10.77.0.13"), Base: one.host.Base},
		{Name: "three", Address: netip.MustParseAddr("10.78.0.13"), Base: one.host.Base},
		{Name: "three", Address: netip.MustParseAddr("10.77.0.13"), Base: "/nowhere"},
		{Name: "three", Address: netip.MustParseAddr("10.77.0.13"), Address6: netip.MustParseAddr("10.77.0.14"), Base: one.host.Base},
	} {
		if _, err := n.Boot(t.Context(), h); err == nil {
			t.Errorf("host %+v was booted", h)
		}
	}
}

func testReach(t *testing.T, n *Network, one, two *Machine) {
	run1(t, one, "ping", "-c1", "-W2", two.Address().String())
	run1(t, two, "ping", "-c1", "-W2", one.Address().String())
	run1(t, one, "ping", "-c1", "-W2", n.Gateway().String())
	run1(t, one, "ping", "-c1", "-W2", "fd00:77::12")
	if stdout, _, err := n.Exec(t.Context(), "ip", "neigh"); err != nil || !strings.Contains(stdout, one.Address().String()) {
		t.Errorf("the bridge knows %q, %v", stdout, err)
	}
}

func testNoWayOut(t *testing.T, n *Network, one, two *Machine) {
	before, err := one.Unrouted()
	if err != nil {
		t.Fatal(err)
	}
	const outside = "1.1.1.1"
	for _, m := range []*Machine{one, two} {
		if _, _, err := m.Exec(t.Context(), nil, "curl", "-m2", "http://"+outside); err == nil {
			t.Errorf("host %s reached %s", m.Name(), outside)
		}
	}
	after, err := one.Unrouted()
	if err != nil || after <= before {
		t.Errorf("host one, without a route: %d tries before, %d after, %v", before, after, err)
	}
	escapes, err := n.Escapes(t.Context())
	counted := slices.ContainsFunc(escapes, func(e Escape) bool {
		return e.From == two.Address() && e.To.String() == outside && e.Packets > 0
	})
	if err != nil || !counted {
		t.Errorf("host two, with a route: escapes are %v, %v", escapes, err)
	}
}

func testExec(t *testing.T, _ *Network, one, _ *Machine) {
	stdout, stderr, err := one.Exec(t.Context(), strings.NewReader("hello"), "sh", "-c", "cat; echo trouble >&2; exit 7")
	if stdout != "hello" || stderr != "trouble\n" {
		t.Errorf("stdout %q, stderr %q", stdout, stderr)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 || !strings.Contains(err.Error(), "trouble") {
		t.Errorf("error is %v, want status 7 and the last line", err)
	}
}

func testExecCancel(t *testing.T, _ *Network, one, _ *Machine) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := one.Exec(ctx, nil, "sleep", "4711"); err == nil {
		t.Error("no error")
	}
	if stdout, _, err := one.Exec(t.Context(), nil, "pgrep", "-f", "sleep 4711"); err == nil {
		t.Errorf("it still runs: %s", stdout)
	}
}

func testCopyIn(t *testing.T, _ *Network, one, _ *Machine) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("0123456789abcdef", 1<<16)
	for name, mode := range map[string]os.FileMode{"run.sh": 0o755, "sub/secret": 0o600} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(big), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("run.sh", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := one.CopyIn(t.Context(), dir, "/opt/x/y"); err != nil {
		t.Fatal(err)
	}
	got := run1(t, one, "sh", "-c", "cd /opt/x/y && stat -c '%n %a %s' run.sh sub/secret && readlink link")
	if want := "run.sh 755 1048576\nsub/secret 600 1048576\nrun.sh"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := one.CopyIn(t.Context(), filepath.Join(dir, "missing"), "/opt/z"); err == nil {
		t.Error("a missing directory was copied")
	}
}

func testSysctl(t *testing.T, _ *Network, one, two *Machine) {
	const file = "/proc/sys/vm/swappiness"
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	run1(t, one, "sysctl", "-w", "vm.swappiness=3", "net.ipv4.ip_forward=1")
	if got := run1(t, one, "cat", file, "/proc/sys/net/ipv4/ip_forward"); got != "3\n1" {
		t.Errorf("the host reads back %q", got)
	}
	after, err := os.ReadFile(file)
	if err != nil || string(after) != string(before) {
		t.Errorf("this machine's setting went from %q to %q, %v", before, after, err)
	}
	if got := run1(t, two, "cat", file); got != strings.TrimSpace(string(before)) {
		t.Errorf("another host's setting is %q", got)
	}
}

func testModules(t *testing.T, _ *Network, one, _ *Machine) {
	run1(t, one, "modprobe", "overlay")
	if _, _, err := one.Exec(t.Context(), nil, "modprobe", "no_such_module"); err == nil {
		t.Error("a module that does not exist was loaded")
	}
}
