//go:build lab && linux

package lab

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// builtins are the modules that a cluster's hosts load, with the kernel option
// that builds them in.
var builtins = map[string]string{
	"bridge":       "CONFIG_BRIDGE",
	"br_netfilter": "CONFIG_BRIDGE_NETFILTER",
	"ip_set":       "CONFIG_IP_SET",
	"ip_tables":    "CONFIG_IP_NF_IPTABLES",
	"ip_vs":        "CONFIG_IP_VS",
	"ip_vs_rr":     "CONFIG_IP_VS_RR",
	"ip_vs_sh":     "CONFIG_IP_VS_SH",
	"ip_vs_wrr":    "CONFIG_IP_VS_WRR",
	"nf_conntrack": "CONFIG_NF_CONNTRACK",
	"nf_nat":       "CONFIG_NF_NAT",
	"nf_tables":    "CONFIG_NF_TABLES",
	"overlay":      "CONFIG_OVERLAY_FS",
	"veth":         "CONFIG_VETH",
	"vxlan":        "CONFIG_VXLAN",
}

func kernelRelease() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}

// modulesDir is where this machine has its kernel modules; empty when its
// kernel has everything built in.
func modulesDir() string {
	dir := filepath.Join("/lib/modules", kernelRelease())
	if _, err := os.Stat(filepath.Join(dir, "modules.dep")); err != nil {
		return ""
	}
	return dir
}

// builtinModules lets modprobe on a host succeed for what is built into a
// kernel without modules, and fail for what that kernel lacks.
func builtinModules(upper string) error {
	if modulesDir() != "" {
		return nil
	}
	options, err := kernelOptions()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the kernel does not tell
	}
	if err != nil {
		return err
	}
	var list strings.Builder
	for module, option := range builtins {
		if options[option] {
			fmt.Fprintf(&list, "kernel/%s.ko\n", module)
		}
	}
	dir := filepath.Join(upper, "usr/lib/modules", kernelRelease())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("listing the kernel's modules: %w", err)
	}
	for name, content := range map[string]string{"modules.builtin": list.String(), "modules.order": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("listing the kernel's modules: %w", err)
		}
	}
	return nil
}

// kernelOptions are the options that are built into the running kernel.
func kernelOptions() (map[string]bool, error) {
	f, err := os.Open("/proc/config.gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("reading the kernel's configuration: %w", err)
	}
	options := map[string]bool{}
	lines := bufio.NewScanner(content)
	for lines.Scan() {
		if option, ok := strings.CutSuffix(lines.Text(), "=y"); ok {
			options[option] = true
		}
	}
	return options, lines.Err()
}
