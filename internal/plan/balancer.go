package plan

import (
	"slices"

	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// Balancer is what haproxy and keepalived share on all load balancers; zero where
// the cluster has none.
type Balancer struct {
	// Address is the virtual address of the Kubernetes API.
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

func newBalancer(in v1.Cluster) Balancer {
	lb := in.LoadBalancer
	if lb.Mode != "dedicated" {
		return Balancer{}
	}
	b := Balancer{
		Address: lb.VIPs["api"].Address,
		APIPort: lb.APIPort, StatsPort: lb.Stats.Port, StatsUser: lb.Stats.User,
		Weight: 10 * len(endpoints(in.Hosts, loadBalancer)),
	}
	for _, name := range sortedKeys(lb.Forwards) {
		f := lb.Forwards[name]
		b.Forwards = append(b.Forwards, Forward{
			Name: name, Address: lb.VIPs[f.VIP].Address, Port: f.Port, NodePort: f.NodePort,
		})
	}
	return b
}

// vrrp lists a load balancer's part in each virtual address. The preferred host has
// priority 100, the others follow by name in steps of ten.
func vrrp(in v1.Cluster, host string) []VRRP {
	balancers := endpoints(in.Hosts, loadBalancer)
	var list []VRRP
	for _, name := range sortedKeys(in.LoadBalancer.VIPs) {
		vip := in.LoadBalancer.VIPs[name]
		order := slices.Clone(balancers)
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
