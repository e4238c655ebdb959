package plan

import (
	"net"
	"path"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/spec"
	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// Host is one machine's part.
type Host struct {
	Name, Address, Interface, Arch string
	// Address6 is empty unless the cluster is dual-stack.
	Address6 string
	// OS is debian or rhel, Release the distribution's version or empty.
	OS, Release string
	// Roles are in the spec's order.
	Roles []string
	// ControlPlane and Node (control plane or worker), Balancer and Registry say
	// which parts of the shared files the host takes.
	ControlPlane, Node, Balancer, Registry bool
	// Steps are file names below steps/, in the order in which they run.
	Steps []string
	// Needs are PROGRAM:PACKAGE pairs that the operating system must have.
	Needs []string
	// Packages are those that the bundle brings for it.
	Packages HostPackages
	// Files are the paths of the binaries that the steps use, sorted.
	Files []string
	// Images says that the steps use the bundle's images.
	Images bool
	// Configs are the files of hosts/NAME/, sorted by path.
	Configs []Config
	// Modules are the kernel modules to load.
	Modules []string
	// Sysctls are in the order in which they are set.
	Sysctls []Arg
	// Firewall is what the host's firewall has to let in, be it satchel's work or not.
	Firewall []Opening
	// Clocks are the time servers; empty on the host that is the cluster's clock.
	Clocks []string
	// VRRP is the host's part in each virtual address.
	VRRP []VRRP
	// Kubeadm is "init" on the first control plane, "join" on the other nodes.
	Kubeadm string
	// KubeletArgs are flags of this host's kubelet, sorted by name.
	KubeletArgs []Arg
	// Taints replace kubeadm's own when OwnTaints is set.
	Taints    []v1.Taint
	OwnTaints bool
	// Manifests are the paths below manifests/ that the host applies, in order.
	Manifests []string
	// AdminConf is what kube-vip reads on this host until kubeadm is done.
	AdminConf string
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
	// Text is the file itself where there is no template.
	Text string
	// Script says that the file is run.
	Script bool
	// Shared says that the file is the same on every host.
	Shared bool
}

func newHost(s *spec.Spec, p *Plan, name string) Host {
	in, c := s.Cluster.Hosts[name], &p.Cluster
	h := Host{
		Name: name, Address: in.Address, Arch: in.Arch,
		OS: orDefault(in.Os.Family, s.Cluster.Os.Family), Release: orDefault(in.Os.Release, s.Cluster.Os.Release),
		Interface:    orDefault(in.Interface, s.Cluster.Network.Interface),
		ControlPlane: slices.Contains(in.Roles, controlPlane),
		Registry:     slices.Contains(in.Roles, registryRole),
	}
	h.Balancer = slices.ContainsFunc(balancers(s.Cluster), func(e Endpoint) bool { return e.Name == name })
	h.Node = h.ControlPlane || slices.Contains(in.Roles, worker)
	for _, role := range in.Roles {
		h.Roles = append(h.Roles, string(role))
	}
	h.add("05-preflight.sh", Config{Path: "host.env", Template: "host.env.tmpl"})
	h.add("10-names.sh", Config{Path: "hosts", Template: "hosts.tmpl", Shared: true})
	h.addSystem(c)
	if h.Registry {
		h.addRegistry(c)
	}
	if h.Node {
		h.addNode(s, p)
	}
	if h.Balancer {
		h.addBalancer(s, name)
	}
	h.Firewall = openings(s.Cluster, c, &h)
	h.addKernel(c)
	h.Needs = h.packages(h.Needs)
	h.addPackages(s, c)
	h.finish()
	return h
}

// finish sorts what several roles added to, and leaves out what two of them added.
func (h *Host) finish() {
	slices.Sort(h.Steps)
	h.Steps = slices.Compact(h.Steps)
	slices.Sort(h.Files)
	h.Files = slices.Compact(h.Files)
	slices.SortFunc(h.Configs, func(a, b Config) int { return strings.Compare(a.Path, b.Path) })
	h.Configs = slices.CompactFunc(h.Configs, func(a, b Config) bool { return a.Path == b.Path })
}

func (h *Host) addSystem(c *Cluster) {
	if c.System.SELinux == "permissive" && h.OS == "rhel" {
		h.add("12-selinux.sh")
	}
	switch c.System.Firewall {
	case "firewalld":
		h.Needs = append(h.Needs, "firewall-cmd:firewalld")
		h.add("14-firewall.sh", Config{Path: "firewall", Template: "firewall.tmpl"})
	case "ufw":
		h.Needs = append(h.Needs, "ufw:ufw")
		h.add("14-firewall.sh", Config{Path: "firewall", Template: "firewall.tmpl"})
	}
	if c.System.Chrony {
		h.Clocks = c.System.clockSources(h.Name)
		h.Needs = append(h.Needs, "chronyd:chrony")
		h.add("16-time.sh", Config{Path: "chrony.conf", Template: "chrony.conf.tmpl"})
	}
	if len(c.System.SSHD) > 0 {
		h.Needs = append(h.Needs, "sshd:openssh-server")
		h.add("18-sshd.sh", Config{Path: "sshd_config", Template: "sshd_config.tmpl", Shared: true})
	}
}

func (h *Host) addRegistry(c *Cluster) {
	h.Images = true
	h.Files = append(h.Files, path.Join("bin", "satchel-"+h.Arch))
	if c.Harbor == nil {
		h.add("35-registry.sh", Config{Path: "satchel-registry.service", Template: "satchel-registry.service.tmpl"})
		return
	}
	for _, f := range harborFiles(c) {
		h.Files = append(h.Files, path.Join("files", h.Arch, f.name))
	}
	h.addDocker(c)
	h.Needs = append(h.Needs, "curl:curl")
	h.add("42-harbor.sh",
		Config{Path: "harbor.yml", Template: "harbor.yml.tmpl"},
		Config{Path: "harbor.service", Template: "harbor.service.tmpl"},
		Config{Path: "harbor-accounts", Template: "harbor-accounts.tmpl"})
}

func (h *Host) addBalancer(s *spec.Spec, name string) {
	h.VRRP = vrrp(s.Cluster, name)
	h.Needs = append(h.Needs, "haproxy:haproxy", "keepalived:keepalived")
	h.add("60-haproxy.sh", Config{Path: "haproxy.cfg", Template: "haproxy.cfg.tmpl"})
	h.add("70-keepalived.sh",
		Config{Path: "keepalived.conf", Template: "keepalived.conf.tmpl"},
		Config{Path: "check-haproxy.sh", Template: "check-haproxy.sh.tmpl", Script: true})
}

// addKernel adds the modules and sysctls of all roles together.
func (h *Host) addKernel(c *Cluster) {
	set := func(key, value string) { h.Sysctls = append(h.Sysctls, Arg{Name: key, Value: value}) }
	if h.Node {
		h.Modules = append(h.Modules, "overlay", "br_netfilter")
		h.Modules = append(h.Modules, c.Kubernetes.proxyModules(h)...)
		set("net.bridge.bridge-nf-call-iptables", "1")
		set("net.bridge.bridge-nf-call-ip6tables", "1")
		set("net.ipv4.ip_forward", "1")
		if c.PodsV6 != "" {
			set("net.ipv6.conf.all.forwarding", "1")
		}
		set("vm.swappiness", "0")
	}
	if h.Balancer {
		set("net.ipv4.ip_nonlocal_bind", "1")
	}
	h.Modules = append(h.Modules, c.System.Modules...)
	h.Sysctls = append(h.Sysctls, c.System.Sysctls...)
	if len(h.Modules) > 0 {
		h.add("30-kernel.sh", Config{Path: "modules.conf", Template: "modules.conf.tmpl"})
	}
	if len(h.Sysctls) > 0 {
		h.add("30-kernel.sh", Config{Path: "sysctl.conf", Template: "sysctl.conf.tmpl"})
	}
}

// proxyModules are what kube-proxy needs in the mode ipvs
// (k8s.io/kubernetes, pkg/proxy/ipvs/README.md).
func (k Kubernetes) proxyModules(h *Host) []string {
	if k.ProxyMode != "ipvs" {
		return nil
	}
	list := []string{"ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh", "nf_conntrack"}
	// Kernels before 4.19 have the connection tracking of IPv4 in a module of its own.
	if h.OS == "rhel" && h.Release != "" && (h.Release == "7" || strings.HasPrefix(h.Release, "7.")) {
		list[4] = "nf_conntrack_ipv4"
	}
	if scheduler := "ip_vs_" + k.IPVSScheduler; !slices.Contains(list, scheduler) {
		list = append(list, scheduler)
	}
	return list
}

func (h *Host) addNode(s *spec.Spec, p *Plan) {
	c := &p.Cluster
	h.Needs = append(h.Needs, c.Kubernetes.needs()...)
	h.Needs = append(h.Needs, c.Runtime.needs()...)
	for _, f := range c.files {
		h.Files = append(h.Files, path.Join("files", h.Arch, f.name))
	}
	h.add("20-swap.sh")
	h.add("25-routes.sh", Config{Path: "satchel-routes.service", Template: "satchel-routes.service.tmpl"})
	if c.Runtime.Name == "docker" {
		h.addDocker(c)
		if c.Runtime.CRIDockerd != "" {
			h.Needs = append(h.Needs, "nsenter:util-linux", "socat:socat")
			h.add("42-cri-dockerd.sh", Config{Path: "cri-docker.service", Template: "cri-docker.service.tmpl", Shared: true})
		}
	} else {
		h.add("40-containerd.sh", Config{Path: "config.toml", Template: c.Runtime.Config, Shared: true})
		if c.Registry.Host != "" {
			h.Configs = append(h.Configs, Config{Path: "hosts.toml", Template: "hosts.toml.tmpl", Shared: true})
		}
	}
	if c.Registry.CA != "" {
		h.Configs = append(h.Configs, Config{Path: "registry-ca.crt", Text: c.Registry.CA})
	}
	if c.Registry.Host == "" {
		h.Images = true
		h.add("45-images.sh")
	}
	h.addKubeadm(s, p)
}

// addDocker adds Docker, for pods or for Harbor.
func (h *Host) addDocker(c *Cluster) {
	h.Needs = append(h.Needs, "iptables:iptables")
	h.add("40-docker.sh", Config{Path: "daemon.json", Template: "daemon.json.tmpl", Shared: true})
}

func (h *Host) addKubeadm(s *spec.Spec, p *Plan) {
	c := &p.Cluster
	in := s.Cluster.Hosts[h.Name]
	place := slices.IndexFunc(c.ControlPlanes, func(e Endpoint) bool { return e.Name == h.Name })
	h.Kubeadm = "join"
	switch {
	case place == 0:
		h.Kubeadm = "init"
		h.addFirst(p)
	case place > 0:
		h.After = net.JoinHostPort(c.ControlPlanes[place-1].Address, apiServerPort)
	}
	h.addKubelet(s, in)
	h.Configs = append(h.Configs,
		Config{Path: "crictl.yaml", Template: "crictl.yaml.tmpl", Shared: true},
		Config{Path: "kubeadm.yaml", Template: path.Join("kubeadm", h.Kubeadm+".yaml.tmpl")})
	h.add("50-kubernetes.sh")
	if h.ControlPlane {
		h.addControlPlane(c)
	}
	for _, patch := range c.Kubernetes.Patches {
		h.Configs = append(h.Configs, Config{Path: path.Join("patches", patch.Name), Text: patch.Text})
	}
	h.add("80-kubeadm.sh")
	h.add("95-ready.sh")
}

// addFirst is what the first control plane does for the whole cluster.
func (h *Host) addFirst(p *Plan) {
	for _, m := range p.Manifests {
		h.Manifests = append(h.Manifests, m.Path)
	}
	h.add("90-manifests.sh")
	if d := p.Cluster.Dashboard; d != nil && d.Admin {
		h.Configs = append(h.Configs, Config{Path: "dashboard-token", Template: "dashboard-token.tmpl", Script: true})
	}
}

func (h *Host) addControlPlane(c *Cluster) {
	k := c.Kubernetes
	h.add("55-pki.sh")
	if k.AuditLevel != "" {
		h.add("57-apiserver.sh", Config{Path: "audit-policy.yaml", Template: "audit-policy.yaml.tmpl", Shared: true})
	}
	if k.Encryption != "" {
		h.add("57-apiserver.sh", Config{Path: "encryption.yaml", Template: "encryption.yaml.tmpl", Shared: true})
	}
	if c.Balancer.KubeVIP != "" {
		h.AdminConf = "/etc/kubernetes/admin.conf"
		h.add("85-kube-vip.sh", Config{Path: "kube-vip.yaml", Template: "kube-vip.yaml.tmpl"})
		if h.Kubeadm == "init" {
			// Until kubeadm init is done, admin.conf may do nothing from 1.29 on.
			if k.minor >= 29 {
				h.AdminConf = "/etc/kubernetes/super-admin.conf"
			}
			h.add("75-kube-vip.sh", Config{Path: "kube-vip.init.yaml", Template: "kube-vip.init.yaml.tmpl"})
		}
	}
	if c.System.Completion {
		h.add("88-completion.sh")
	}
}

// addKubelet is what is particular to the kubelet of one host.
func (h *Host) addKubelet(s *spec.Spec, in v1.Host) {
	own := map[string]string{}
	if s.Cluster.Network.IPv6 != nil {
		h.Address6 = in.Address6
		own["node-ip"] = h.Address + "," + h.Address6
	}
	if len(in.Labels) > 0 {
		var labels []string
		for _, key := range sortedKeys(in.Labels) {
			labels = append(labels, key+"="+in.Labels[key])
		}
		own["node-labels"] = strings.Join(labels, ",")
	}
	h.KubeletArgs = args(own, s.Cluster.Kubernetes.ExtraArgs.Kubelet)
	// A control plane that is also a worker takes pods like one.
	h.Taints, h.OwnTaints = in.Taints, in.Taints != nil || h.ControlPlane && slices.Contains(in.Roles, worker)
}

func (h *Host) add(step string, configs ...Config) {
	h.Steps = append(h.Steps, step)
	h.Configs = append(h.Configs, configs...)
}
