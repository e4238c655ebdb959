//go:build lab && linux

package lab

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// packages are on every host: a small Debian with systemd, the tools that an
// administrator expects, and the two services of a load balancer.
var packages = [...]string{
	"ca-certificates", "curl", "dbus", "diffutils", "haproxy", "iproute2", "iputils-ping",
	"keepalived", "kmod", "mount", "openssl", "procps", "systemd", "systemd-sysv", "util-linux",
}

// Base gives the directory of a Debian root file system with these packages and
// the extra ones. It is built once for each list of packages and kept in dir
// (empty: CacheDir); nobody may change it, hosts see it through an overlay.
func Base(ctx context.Context, dir string, extra ...string) (string, error) {
	if err := Possible(); err != nil {
		return "", fmt.Errorf("building a root file system: %w", err)
	}
	if dir == "" {
		var err error
		if dir, err = CacheDir(); err != nil {
			return "", err
		}
	}
	list := slices.Compact(slices.Sorted(slices.Values(append(packages[:], extra...))))
	base := filepath.Join(dir, "base-"+key(list))
	if err := os.MkdirAll(filepath.Join(dir, "debs"), 0o755); err != nil {
		return "", fmt.Errorf("making the cache of root file systems: %w", err)
	}
	own, err := lock(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	defer own.Close()
	if _, err := os.Stat(base); err == nil {
		return base, nil
	}
	if err := build(ctx, dir, base, list); err != nil {
		return "", fmt.Errorf("building root file system %q: %w", base, err)
	}
	return base, nil
}

// key changes with everything that a root file system is made from.
func key(list []string) string {
	sum := sha256.Sum256([]byte(suite + "\n" + strings.Join(list, "\n") + "\n" + finishScript))
	return fmt.Sprintf("%x", sum[:6])
}

// build makes the file system under another name first, so that an interrupted
// build is never taken for a whole one.
func build(ctx context.Context, dir, base string, list []string) error {
	leftovers, _ := filepath.Glob(filepath.Join(dir, "building-*")) // the pattern is good
	for _, old := range leftovers {
		if err := os.RemoveAll(old); err != nil {
			return err
		}
	}
	temp, err := os.MkdirTemp(dir, "building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	err = contained(ctx, "debootstrap", "--variant=minbase", "--merged-usr", "--include="+strings.Join(list, ","),
		"--cache-dir="+filepath.Join(dir, "debs"), suite, temp, mirror("/etc/apt"))
	if err != nil {
		return errors.Join(err, bootstrapLog(temp))
	}
	if err := contained(ctx, "chroot", temp, "sh", "-c", finishScript); err != nil {
		return err
	}
	return os.Rename(temp, base)
}

// contained runs a program whose processes and mounts end with it, whatever
// becomes of it: it is number 1 of its own process namespace.
func contained(ctx context.Context, command ...string) error {
	script := []string{"-c", `mount -t proc proc /proc && "$@"`, "contained"}
	cmd := exec.CommandContext(ctx, "sh", append(script, command...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS}
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("running %q: %w%s", command[0], err, lastLine(string(out)))
	}
	return nil
}

// bootstrapLog is the end of what debootstrap wrote down inside its target.
func bootstrapLog(root string) error {
	content, err := os.ReadFile(filepath.Join(root, "debootstrap/debootstrap.log"))
	if err != nil {
		return nil // it did not come that far
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return fmt.Errorf("the end of its log:\n%s", strings.Join(lines[max(0, len(lines)-10):], "\n"))
}

// finishScript makes a fresh installation into what hosts share: no identity,
// and nothing runs before a test starts it. Clearing by preset finds every
// service, also those of extra packages; a service that is installed later is
// enabled as Debian does it.
const finishScript = `set -eu
mkdir -p /run/systemd/system-preset
echo 'disable *' > /run/systemd/system-preset/00-lab.preset
systemctl preset-all --preset-mode=disable-only
rm -rf /run/systemd/system-preset
systemctl mask systemd-logind.service getty.target console-getty.service
systemctl set-default multi-user.target
mkdir -p /etc/systemd/system.conf.d
printf '[Manager]\nDefaultTimeoutStopSec=10s\n' > /etc/systemd/system.conf.d/lab.conf
: > /etc/machine-id
: > /etc/fstab
rm -rf /var/lib/dbus/machine-id /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /root/.bash_history
`
