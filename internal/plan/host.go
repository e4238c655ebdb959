package plan

import (
	"path"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/spec"
)

// Host is one machine's part.
type Host struct {
	Name, FQDN, Address, Interface, Arch string
	// Roles are in the spec's order.
	Roles []string
	// ControlPlane and Node (control plane or worker) and Balancer say which
	// parts of the shared files the host takes.
	ControlPlane, Node, Balancer bool
	// Steps are file names below steps/, in the order in which they run.
	Steps []string
	// Files are the paths of the binaries that the steps use, sorted.
	Files []string
	// Configs are the files of hosts/NAME/, sorted by path.
	Configs []Config
	// VRRP is the host's part in each virtual address.
	VRRP []VRRP
}

// Config is one file of hosts/NAME/.
type Config struct {
	// Path is relative to hosts/NAME/.
	Path string
	// Template is relative to the templates' hosts/HOST/.
	Template string
	// Script says that the file is run.
	Script bool
	// Shared says that the file is the same on every host.
	Shared bool
}

func newHost(s *spec.Spec, c *Cluster, name string) Host {
	in := s.Cluster.Hosts[name]
	h := Host{
		Name: name, FQDN: fqdn(name, s.Cluster.Domain), Address: in.Address, Arch: in.Arch,
		Interface:    orDefault(in.Interface, s.Cluster.Network.Interface),
		ControlPlane: slices.Contains(in.Roles, controlPlane),
		Balancer:     slices.Contains(in.Roles, loadBalancer),
	}
	h.Node = h.ControlPlane || slices.Contains(in.Roles, worker)
	for _, role := range in.Roles {
		h.Roles = append(h.Roles, string(role))
	}
	h.add("10-names.sh", Config{Path: "hosts", Template: "hosts.tmpl", Shared: true})
	if h.Node {
		h.addNode(c)
	}
	if h.Balancer {
		h.VRRP = vrrp(s.Cluster, name)
		h.add("30-kernel.sh", Config{Path: "sysctl.conf", Template: "sysctl.conf.tmpl"})
		h.add("60-haproxy.sh", Config{Path: "haproxy.cfg", Template: "haproxy.cfg.tmpl"})
		h.add("70-keepalived.sh",
			Config{Path: "keepalived.conf", Template: "keepalived.conf.tmpl"},
			Config{Path: "check-haproxy.sh", Template: "check-haproxy.sh.tmpl", Script: true})
	}
	h.Configs = append(h.Configs, Config{Path: "host.env", Template: "host.env.tmpl"})
	slices.SortFunc(h.Configs, func(a, b Config) int { return strings.Compare(a.Path, b.Path) })
	h.Files = hostFiles(s, h)
	return h
}

func (h *Host) addNode(c *Cluster) {
	h.add("20-swap.sh")
	h.add("30-kernel.sh",
		Config{Path: "modules.conf", Template: "modules.conf"},
		Config{Path: "sysctl.conf", Template: "sysctl.conf.tmpl"})
	if c.Runtime.Name == "docker" {
		h.add("40-docker.sh", Config{Path: "daemon.json", Template: c.Runtime.Config, Shared: true})
	} else {
		h.add("40-containerd.sh", Config{Path: "config.toml", Template: c.Runtime.Config, Shared: true})
		if c.Registry != "" {
			h.add("", Config{Path: "hosts.toml", Template: "hosts.toml.tmpl", Shared: true})
		}
	}
	kind := "join"
	if h.Name == c.ControlPlanes[0].Name {
		kind = "init"
	}
	h.add("50-kubernetes.sh",
		Config{Path: "crictl.yaml", Template: "crictl.yaml.tmpl", Shared: true},
		Config{Path: "kubeadm.yaml", Template: path.Join("kubeadm", kind+"."+c.Kubernetes.API+".yaml.tmpl")})
}

func (h *Host) add(step string, configs ...Config) {
	if step != "" {
		h.Steps = append(h.Steps, step)
	}
	h.Configs = append(h.Configs, configs...)
}

// stepUnits are the unit files that each step installs.
var stepUnits = map[string][]string{
	"40-docker.sh":     {"docker.service", "docker.socket"},
	"40-containerd.sh": {"containerd.service"},
	"50-kubernetes.sh": {"kubelet.service", "kubelet.service.d/10-kubeadm.conf"},
	"70-keepalived.sh": {"keepalived.service.d/satchel.conf"},
}

func units(hosts []Host) []string {
	var list []string
	for _, step := range Steps(hosts) {
		list = append(list, stepUnits[step]...)
	}
	slices.Sort(list)
	return list
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
