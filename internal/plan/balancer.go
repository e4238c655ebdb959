package plan

import (
	"slices"

	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// Balancer is what stands in front of the API servers; zero where nothing does.
type Balancer struct {
	// Mode is none, dedicated, stacked, kube-vip or external.
	Mode string
	// KubeVIP is kube-vip's image as the nodes pull it, or empty.
	KubeVIP string
	// Address is the virtual address of the Kubernetes API, or the external load
	// balancer's address or name.
	Address            string
	APIPort, StatsPort int64
	StatsUser          string
	// Weight is what a failed check costs a load balancer's priority: enough to
	// fall behind every healthy one.
	Weight   int
	Forwards []Forward
}

// Forward publishes a node port at a virtual address.
type Forward struct {
	Name, Address  string
	Port, NodePort int64
}

// VRRP is one virtual address on one load balancer.
type VRRP struct {
	Name, Address string
	RouterID      int64
	// State is MASTER on the host that prefers the address.
	State    string
	Priority int
	// Peers are the addresses of the other load balancers, sorted.
	Peers []string
}

// kubeVIPImage is where kube-vip publishes its image.
const kubeVIPImage = "ghcr.io/kube-vip/kube-vip:v"

func newBalancer(in v1.Cluster) Balancer {
	lb := in.LoadBalancer
	b := Balancer{Mode: lb.Mode, APIPort: lb.APIPort, StatsPort: lb.Stats.Port, StatsUser: lb.Stats.User}
	if b.APIPort == 0 {
		b.APIPort = 6443
		if b.Mode == "stacked" {
			b.APIPort = 8443
		}
	}
	switch b.Mode {
	case "none":
		return b
	case "external":
		b.Address = lb.Address
		return b
	case "kube-vip":
		b.Address = lb.VIPs["api"].Address
		b.KubeVIP = kubeVIPImage + lb.KubeVIP
		return b
	}
	b.Address = lb.VIPs["api"].Address
	b.Weight = 10 * len(balancers(in))
	for _, name := range sortedKeys(lb.Forwards) {
		f := lb.Forwards[name]
		b.Forwards = append(b.Forwards, Forward{
			Name: name, Address: lb.VIPs[f.VIP].Address, Port: f.Port, NodePort: f.NodePort,
		})
	}
	return b
}

// balancers are the hosts that run haproxy and keepalived, sorted by name.
func balancers(in v1.Cluster) []Endpoint {
	switch in.LoadBalancer.Mode {
	case "dedicated":
		return endpoints(in.Hosts, loadBalancer)
	case "stacked":
		return endpoints(in.Hosts, controlPlane)
	}
	return nil
}

// vrrp lists a load balancer's part in each virtual address. The preferred host has
// priority 100, the others follow by name in steps of ten.
func vrrp(in v1.Cluster, host string) []VRRP {
	var list []VRRP
	for _, name := range sortedKeys(in.LoadBalancer.VIPs) {
		vip := in.LoadBalancer.VIPs[name]
		order := balancers(in)
		slices.SortStableFunc(order, func(a, b Endpoint) int {
			switch vip.Preferred {
			case a.Name:
				return -1
			case b.Name:
				return 1
			}
			return 0
		})
		v := VRRP{Name: name, Address: vip.Address, RouterID: vip.RouterID, State: "BACKUP"}
		for i, b := range order {
			if b.Name != host {
				v.Peers = append(v.Peers, b.Address)
				continue
			}
			v.Priority = 100 - 10*i
			if i == 0 {
				v.State = "MASTER"
			}
		}
		slices.SortFunc(v.Peers, compareAddresses)
		list = append(list, v)
	}
	return list
}
