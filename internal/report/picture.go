package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/satchel-kit/satchel/internal/plan"
)

// panel is one frame of the picture: hosts with the same roles, or addresses.
type panel struct {
	// class is the colour, kind what connections ask for.
	class, kind string
	title       string
	chips       []string
	cards       []card
	// images says that the panel's hosts pull from the registry, serves that they have
	// it; forwards and takes are the two ends of published node ports.
	images, serves, forwards, takes bool
	// outside says that it is the site's and no host of the cluster.
	outside bool

	layout
}

// card is a host, some hosts of one kind, or an address.
type card struct {
	name, address, note string
	// several draws a stack.
	several bool
}

// most is how many hosts of a kind are drawn one by one.
const most = 12

// panels are the picture from top to bottom, between what connections come from and
// what pods live in.
func (c *Cluster) panels() []*panel {
	var list []*panel
	if entry := c.entryPanel(); entry != nil {
		list = append(list, entry)
	}
	for _, g := range c.groups {
		list = append(list, c.hostPanel(g))
	}
	list = append(list, c.podPanel())
	if r := c.plan.Cluster.Registry; r.Mode == "external" {
		list = append(list, &panel{class: "registry", kind: "registry", title: "The site's registry", serves: true, outside: true,
			cards: []card{{name: r.Host, address: r.Project, note: r.URL()}}})
	}
	return list
}

func (c *Cluster) hostPanel(g group) *panel {
	in := &c.plan.Cluster
	p := &panel{class: g.main(), kind: g.main(), title: g.title() + " · " + strconv.Itoa(len(g.hosts)), chips: ports(g.hosts), cards: c.cards(g.hosts)}
	node := g.has("control-plane") || g.has("worker")
	p.images, p.serves = node && in.Registry.Host != "", g.has("registry") && in.Registry.Host != ""
	p.forwards = g.hosts[0].Balancer && len(in.Balancer.Forwards) > 0
	for _, worker := range in.Workers {
		p.takes = p.takes || len(in.Balancer.Forwards) > 0 && worker.Name == g.hosts[0].Name
	}
	return p
}

// entryPanel is where connections to the Kubernetes API and to published ports arrive;
// nil where that is a control plane's own address.
func (c *Cluster) entryPanel() *panel {
	b := &c.plan.Cluster.Balancer
	p := &panel{class: "entry", kind: "entry"}
	api := strconv.FormatInt(b.APIPort, 10)
	switch b.Mode {
	case "none":
		return nil
	case "external":
		p.title, p.outside = "The site's load balancer", true
		p.cards = []card{{name: "Kubernetes API", address: b.Address, note: "port " + api}}
		return p
	case "kube-vip":
		p.title = "Virtual address"
		p.cards = []card{{name: "Kubernetes API", address: b.Address, note: "port " + api}}
		return p
	}
	p.title = "Virtual addresses"
	for _, v := range c.virtual() {
		one := card{name: v.Name, address: v.Address}
		var leads []string
		if v.Address == b.Address {
			leads = append(leads, api+" → API servers")
		}
		for _, f := range b.Forwards {
			if f.Address == v.Address {
				leads = append(leads, fmt.Sprintf("%d → node port %d", f.Port, f.NodePort))
			}
		}
		one.note = strings.Join(leads, ", ")
		p.cards = append(p.cards, one)
	}
	if len(p.cards) == 1 {
		p.title = "Virtual address"
	}
	return p
}

// virtual are the addresses that keepalived moves.
func (c *Cluster) virtual() []plan.VRRP {
	for i := range c.plan.Hosts {
		if list := c.plan.Hosts[i].VRRP; len(list) > 0 {
			return list
		}
	}
	return nil
}

func (c *Cluster) podPanel() *panel {
	in := &c.plan.Cluster
	backend := in.Flannel.Backend
	if backend == "vxlan" {
		backend += fmt.Sprintf(", udp %d", in.Flannel.Port)
	}
	return &panel{class: "pods", kind: "pods", title: "Inside, on every node", cards: []card{
		{name: "pods", address: in.PodsV4, note: in.PodsV6},
		{name: "services", address: in.ServicesV4, note: in.ServicesV6},
		{name: "flannel " + in.Flannel.Version, address: backend},
	}}
}

// ports are what hosts let in, once each, in the order of their numbers.
func ports(hosts []plan.Host) []string {
	type port struct {
		number int
		text   string
	}
	var list []port
	for i := range hosts {
		for _, o := range hosts[i].Firewall {
			if o.Protocol == "from" {
				continue
			}
			t := Traffic{Port: strings.ReplaceAll(o.What, "-", "–")}
			one := port{t.number(), t.Port + " " + o.Why}
			if !slices.Contains(list, one) {
				list = append(list, one)
			}
		}
	}
	slices.SortFunc(list, func(a, b port) int {
		if a.number != b.number {
			return a.number - b.number
		}
		return strings.Compare(a.text, b.text)
	})
	var texts []string
	for _, p := range list {
		texts = append(texts, p.text)
	}
	return texts
}

// cards draws hosts one by one, or where there are many by kind: those that have the
// same name but for its last number.
func (c *Cluster) cards(hosts []plan.Host) []card {
	var list []card
	if len(hosts) <= most {
		for i := range hosts {
			list = append(list, card{name: hosts[i].Name, address: hosts[i].Address, note: c.note(&hosts[i])})
		}
		return list
	}
	kinds := byKind(hosts)
	for i, k := range kinds {
		if i == most-1 && len(kinds) > most {
			rest := slices.Concat(kinds[i:]...)
			return append(list, card{name: fmt.Sprintf("%d more", len(rest)), address: between(rest), several: true})
		}
		if len(k) == 1 {
			list = append(list, card{name: k[0].Name, address: k[0].Address, note: c.note(&k[0])})
			continue
		}
		list = append(list, card{name: k[0].Name + " … " + k[len(k)-1].Name, address: between(k), note: count(len(k), "host"), several: true})
	}
	return list
}

// note is the shortest of what tells a host from its like.
func (c *Cluster) note(h *plan.Host) string {
	if h.Kubeadm == "init" && len(c.plan.Cluster.ControlPlanes) > 1 {
		return "begins the cluster"
	}
	var first []string
	for _, v := range h.VRRP {
		if v.State == "MASTER" {
			first = append(first, v.Name)
		}
	}
	if len(first) > 0 {
		return "holds " + enumerate(first) + " first"
	}
	return ""
}

// byKind puts hosts together by name, each kind in the order of its numbers.
func byKind(hosts []plan.Host) [][]plan.Host {
	var kinds [][]plan.Host
	at := map[string]int{}
	for _, h := range hosts {
		prefix, _ := numbered(h.Name)
		i, ok := at[prefix]
		if !ok {
			i = len(kinds)
			at[prefix] = i
			kinds = append(kinds, nil)
		}
		kinds[i] = append(kinds[i], h)
	}
	for _, k := range kinds {
		slices.SortStableFunc(k, func(a, b plan.Host) int {
			_, x := numbered(a.Name)
			_, y := numbered(b.Name)
			if len(x) != len(y) {
				return len(x) - len(y)
			}
			return strings.Compare(x, y)
		})
	}
	return kinds
}

// numbered takes the last number off a name, without zeros in front of it.
func numbered(name string) (prefix, digits string) {
	prefix = strings.TrimRight(name, "0123456789")
	return prefix, strings.TrimLeft(name[len(prefix):], "0")
}

// between are the lowest and the highest address.
func between(hosts []plan.Host) string {
	var list []netip.Addr
	for i := range hosts {
		if a, err := netip.ParseAddr(hosts[i].Address); err == nil {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return slices.MinFunc(list, netip.Addr.Compare).String() + " – " + slices.MaxFunc(list, netip.Addr.Compare).String()
}
