package plan

import (
	"fmt"
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

// Cluster is what all hosts have in common, ready for the templates.
type Cluster struct {
	Name, Version string
	Kubernetes    Kubernetes
	Runtime       Runtime
	Flannel       Flannel
	// Pods and Services are subnets.
	Pods, Services string
	// ServiceAddress is the first address of Services, that of the Kubernetes API.
	ServiceAddress string
	// Endpoint is HOST:PORT of the Kubernetes API.
	Endpoint string
	// CertSANs are the names and addresses of the API server, addresses first.
	CertSANs []string
	// ImageRepository is what kubeadm puts before the names of its images.
	ImageRepository string
	// SandboxImage is the pause image as the runtime pulls it.
	SandboxImage string
	// Registry is HOST:PORT of the bundle's registry; empty when images are preloaded.
	Registry string
	// RegistryAddress is the same by address, for a host that has no names yet.
	RegistryAddress string
	// Names are the lines of /etc/hosts, sorted by address.
	Names []Names
	// ControlPlanes and Workers are sorted by name. Workers are the control
	// planes where there is no worker.
	ControlPlanes, Workers []Endpoint
	Balancer               Balancer
	// files are what every node gets.
	files []upstreamFile
}

// Kubernetes is the release to install; versions are without a leading v, tags as
// they are.
type Kubernetes struct {
	Version, API, Etcd, CoreDNS, Pause, DNSDomain, TokenTTL string
	IgnorePreflightErrors                                   []string
	// FailCgroupV1 and ConntrackMaxPerCore are empty where the default holds.
	FailCgroupV1, ConntrackMaxPerCore string
	// EvictionHard is printed in the order of the signals' names.
	EvictionHard map[string]string
}

// Flannel is the pod network.
type Flannel struct {
	Version, Backend string
	// Image and CNIPlugin are references as the nodes pull them.
	Image, CNIPlugin string
	Port, VNI        int64
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
		Name: in.Name, Version: in.Version,
		Kubernetes: Kubernetes{
			Version: in.Kubernetes.Version, API: s.Release.Kubeadm,
			Etcd: s.Release.Etcd, CoreDNS: s.Release.Coredns, Pause: s.Release.Pause,
			DNSDomain: in.Kubernetes.DNSDomain, TokenTTL: in.Kubernetes.TokenTTL,
			IgnorePreflightErrors: in.Kubernetes.IgnorePreflightErrors,
			EvictionHard:          in.Kubernetes.Kubelet.EvictionHard,
			FailCgroupV1:          printed(in.Kubernetes.Kubelet.FailCgroupV1),
			ConntrackMaxPerCore:   printed(in.Kubernetes.KubeProxy.ConntrackMaxPerCore),
		},
		Pods: in.Network.Pods, Services: in.Network.Services,
		Names:         names(in),
		ControlPlanes: endpoints(in.Hosts, controlPlane),
		Workers:       endpoints(in.Hosts, worker),
	}
	if len(c.Workers) == 0 {
		c.Workers = c.ControlPlanes
	}
	c.Balancer = newBalancer(in)
	c.Endpoint = net.JoinHostPort(c.ControlPlanes[0].Address, "6443")
	if c.Balancer.Address != "" {
		c.Endpoint = net.JoinHostPort(c.Balancer.Address, strconv.FormatInt(c.Balancer.APIPort, 10))
	}
	c.CertSANs = certSANs(in, c)
	c.Registry, c.RegistryAddress = registry(in)
	c.ImageRepository = c.pull(upstreamKubernetes)
	c.SandboxImage = c.pull(upstreamKubernetes + "/pause:" + c.Kubernetes.Pause)
	c.ServiceAddress = netip.MustParsePrefix(c.Services).Addr().Next().String()
	c.Flannel = Flannel{
		Version: in.Network.Flannel.Version, Backend: in.Network.Flannel.Backend,
		Image: c.pull(s.Flannel.Image), CNIPlugin: c.pull(s.Flannel.CniPlugin),
		Port: in.Network.Flannel.Port, VNI: in.Network.Flannel.VNI,
	}
	c.Runtime = newRuntime(in.Runtime, c.Registry)
	c.files = upstreamFiles(s, c.Runtime)
	return c
}

// pull is how the hosts name an image: below the bundle's registry, with the
// upstream host as the first part of the path, so that two upstreams with one
// path never collide; under its own name when images are preloaded.
func (c *Cluster) pull(image string) string {
	if c.Registry == "" {
		return image
	}
	return c.Registry + "/" + image
}

// registry is HOST:PORT of the host with the role registry, by name and by address.
func registry(in v1.Cluster) (name, address string) {
	hosts := endpoints(in.Hosts, registryRole)
	if in.Registry.Mode != "embedded" || len(hosts) == 0 {
		return "", ""
	}
	port := strconv.FormatInt(in.Registry.Port, 10)
	return net.JoinHostPort(fqdn(hosts[0].Name, in.Domain), port), net.JoinHostPort(hosts[0].Address, port)
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
	}
	slices.SortFunc(sans, compareAddresses)
	return slices.Compact(sans)
}

// printed is an optional value as text, empty where the spec has none.
func printed[T any](v *T) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(*v)
}

func fqdn(name, domain string) string {
	if domain == "" {
		return name
	}
	return name + "." + domain
}
