//go:build lab && linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// programs are what the lab runs, with the Debian package that has them.
var programs = [][2]string{
	{"systemd-nspawn", "systemd-container"},
	{"debootstrap", "debootstrap"},
	{"ip", "iproute2"},
	{"nft", "nftables"},
	{"nsenter", "util-linux"},
}

// Possible says why hosts cannot be booted here, all reasons together; nil when
// they can. A test skips with this error.
func Possible() error {
	var reasons []error
	if os.Geteuid() != 0 {
		reasons = append(reasons, errors.New("not root: run the test as root"))
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p[0]); err != nil {
			reasons = append(reasons, fmt.Errorf("no %s: apt-get install %s", p[0], p[1]))
		}
	}
	if known, err := os.ReadFile("/proc/filesystems"); err != nil || !strings.Contains(string(known), "\toverlay\n") {
		reasons = append(reasons, errors.New("no overlay file system: modprobe overlay"))
	}
	if _, err := hierarchies(); err != nil {
		reasons = append(reasons, err)
	}
	return errors.Join(reasons...)
}
