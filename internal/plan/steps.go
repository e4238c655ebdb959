package plan

import (
	"slices"
	"strings"
)

// stepUnits are the unit files that each step installs.
var stepUnits = map[string][]string{
	"40-docker.sh":      {"docker.service", "docker.socket"},
	"40-containerd.sh":  {"containerd.service"},
	"42-cri-dockerd.sh": {"cri-docker.socket"},
	"50-kubernetes.sh":  {"kubelet.service", "kubelet.service.d/10-kubeadm.conf"},
	"70-keepalived.sh":  {"keepalived.service.d/satchel.conf"},
}

// Steps are the steps that any of the hosts runs, sorted.
func Steps(hosts []Host) []string {
	seen := map[string]bool{}
	for _, h := range hosts {
		for _, step := range h.Steps {
			seen[step] = true
		}
	}
	return sortedKeys(seen)
}

// packaged says that the units of a step come with packages.
func (c *Cluster) packaged(step string) bool {
	switch step {
	case "40-docker.sh", "40-containerd.sh":
		return c.Runtime.Package != ""
	case "50-kubernetes.sh":
		return c.Kubernetes.Packages
	}
	return false
}

func units(c *Cluster, hosts []Host) []string {
	var list []string
	for _, step := range Steps(hosts) {
		if !c.packaged(step) {
			list = append(list, stepUnits[step]...)
		}
	}
	slices.Sort(list)
	return list
}

// programs are the architectures of the hosts that run satchel itself, sorted.
func programs(hosts []Host) []string {
	seen := map[string]bool{}
	for _, h := range hosts {
		if h.Registry {
			seen[h.Arch] = true
		}
	}
	return sortedKeys(seen)
}

// needs are the programs that kubeadm's preflight of the release demands of the
// operating system, with the packages that usually have them
// (k8s.io/kubernetes, cmd/kubeadm/app/preflight/checks_linux.go).
func (k Kubernetes) needs() []string {
	needs := []string{"mount:mount", "ip:iproute2"}
	if k.minor <= 31 {
		needs = append(needs, "conntrack:conntrack")
	}
	if k.minor <= 32 {
		needs = append(needs, "iptables:iptables", "nsenter:util-linux")
	} else {
		needs = append(needs, "losetup:util-linux")
	}
	if k.minor <= 23 {
		needs = append(needs, "socat:socat") // the dockershim forwards ports with it
	}
	if k.Packages {
		needs = append(needs, kubernetesPackages...)
	}
	return needs
}

// rhelPackages are Debian's packages under the names of the other family.
var rhelPackages = map[string]string{"mount": "util-linux", "iproute2": "iproute", "conntrack": "conntrack-tools"}

// packages gives each need the package of the host's family, each once.
func (h *Host) packages(needs []string) []string {
	var list []string
	for _, need := range needs {
		program, pkg, _ := strings.Cut(need, ":")
		if other, ok := rhelPackages[pkg]; ok && h.OS == "rhel" {
			pkg = other
		}
		if need = program + ":" + pkg; !slices.Contains(list, need) {
			list = append(list, need)
		}
	}
	return list
}
