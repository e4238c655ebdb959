package plan

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// System is how all hosts are prepared.
type System struct {
	// SELinux is permissive or keep, Firewall none, firewalld or ufw.
	SELinux, Firewall string
	// Chrony says that the hosts' clocks are kept together.
	Chrony bool
	// TimeServers are outside the cluster. Without any, Clock is the host that the
	// others follow.
	TimeServers []string
	Clock       Endpoint
	// Hosts is the subnet that the clock answers.
	Hosts string
	// SSHD are lines of sshd_config.
	SSHD []string
	// Modules and Sysctls are further ones, sorted.
	Modules []string
	Sysctls []Arg
	// Completion says that bash completes kubectl's commands.
	Completion bool
}

func newSystem(in v1.Cluster) System {
	s := System{
		SELinux: in.System.SELinux, Firewall: in.System.Firewall,
		Chrony:      in.System.Time.Mode == "chrony",
		TimeServers: in.System.Time.Servers,
		Hosts:       in.Network.Hosts,
		Modules:     slices.Sorted(slices.Values(in.System.Modules)),
		Sysctls:     args(in.System.Sysctls, nil),
		Completion:  in.Addons.Completion,
	}
	if clocks := append(endpoints(in.Hosts, registryRole), endpoints(in.Hosts, controlPlane)...); len(s.TimeServers) == 0 {
		s.Clock = clocks[0]
	}
	if yes := in.System.Sshd.GSSAPIAuthentication; yes != nil {
		s.SSHD = append(s.SSHD, "GSSAPIAuthentication "+yesNo(*yes))
	}
	if yes := in.System.Sshd.UseDNS; yes != nil {
		s.SSHD = append(s.SSHD, "UseDNS "+yesNo(*yes))
	}
	return s
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// clockSources are the time servers of a host: those outside, or the cluster's clock.
func (s System) clockSources(host string) []string {
	switch {
	case len(s.TimeServers) > 0:
		return slices.Clone(s.TimeServers)
	case s.Clock.Name == host:
		return nil
	}
	return []string{s.Clock.Address}
}

// Opening is one thing that a host's firewall lets in: a port (range) with its
// protocol, or everything from a source.
type Opening struct {
	// Protocol is tcp, udp, or "from".
	Protocol string
	// What is a port, FIRST-LAST, or an address or subnet.
	What string
	// Why says what it is for, Who who connects.
	Why, Who string
}

// openings lists what each role must let in (facts of kubeadm, flannel and
// keepalived about their own ports).
func openings(in v1.Cluster, c *Cluster, h *Host) []Opening {
	var list []Opening
	open := func(protocol, what, why, who string) {
		list = append(list, Opening{Protocol: protocol, What: what, Why: why, Who: who})
	}
	port := func(n int64) string { return strconv.FormatInt(n, 10) }
	users := "users"
	if len(c.Balancer.Forwards) > 0 {
		users = "users and load balancers"
	}
	if h.ControlPlane {
		open("tcp", apiServerPort, "Kubernetes API", "everyone")
		open("tcp", "2379-2380", "etcd", "control planes")
	}
	if h.Node {
		open("tcp", "10250", "kubelet", "control planes")
		open("tcp", "10256", "kube-proxy's health", "checks of load balancers")
		first, last := in.Network.NodePorts.First, in.Network.NodePorts.Last
		open("tcp", port(first)+"-"+port(last), "node ports", users)
		open("udp", port(first)+"-"+port(last), "node ports", users)
		if c.Flannel.Backend == "vxlan" {
			open("udp", port(c.Flannel.Port), "flannel, vxlan", "nodes")
		}
		for _, subnet := range []string{c.PodsV4, c.ServicesV4, c.PodsV6, c.ServicesV6} {
			if subnet != "" {
				open("from", subnet, "pods and services", "pods")
			}
		}
	}
	if h.Registry && c.Registry.Address != "" {
		open("tcp", c.Registry.Address[strings.LastIndexByte(c.Registry.Address, ':')+1:], "registry", "nodes")
	}
	if h.Balancer {
		open("tcp", port(c.Balancer.APIPort), "haproxy, Kubernetes API", "everyone")
		open("tcp", port(c.Balancer.StatsPort), "haproxy, status page", "operators")
		for _, f := range c.Balancer.Forwards {
			open("tcp", port(f.Port), "haproxy, "+f.Name, "users")
		}
		// VRRP is a protocol of its own, which not every firewall can name.
		for _, peer := range balancers(in) {
			if peer.Name != h.Name {
				open("from", peer.Address, "keepalived of "+peer.Name, peer.Name)
			}
		}
	}
	if c.System.Chrony && c.System.Clock.Name == h.Name {
		open("udp", "123", "the cluster's clock", "all other hosts")
	}
	slices.SortFunc(list, func(a, b Opening) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.What, b.What))
	})
	return slices.CompactFunc(list, func(a, b Opening) bool { return a.Protocol == b.Protocol && a.What == b.What })
}
