//go:build lab && linux

package world

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// deb is a package that is made here.
type deb struct {
	name, version, about string
	depends, recommends  string
	content              *tree
	conffiles            []string
	scripts              map[string]string
}

// Debs makes the release's packages as https://pkgs.k8s.io has them, and gives their paths
// (the layout is that of kubernetes/release, cmd/krel/templates/latest, which writes files
// where a directory would be empty otherwise; the scripts are those of debhelper).
func (in *Inputs) Debs(ctx context.Context, log io.Writer) ([]string, error) {
	var paths []string
	err := alone(ctx, in.dir, log, func(m *maker) error {
		paths = nil
		for _, d := range in.debs() {
			path, err := m.deb(ctx, d)
			if err != nil {
				return err
			}
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("making the packages of Kubernetes %s: %w", in.Versions.Kubernetes, err)
	}
	return paths, nil
}

func (in *Inputs) debs() []deb {
	const units = "usr/lib/systemd/system/"
	programs := in.bin.of("kubernetes")
	program := func(name string) *tree { return newTree().program("usr/bin/"+name, programs[name]) }
	release := in.Versions.Kubernetes + "-1.1"
	return []deb{
		{
			name: "kubeadm", version: release, about: "Command-line utility for administering a Kubernetes cluster",
			content: program("kubeadm").text(units+"kubelet.service.d/10-kubeadm.conf", kubeletDropIn),
		},
		{name: "kubectl", version: release, about: "Command-line utility for interacting with a Kubernetes cluster", content: program("kubectl")},
		{
			name: "kubelet", version: release, about: "Node agent for Kubernetes clusters",
			depends: "kubernetes-cni (>= 1.2.0), mount, util-linux", recommends: "iptables (>= 1.8.4)",
			content: program("kubelet").text(units+"kubelet.service", kubeletUnit).text("etc/default/kubelet", "KUBELET_EXTRA_ARGS=\n").
				text("var/lib/kubelet/.kubelet-keep", "\n").text("etc/kubernetes/manifests/.kubelet-keep", "\n"),
			conffiles: []string{"/etc/default/kubelet"},
			scripts:   kubeletScripts,
		},
		{
			name: "kubernetes-cni", version: in.Versions.CNI + "-1.1", about: "Binaries required to provision kubernetes container networking",
			content: below("opt/cni/bin/", in.bin.of("cniplugins")).text("etc/cni/net.d/.kubernetes-cni-keep", "\n"),
		},
		{
			name: "cri-tools", version: in.Versions.Crictl + "-1.1", about: "Command-line utility for interacting with a container runtime",
			content: below("usr/bin/", in.bin.of("crictl")),
		},
	}
}

// deb makes a package with dpkg's own tool.
func (m *maker) deb(ctx context.Context, d deb) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s%q%q", d.control(), d.conffiles, d.scripts)
	d.content.describe(h)
	file := fmt.Sprintf("%s_%s_%s.deb", d.name, d.version, runtime.GOARCH)
	return m.make(ctx, filepath.Join("debs", fmt.Sprintf("%x", h.Sum(nil)[:6]), file), func(temp string) error {
		root := temp + ".root"
		meta := filepath.Join(root, "DEBIAN")
		err := errors.Join(d.content.unfold(root), os.Mkdir(meta, 0o755), os.WriteFile(filepath.Join(meta, "control"), []byte(d.control()), 0o644))
		if err == nil && len(d.conffiles) > 0 {
			err = os.WriteFile(filepath.Join(meta, "conffiles"), []byte(strings.Join(d.conffiles, "\n")+"\n"), 0o644)
		}
		for _, name := range slices.Sorted(maps.Keys(d.scripts)) {
			err = errors.Join(err, os.WriteFile(filepath.Join(meta, name), []byte(d.scripts[name]), 0o755))
		}
		if err != nil {
			return err
		}
		out, err := exec.CommandContext(ctx, "dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", root, temp).CombinedOutput()
		if err != nil {
			return fmt.Errorf("running dpkg-deb: %w\n%s", err, out)
		}
		return nil
	})
}

func (d deb) control() string {
	text := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Kubernetes Authors <dev@kubernetes.io>\nSection: net\nPriority: optional\n",
		d.name, d.version, runtime.GOARCH)
	if d.depends != "" {
		text += "Depends: " + d.depends + "\n"
	}
	if d.recommends != "" {
		text += "Recommends: " + d.recommends + "\n"
	}
	return text + "Description: " + d.about + "\n"
}

// The texts of upstream's packages (kubernetes/release, cmd/krel/templates/latest).
const (
	kubeletUnit = `[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
`
	kubeletDropIn = `# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# This is a file that "kubeadm init" and "kubeadm join" generates at runtime, populating the KUBELET_KUBEADM_ARGS variable dynamically
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
# This is a file that the user can use for overrides of the kubelet args as a last resort.
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`
)

var kubeletScripts = map[string]string{
	"postinst": `#!/bin/sh
set -e
if [ "$1" = configure ]; then
	deb-systemd-helper unmask kubelet.service >/dev/null || true
	if deb-systemd-helper --quiet was-enabled kubelet.service; then
		deb-systemd-helper enable kubelet.service >/dev/null || true
	else
		deb-systemd-helper update-state kubelet.service >/dev/null || true
	fi
	if [ -d /run/systemd/system ]; then
		systemctl --system daemon-reload >/dev/null || true
		if [ -n "$2" ]; then action=restart; else action=start; fi
		deb-systemd-invoke $action kubelet.service >/dev/null || true
	fi
fi
`,
	"prerm": `#!/bin/sh
set -e
if [ -d /run/systemd/system ] && [ "$1" = remove ]; then deb-systemd-invoke stop kubelet.service >/dev/null || true; fi
`,
	"postrm": `#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl --system daemon-reload >/dev/null || true; fi
if [ "$1" = purge ]; then deb-systemd-helper purge kubelet.service >/dev/null || true; fi
`,
}
