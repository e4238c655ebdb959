package closure

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// own are the names and addresses that a cluster reaches by itself, and those that
// its spec gives.
type own struct {
	names    map[string]bool
	subnets  []netip.Prefix
	suffixes []string
	// given are hosts that the user asked for: mirrors and what applications talk to.
	given map[string]bool
}

func (c *check) readOwn() {
	k := &c.plan.Cluster
	o := own{names: map[string]bool{"localhost": true}, given: map[string]bool{}}
	for _, line := range k.Names {
		o.add(line.Address)
		o.add(line.Names...)
	}
	for _, h := range c.hosts {
		o.add(h.Name, h.Address, h.Address6)
		for _, v := range h.VRRP {
			o.add(v.Address)
		}
	}
	o.add(k.Endpoint, k.ServiceAddress, k.ServiceAddress6, k.Registry.Host, k.Registry.Address, k.Balancer.Address)
	o.add(k.CertSANs...)
	for _, f := range k.Balancer.Forwards {
		o.add(f.Address)
	}
	for _, subnet := range []string{k.PodsV4, k.PodsV6, k.ServicesV4, k.ServicesV6} {
		if prefix, err := netip.ParsePrefix(subnet); err == nil {
			o.subnets = append(o.subnets, prefix)
		}
	}
	o.suffixes = []string{".svc", ".svc." + k.Kubernetes.DNSDomain}
	for _, text := range c.given() {
		for _, a := range addresses([]byte(text)) {
			o.given[a.host] = true
		}
	}
	c.own = o
}

// given are texts that the spec has itself: whatever they name, the user asked for.
func (c *check) given() []string {
	k := &c.plan.Cluster
	list := []string{k.Runtime.DaemonJSON}
	for _, p := range k.Kubernetes.Patches {
		list = append(list, p.Text)
	}
	flags := slices.Concat(k.Kubernetes.APIServerArgs, k.Kubernetes.ControllerManagerArgs, k.Kubernetes.SchedulerArgs, k.Kubernetes.EtcdArgs)
	for _, h := range c.hosts {
		flags = append(flags, h.KubeletArgs...)
	}
	for _, a := range flags {
		list = append(list, a.Value)
	}
	for _, m := range c.plan.Manifests {
		list = append(list, string(m.Text))
		if m.Workload == nil || m.Workload.Application == nil {
			continue
		}
		a := m.Workload.Application
		list = append(list, a.Args...)
		list = append(list, a.Command...)
		for _, value := range a.Env {
			list = append(list, value)
		}
		for _, f := range a.Files {
			list = append(list, f.Text)
		}
	}
	return list
}

// add takes names and addresses, with or without a port.
func (o *own) add(list ...string) {
	for _, name := range list {
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		if name != "" {
			o.names[strings.ToLower(name)] = true
		}
	}
}

// has tells whether a host is the cluster's own or the user's wish. A name of one
// label can only be a host's or a service's.
func (o *own) has(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if o.names[host] || o.given[host] {
		return true
	}
	if address, err := netip.ParseAddr(host); err == nil {
		for _, subnet := range o.subnets {
			if subnet.Contains(address) {
				return true
			}
		}
		return address.IsLoopback() || address.IsUnspecified()
	}
	for _, suffix := range o.suffixes {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return !strings.Contains(host, ".")
}
