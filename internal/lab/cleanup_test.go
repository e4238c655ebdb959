//go:build lab && linux

package lab

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// traces lists everything on this machine that belongs to a run: directories,
// control groups, processes, and the mounts and network namespaces that
// processes are in.
func traces(t *testing.T, id string, namespaces ...string) []string {
	t.Helper()
	var found []string
	cache, err := CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{filepath.Join(cache, "runs", id), "/sys/fs/cgroup/*/" + id} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	files, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range files {
		status, _ := os.ReadFile(filepath.Join(process, "status")) // it may have ended
		if strings.Contains(string(status), "\nState:\tZ") {
			continue // it has ended, only its new parent did not ask how
		}
		for _, file := range []string{"mountinfo", "cgroup"} {
			content, _ := os.ReadFile(filepath.Join(process, file))
			if strings.Contains(string(content), id) {
				found = append(found, filepath.Join(process, file))
			}
		}
		links, _ := filepath.Glob(filepath.Join(process, "fd/*"))
		for _, link := range append(links, filepath.Join(process, "ns/net")) {
			target, _ := os.Readlink(link)
			for _, ns := range namespaces {
				if target == ns {
					found = append(found, link+" -> "+ns)
				}
			}
		}
	}
	return found
}

// namespaceName is how /proc shows the namespace.
func namespaceName(t *testing.T, n *namespace) string {
	t.Helper()
	held, err := n.hold()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	name, err := os.Readlink(fdPath(held))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// eventually waits for a condition that something else brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Errorf("after 20 s, still not: %s", what)
}

// bootBusy boots a host on which a process runs that nobody waits for.
func bootBusy(t *testing.T, n *Network, base string) *Machine {
	t.Helper()
	m := boot(t, n, Host{Name: "busy", Address: netip.MustParseAddr("10.77.0.20"), Base: base})
	run1(t, m, "sh", "-c", "setsid sleep infinity >/dev/null 2>&1 &")
	return m
}

func TestAClosedNetworkLeavesNothing(t *testing.T) {
	base := possible(t)
	n := newTestNetwork(t)
	m := bootBusy(t, n, base)
	namespaces := []string{namespaceName(t, n.bridge), namespaceName(t, m.cable.Load().card)}
	if before := traces(t, n.run.id, namespaces...); len(before) < 20 {
		t.Fatalf("a running network shows only %q", before)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if left := traces(t, n.run.id, namespaces...); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if _, err := n.Boot(t.Context(), Host{Name: "late", Address: m.Address(), Base: base}); err == nil {
		t.Error("a closed network booted a host")
	}
}

func TestACancelledContextLeavesNothing(t *testing.T) {
	base := possible(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n, err := NewNetwork(ctx, t.Name(), subnet)
	if err != nil {
		t.Fatal(err)
	}
	m := bootBusy(t, n, base)
	namespaces := []string{namespaceName(t, n.bridge), namespaceName(t, m.cable.Load().card)}
	cancel()
	eventually(t, "everything is gone", func() bool { return len(traces(t, n.run.id, namespaces...)) == 0 })
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

func TestAFailedBootLeavesNothingAndSaysWhy(t *testing.T) {
	possible(t)
	broken := t.TempDir()
	for _, name := range []string{"usr/lib/systemd/systemd", "usr/lib/os-release"} {
		if err := os.MkdirAll(filepath.Join(broken, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(broken, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	n := newTestNetwork(t)
	_, err := n.Boot(t.Context(), Host{Name: "broken", Address: netip.MustParseAddr("10.77.0.20"), Base: broken})
	if err == nil || !strings.Contains(err.Error(), `host "broken"`) || !strings.Contains(err.Error(), initPath) {
		t.Errorf("error = %v, want the host and the console's complaint about %s", err, initPath)
	}
	for _, left := range traces(t, n.run.id) {
		if strings.Contains(left, "broken") {
			t.Errorf("left: %s", left)
		}
	}
}

func TestAnInterruptedBaseLeavesNothing(t *testing.T) {
	possible(t)
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if base, err := Base(ctx, dir); err == nil {
		t.Fatalf("a root file system came in two seconds: %s", base)
	}
	for _, pattern := range []string{"building-*", "base-*"} {
		if left, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(left) > 0 {
			t.Errorf("left: %q, %v", left, err)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), dir) {
		t.Errorf("mounts are left: %s, %v", mounts, err)
	}
}

// TestCrashing is what TestAKilledRunIsSweptByTheNext starts as a process of
// its own: it boots a host and is killed in the middle of it.
func TestCrashing(t *testing.T) {
	if os.Getenv("LAB_TEST_CRASH") == "" {
		t.Skip("runs only as the victim of another test")
	}
	base := possible(t)
	n := newTestNetwork(t)
	bootBusy(t, n, base)
	fmt.Println("run", n.run.id)
	if err := unix.Kill(os.Getpid(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {}
}

func TestAKilledRunIsSweptByTheNext(t *testing.T) {
	base := possible(t)
	living := newTestNetwork(t)
	survivor := bootBusy(t, living, base)

	victim := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashing$")
	victim.Env = append(os.Environ(), "LAB_TEST_CRASH=1")
	out, err := victim.Output()
	if err == nil {
		t.Fatalf("the victim lives: %s", out)
	}
	_, id, ok := bytes.Cut(out, []byte("run "+runPrefix))
	if !ok {
		t.Fatalf("the victim did not boot: %s", out)
	}
	dead := runPrefix + strings.TrimSpace(string(id))
	groups, err := groupsOf(dead)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "its processes died with it", func() bool { return len(groups.processes()) == 0 })

	newTestNetwork(t)
	if left := traces(t, dead); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	run1(t, survivor, "true")
}
