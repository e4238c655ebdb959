//go:build lab && linux

package lab

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

//go:embed init.sh
var initScript []byte

const initPath = "/usr/sbin/lab-init"

// ownFileSystem are the directories in which container runtimes mount overlays
// and databases sync: they are plain directories, for an overlay on an overlay
// is not possible.
var ownFileSystem = [...]string{"/var/lib/containerd", "/var/lib/docker", "/var/lib/etcd", "/var/lib/kubelet"}

func (m *Machine) path(elements ...string) string {
	return filepath.Join(append([]string{m.dir}, elements...)...)
}

func (m *Machine) console() string { return m.path("console.log") }

// prepare makes the host's control groups and its disk: an upper layer over the
// shared root file system.
func (m *Machine) prepare() (err error) {
	if m.groups, err = newGroups(m.net.run.id, m.host.Name); err != nil {
		return err
	}
	for _, dir := range []string{"root", "work", "upper/etc", "upper/usr/sbin"} {
		if err := os.MkdirAll(m.path(dir), 0o755); err != nil {
			return fmt.Errorf("making a disk: %w", err)
		}
	}
	for _, dir := range ownFileSystem {
		if err := os.MkdirAll(m.path("own", dir), 0o755); err != nil {
			return fmt.Errorf("making a disk: %w", err)
		}
	}
	files := map[string]string{
		"etc/hostname": m.host.Name + "\n",
		"etc/hosts":    "127.0.0.1 localhost\n",
		// Nobody answers there, and the refusal is immediate.
		"etc/resolv.conf": "nameserver " + m.net.Gateway().String() + "\n",
	}
	for name, content := range files {
		if err := os.WriteFile(m.path("upper", name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("writing to the disk: %w", err)
		}
	}
	if err := os.WriteFile(m.path("upper", initPath), initScript, 0o755); err != nil {
		return fmt.Errorf("writing to the disk: %w", err)
	}
	return builtinModules(m.path("upper"))
}

func (m *Machine) launchEnvironment(c *cable) []string {
	return []string{
		"LAB_CARD=" + c.card.path(),
		"LAB_GROUPS=" + strings.Join(m.groups, " "),
		"LAB_ROOT=" + m.path("root"),
		"LAB_OVERLAY=lowerdir=" + m.host.Base + ",upperdir=" + m.path("upper") + ",workdir=" + m.path("work"),
		"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0",
		"SYSTEMD_NSPAWN_API_VFS_WRITABLE=network",
		"SYSTEMD_SECCOMP=0",
	}
}

func (m *Machine) nspawnArguments() []string {
	arguments := []string{
		"--machine=" + m.host.Name, "--register=no", "--keep-unit",
		"--kill-signal=SIGRTMIN+3", "--console=pipe", "--link-journal=no",
		"--resolv-conf=off", "--timezone=off",
		// The clock is the machine's.
		"--capability=all", "--drop-capability=CAP_SYS_TIME",
	}
	for _, device := range []string{"/dev/kmsg", "/dev/net/tun"} {
		if _, err := os.Stat(device); err == nil {
			arguments = append(arguments, "--bind="+device)
		}
	}
	for _, dir := range ownFileSystem {
		arguments = append(arguments, "--bind="+m.path("own", dir)+":"+dir)
	}
	if modules := modulesDir(); modules != "" {
		arguments = append(arguments, "--bind-ro="+modules)
	}
	return append(arguments, "--", initPath)
}

// waitUp waits until systemd has started what it should; "degraded" means that
// a service failed, which is for the test to judge.
func (m *Machine) waitUp(ctx context.Context) error {
	for state := "not begun"; ; {
		if stdout, _, _ := m.Exec(ctx, nil, "systemctl", "is-system-running"); stdout != "" {
			state = strings.TrimSpace(stdout)
		}
		if state == "running" || state == "degraded" {
			return nil
		}
		select {
		case <-m.ended:
			return errors.Join(errors.New("the host went off"), m.endErr)
		case <-ctx.Done():
			return fmt.Errorf("the boot's state is %q: %w", state, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// consoleTail is the end of what the host wrote to its console, for errors.
func (m *Machine) consoleTail() string {
	const lines = 15
	content, err := os.ReadFile(m.console())
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	all := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return "\nthe end of its console:\n" + string(bytes.Join(all, []byte("\n")))
}
