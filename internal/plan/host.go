package plan

import (
	"net"
	"path"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/spec"
)

// Host is one machine's part.
type Host struct {
	Name, Address, Interface, Arch string
	// Roles are in the spec's order.
	Roles []string
	// ControlPlane and Node (control plane or worker), Balancer and Registry say
	// which parts of the shared files the host takes.
	ControlPlane, Node, Balancer, Registry bool
	// Steps are file names below steps/, in the order in which they run.
	Steps []string
	// Needs are PROGRAM:PACKAGE pairs that the operating system must have.
	Needs []string
	// Files are the paths of the binaries that the steps use, sorted.
	Files []string
	// Images says that the steps use the bundle's images.
	Images bool
	// Configs are the files of hosts/NAME/, sorted by path.
	Configs []Config
	// VRRP is the host's part in each virtual address.
	VRRP []VRRP
	// Kubeadm is "init" on the first control plane, "join" on the other nodes.
	Kubeadm string
	// After is HOST:PORT of the control plane that joins before this one: two that
	// join etcd at once hinder each other.
	After string
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
		Name: name, Address: in.Address, Arch: in.Arch,
		Interface:    orDefault(in.Interface, s.Cluster.Network.Interface),
		ControlPlane: slices.Contains(in.Roles, controlPlane),
		Balancer:     slices.Contains(in.Roles, loadBalancer),
		Registry:     slices.Contains(in.Roles, registryRole),
	}
	h.Node = h.ControlPlane || slices.Contains(in.Roles, worker)
	for _, role := range in.Roles {
		h.Roles = append(h.Roles, string(role))
	}
	h.add("05-preflight.sh", Config{Path: "host.env", Template: "host.env.tmpl"})
	h.add("10-names.sh", Config{Path: "hosts", Template: "hosts.tmpl", Shared: true})
	if h.Registry {
		h.addRegistry()
	}
	if h.Node {
		h.addNode(c)
	}
	if h.Balancer {
		h.addBalancer(s, name)
	}
	slices.Sort(h.Steps)
	slices.Sort(h.Files)
	slices.SortFunc(h.Configs, func(a, b Config) int { return strings.Compare(a.Path, b.Path) })
	return h
}

func (h *Host) addRegistry() {
	h.Images = true
	h.Files = append(h.Files, path.Join("bin", "satchel-"+h.Arch))
	h.add("35-registry.sh", Config{Path: "satchel-registry.service", Template: "satchel-registry.service.tmpl"})
}

func (h *Host) addBalancer(s *spec.Spec, name string) {
	h.VRRP = vrrp(s.Cluster, name)
	h.Needs = append(h.Needs, "haproxy:haproxy", "keepalived:keepalived")
	if !h.Node {
		h.add("30-kernel.sh", Config{Path: "sysctl.conf", Template: "sysctl.conf.tmpl"})
	}
	h.add("60-haproxy.sh", Config{Path: "haproxy.cfg", Template: "haproxy.cfg.tmpl"})
	h.add("70-keepalived.sh",
		Config{Path: "keepalived.conf", Template: "keepalived.conf.tmpl"},
		Config{Path: "check-haproxy.sh", Template: "check-haproxy.sh.tmpl", Script: true})
}

func (h *Host) addNode(c *Cluster) {
	h.Needs = append(h.Needs, c.Kubernetes.needs()...)
	for _, f := range c.files {
		h.Files = append(h.Files, path.Join("files", h.Arch, f.name))
	}
	h.add("20-swap.sh")
	h.add("25-routes.sh", Config{Path: "satchel-routes.service", Template: "satchel-routes.service.tmpl"})
	h.add("30-kernel.sh",
		Config{Path: "modules.conf", Template: "modules.conf"},
		Config{Path: "sysctl.conf", Template: "sysctl.conf.tmpl"})
	if c.Runtime.Name == "docker" {
		h.add("40-docker.sh", Config{Path: "daemon.json", Template: c.Runtime.Config, Shared: true})
	} else {
		h.add("40-containerd.sh", Config{Path: "config.toml", Template: c.Runtime.Config, Shared: true})
	}
	switch {
	case c.Registry == "":
		h.Images = true
		h.add("45-images.sh")
	case c.Runtime.Name == "containerd":
		h.Configs = append(h.Configs, Config{Path: "hosts.toml", Template: "hosts.toml.tmpl", Shared: true})
	}
	h.addKubeadm(c)
}

func (h *Host) addKubeadm(c *Cluster) {
	place := slices.IndexFunc(c.ControlPlanes, func(e Endpoint) bool { return e.Name == h.Name })
	h.Kubeadm = "join"
	switch {
	case place == 0:
		h.Kubeadm = "init"
		h.add("90-manifests.sh")
	case place > 0:
		h.After = net.JoinHostPort(c.ControlPlanes[place-1].Address, "6443")
	}
	h.add("50-kubernetes.sh",
		Config{Path: "crictl.yaml", Template: "crictl.yaml.tmpl", Shared: true},
		Config{Path: "kubeadm.yaml", Template: path.Join("kubeadm", h.Kubeadm+"."+c.Kubernetes.API+".yaml.tmpl")})
	if h.ControlPlane {
		h.add("55-pki.sh")
	}
	h.add("80-kubeadm.sh")
	h.add("95-ready.sh")
}

func (h *Host) add(step string, configs ...Config) {
	h.Steps = append(h.Steps, step)
	h.Configs = append(h.Configs, configs...)
}
