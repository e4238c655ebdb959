package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"cuelang.org/go/cue"

	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// crossed holds what no two seats may have in common, by what it is.
type crossed struct {
	user     cue.Value
	seats    int
	taken    map[string]holder
	problems Problems
	// networks are the hosts' subnets, each with the VRRP ids that are taken in it.
	networks []*network
}

// network is one network of hosts; all in it hear each other's VRRP.
type network struct {
	subnet  netip.Prefix
	first   holder
	routers map[int64]holder
}

// holder is a field of a seat.
type holder struct {
	seat *Seat
	path []string
}

func (h holder) String() string { return "seat " + h.seat.NN + "'s " + fieldName(h.path) }

// crossCheck holds the seats that are valid against each other.
func crossCheck(user cue.Value, seats []*Spec) Problems {
	c := &crossed{user: user, seats: len(seats), taken: map[string]holder{}}
	var first *Spec
	for _, s := range seats {
		if s == nil {
			continue
		}
		if first == nil {
			first = s
		}
		c.names(s)
		c.addresses(s)
		c.ports(s)
		c.alike(first, s)
	}
	if first != nil {
		c.room(first)
	}
	return c.problems
}

// take notes that a seat has something; what another seat has already is a problem.
func (c *crossed) take(s *Spec, kind, value, allowed string, path ...string) {
	h := holder{s.Seat, path}
	other, taken := c.taken[kind+" "+value]
	if !taken {
		c.taken[kind+" "+value] = h
		return
	}
	if other.seat.Number != s.Seat.Number {
		c.wrong(h, strconv.Quote(value), allowed, "; it is "+other.String()+" too")
	}
}

// wrong reports a field of a seat; because is what is particular to that seat.
func (c *crossed) wrong(h holder, given, allowed, because string) {
	p := Problem{Seat: h.seat.NN, Path: fieldName(h.path), Given: given, Allowed: allowed + because, rule: allowed}
	c.problems = append(c.problems, p.at(place(newSeat(h.seat.Number, c.seats).fill(c.user), h.path)))
}

// names are those of the cluster, by which its secrets are known, and of the hosts with
// their domain.
func (c *crossed) names(s *Spec) {
	c.take(s, "cluster", s.Cluster.Name, "a name for each seat, such as \"NAME-\\(kit.nn)\"", "name")
	for _, name := range slices.Sorted(maps.Keys(s.Cluster.Hosts)) {
		full := name
		if s.Cluster.Domain != "" {
			full += "." + s.Cluster.Domain
		}
		c.take(s, "host", full, "a name of its own in each seat: give each seat a domain, or the hosts' names \\(kit.nn)", "hosts", name)
	}
}

// addresses are those of hosts, and of load balancers in their network.
func (c *crossed) addresses(s *Spec) {
	const allowed = "an address of its own in each seat"
	for _, name := range slices.Sorted(maps.Keys(s.Cluster.Hosts)) {
		h := s.Cluster.Hosts[name]
		c.take(s, "address", h.Address, allowed, "hosts", name, "address")
		if h.Address6 != "" {
			c.take(s, "address", h.Address6, allowed, "hosts", name, "address6")
		}
	}
	n := c.network(s)
	vips := s.Cluster.LoadBalancer.VIPs
	for _, name := range slices.Sorted(maps.Keys(vips)) {
		c.take(s, "address", vips[name].Address, allowed, "loadBalancer", "vips", name, "address")
		if id := vips[name].RouterID; id != 0 && n != nil {
			c.router(n, holder{s.Seat, []string{"loadBalancer", "vips", name, "routerID"}}, id)
		}
	}
}

// network is the one that a seat's hosts are in. Subnets that overlap without being the
// same make hosts that cannot find each other.
func (c *crossed) network(s *Spec) *network {
	subnet, err := netip.ParsePrefix(s.Cluster.Network.Hosts)
	if err != nil {
		return nil // the rules have said so
	}
	own := holder{s.Seat, []string{"network", "hosts"}}
	for _, n := range c.networks {
		if n.subnet == subnet {
			return n
		}
		if n.subnet.Overlaps(subnet) {
			c.wrong(own, strconv.Quote(subnet.String()), "a subnet that is the same in all seats, or apart from theirs", fmt.Sprintf("; %s is %s", n.first, n.subnet))
		}
	}
	n := &network{subnet: subnet, first: own, routers: map[int64]holder{}}
	c.networks = append(c.networks, n)
	return n
}

func (c *crossed) router(n *network, h holder, id int64) {
	other, taken := n.routers[id]
	if !taken {
		n.routers[id] = h
		return
	}
	if other.seat.Number != h.seat.Number {
		c.wrong(h, strconv.FormatInt(id, 10), fmt.Sprintf("1 to 255, each once in the network %s", n.subnet), "; it is "+other.String()+" too")
	}
}

// ports are those at an address that seats share: that of a load balancer outside.
func (c *crossed) ports(s *Spec) {
	lb := s.Cluster.LoadBalancer
	if lb.Mode != "external" {
		return
	}
	port := lb.APIPort
	if port == 0 {
		port = 6443
	}
	c.take(s, "endpoint", net.JoinHostPort(lb.Address, strconv.FormatInt(port, 10)),
		"a port of its own for each seat at a load balancer that they share", "loadBalancer", "apiPort")
}

// alike are the fields that a bundle has once for all seats.
func (c *crossed) alike(first, s *Spec) {
	for _, f := range []struct {
		path []string
		of   func(v1.Cluster) any
	}{
		{[]string{"version"}, func(c v1.Cluster) any { return c.Version }},
		{[]string{"kit", "name"}, func(c v1.Cluster) any { return c.Kit.Name }},
		{[]string{"kit", "seats"}, func(c v1.Cluster) any { return c.Kit.Seats }},
		{[]string{"kubernetes", "version"}, func(c v1.Cluster) any { return c.Kubernetes.Version }},
		{[]string{"releases"}, func(c v1.Cluster) any { return c.Releases }},
		{[]string{"runtime"}, func(c v1.Cluster) any { return c.Runtime }},
		{[]string{"registry", "harbor", "version"}, func(c v1.Cluster) any { return c.Registry.Harbor.Version }},
		{[]string{"imageArchives"}, func(c v1.Cluster) any { return c.ImageArchives }},
		{[]string{"derivedImages"}, func(c v1.Cluster) any { return c.DerivedImages }},
		{[]string{"guide", "language"}, func(c v1.Cluster) any { return c.Guide.Language }},
		{[]string{"sources"}, func(c v1.Cluster) any { return c.Sources }},
	} {
		a, _ := json.Marshal(f.of(first.Cluster))
		if b, _ := json.Marshal(f.of(s.Cluster)); string(a) != string(b) {
			c.wrong(holder{s.Seat, f.path}, string(b), "the same in all seats", "; seat "+first.Seat.NN+" has "+string(a))
		}
	}
}

// room says how many seats there are addresses for.
func (c *crossed) room(s *Spec) {
	if len(c.networks) != 1 || c.networks[0].subnet.Bits() < 8 {
		return
	}
	subnet := c.networks[0].subnet
	each := len(s.Cluster.Hosts) + len(s.Cluster.LoadBalancer.VIPs)
	room := 1<<(32-subnet.Bits()) - 2
	if each*c.seats <= room {
		return
	}
	p := Problem{Path: "kit.seats", Given: strconv.Itoa(c.seats), Allowed: fmt.Sprintf(
		"at most %d: each seat takes %d addresses, and network.hosts, %s, has %d. Take a larger subnet, or one for each seat", room/each, each, subnet, room)}
	c.problems = append(c.problems, p.at(place(c.user, []string{"kit", "seats"})))
}
