package plan

import (
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/satchel-kit/satchel/internal/spec"
	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// The roles of the spec.
const (
	controlPlane = v1.Role("control-plane")
	worker       = v1.Role("worker")
	loadBalancer = v1.Role("load-balancer")
	registryRole = v1.Role("registry")
)

// upstreamKubernetes is where Kubernetes publishes its images; the older
// k8s.gcr.io serves the same images under the same paths.
const upstreamKubernetes = "registry.k8s.io"

// apiServerPort is where API servers listen.
const apiServerPort = "6443"

// Cluster is what all hosts have in common, ready for the templates.
type Cluster struct {
	Name, Version, Domain string
	Kubernetes            Kubernetes
	Runtime               Runtime
	Flannel               Flannel
	DNS                   DNS
	// Pods and Services are subnets, in dual-stack clusters of both families with a comma.
	Pods, Services string
	// PodsV4, PodsV6 and so on are the same one by one; those of IPv6 are empty
	// unless the cluster is dual-stack.
	PodsV4, PodsV6, ServicesV4, ServicesV6 string
	// ServiceAddress is the first address of Services, that of the Kubernetes API;
	// ServiceAddress6 the first of IPv6.
	ServiceAddress, ServiceAddress6 string
	// Endpoint is HOST:PORT of the Kubernetes API.
	Endpoint string
	// CertSANs are the names and addresses of the API server, addresses first.
	CertSANs []string
	// ImageRepository is what kubeadm puts before the names of its images.
	ImageRepository string
	// SandboxImage is the pause image as the runtime pulls it.
	SandboxImage string
	Registry     Registry
	// Names are the lines of /etc/hosts, sorted by address.
	Names []Names
	// ControlPlanes and Workers are sorted by name. Workers are the control
	// planes where there is no worker.
	ControlPlanes, Workers []Endpoint
	Balancer               Balancer
	System                 System
	Dashboard              *Dashboard
	Harbor                 *Harbor
	// files are what every node gets.
	files []upstreamFile
	// pins are the packages whose versions the spec says.
	pins []PackagePin
}

// Flannel is the pod network.
type Flannel struct {
	Version, Backend string
	// Image and CNIPlugin are references as the nodes pull them.
	Image, CNIPlugin string
	DirectRouting    bool
	Port, VNI, MTU   int64
	// Interface is flanneld's flag that says which interface the nodes talk over.
	Interface string
}

// DNS is what CoreDNS does beyond kubeadm's own configuration.
type DNS struct {
	// Custom says that there is anything.
	Custom bool
	Hosts  []NamedAddress
	// Forward are the upstreams; empty forwards nothing.
	Forward, Exclude []string
	Stubs            []StubDomain
	// DisableCache is the block that kubeadm's own configuration has from 1.31 on.
	DisableCache bool
}

// NamedAddress is a name with its address.
type NamedAddress struct{ Name, Address string }

// StubDomain is a domain with name servers of its own.
type StubDomain struct {
	Domain  string
	Servers []string
}

// Names is one line of /etc/hosts.
type Names struct {
	Address string
	Names   []string
}

// Endpoint is a host by name and address.
type Endpoint struct{ Name, Address string }

func newCluster(s *spec.Spec) Cluster {
	in := s.Cluster
	c := Cluster{
		Name: in.Name, Version: in.Version, Domain: in.Domain,
		PodsV4: in.Network.Pods, ServicesV4: in.Network.Services,
		Names:         names(in),
		ControlPlanes: endpoints(in.Hosts, controlPlane),
		Workers:       endpoints(in.Hosts, worker),
		System:        newSystem(in),
	}
	if len(c.Workers) == 0 {
		c.Workers = c.ControlPlanes
	}
	c.addSubnets(in.Network)
	c.Balancer = newBalancer(in)
	c.Endpoint = net.JoinHostPort(c.ControlPlanes[0].Address, apiServerPort)
	if c.Balancer.Address != "" {
		c.Endpoint = net.JoinHostPort(c.Balancer.Address, strconv.FormatInt(c.Balancer.APIPort, 10))
	}
	c.CertSANs = certSANs(in, c)
	c.Registry = newRegistry(in)
	c.Runtime = newRuntime(s, c.Registry)
	c.Kubernetes = newKubernetes(s, c.Runtime)
	c.ImageRepository = c.Pull(upstreamKubernetes)
	c.SandboxImage = c.Pull(upstreamKubernetes + "/pause:" + c.Kubernetes.Pause)
	c.Runtime.SandboxImage = c.SandboxImage
	if c.Balancer.KubeVIP != "" {
		c.Balancer.KubeVIP = c.Pull(c.Balancer.KubeVIP)
	}
	c.Flannel = newFlannel(s, &c)
	c.DNS = newDNS(in.Network.DNS, c.Kubernetes.minor)
	c.Dashboard = newDashboard(in, &c)
	c.Harbor = newHarbor(in, c.Registry)
	c.files = upstreamFiles(s, c.Runtime)
	c.pins = pins(in, c.Runtime)
	return c
}

func (c *Cluster) addSubnets(in v1.Network) {
	c.Pods, c.Services = c.PodsV4, c.ServicesV4
	c.ServiceAddress = netip.MustParsePrefix(c.ServicesV4).Addr().Next().String()
	if in.IPv6 == nil {
		return
	}
	c.PodsV6, c.ServicesV6 = in.IPv6.Pods, in.IPv6.Services
	c.Pods += "," + c.PodsV6
	c.Services += "," + c.ServicesV6
	c.ServiceAddress6 = netip.MustParsePrefix(c.ServicesV6).Addr().Next().String()
}

func newFlannel(s *spec.Spec, c *Cluster) Flannel {
	in := s.Cluster.Network.Flannel
	f := Flannel{
		Version: in.Version, Backend: in.Backend, DirectRouting: in.DirectRouting,
		Image: c.Pull(s.Flannel.Image), CNIPlugin: c.Pull(s.Flannel.CniPlugin),
		Port: in.Port, VNI: in.VNI, MTU: in.MTU,
		// Without any flag flannel looks for a default route, which a host may not have.
		Interface: "--iface=$(HOST_IP)",
	}
	switch {
	case in.InterfaceRegex != "":
		f.Interface = "--iface-regex=" + in.InterfaceRegex
	case in.Interface != "":
		f.Interface = "--iface=" + in.Interface
	}
	return f
}

func newDNS(in v1.DNS, minor int) DNS {
	d := DNS{
		Custom:       len(in.Hosts)+len(in.StubDomains)+len(in.Exclude) > 0 || in.Forwarders != nil,
		Forward:      []string{"/etc/resolv.conf"},
		Exclude:      in.Exclude,
		DisableCache: minor >= 31,
	}
	if in.Forwarders != nil {
		d.Forward = in.Forwarders
	}
	for _, name := range sortedKeys(in.Hosts) {
		d.Hosts = append(d.Hosts, NamedAddress{Name: name, Address: in.Hosts[name]})
	}
	for _, domain := range sortedKeys(in.StubDomains) {
		d.Stubs = append(d.Stubs, StubDomain{Domain: domain, Servers: in.StubDomains[domain]})
	}
	return d
}

func names(in v1.Cluster) []Names {
	var list []Names
	for _, name := range sortedKeys(in.Hosts) {
		h := in.Hosts[name]
		line := Names{Address: h.Address}
		if in.Domain != "" {
			line.Names = append(line.Names, fqdn(name, in.Domain))
		}
		line.Names = append(line.Names, name)
		line.Names = append(line.Names, h.Aliases...)
		list = append(list, line)
	}
	slices.SortFunc(list, func(a, b Names) int { return compareAddresses(a.Address, b.Address) })
	return list
}

// certSANs are all addresses and names under which the API server is reached:
// the virtual address, every control plane and what the spec adds.
func certSANs(in v1.Cluster, c Cluster) []string {
	sans := slices.Clone(in.Kubernetes.CertSANs)
	if c.Balancer.Address != "" {
		sans = append(sans, c.Balancer.Address)
	}
	for _, h := range c.ControlPlanes {
		sans = append(sans, h.Address, h.Name, fqdn(h.Name, in.Domain))
		if address := in.Hosts[h.Name].Address6; address != "" {
			sans = append(sans, address)
		}
	}
	slices.SortFunc(sans, compareAddresses)
	return slices.Compact(sans)
}

// fqdn is NAME.DOMAIN, or NAME where the cluster has no domain.
func fqdn(name, domain string) string {
	if domain == "" {
		return name
	}
	return name + "." + domain
}
