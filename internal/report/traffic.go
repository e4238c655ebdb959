package report

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/satchel-kit/satchel/internal/plan"
)

// Traffic is who talks to whom.
type Traffic struct {
	From, To string
	// Protocol is tcp, udp, VRRP, or any.
	Protocol string
	// Port is a port, FIRST–LAST, or empty where the protocol has none.
	Port string
	For  string
	// Outside says that one end is not a host of the cluster.
	Outside bool
}

// Entry is an address that people use.
type Entry struct{ Name, Address, Leads string }

// addTraffic puts together what each host lets in, and adds what hosts need of others.
func (c *Cluster) addTraffic() {
	to := map[plan.Opening][]string{}
	var found []plan.Opening
	for i := range c.plan.Hosts {
		for _, o := range c.plan.Hosts[i].Firewall {
			if to[o] == nil {
				found = append(found, o)
			}
			to[o] = append(to[o], c.plan.Hosts[i].Name)
		}
	}
	for _, o := range found {
		t := Traffic{From: o.Who, To: c.describe(to[o]), Protocol: o.Protocol, Port: strings.ReplaceAll(o.What, "-", "–"), For: o.Why}
		if o.Protocol == "from" {
			t.Protocol, t.Port = "any", ""
			t.From += " (" + o.What + ")"
			if _, err := netip.ParseAddr(o.What); err == nil {
				t.Protocol = "VRRP"
			}
		}
		c.Traffic = append(c.Traffic, t)
	}
	c.addOutside()
	slices.SortStableFunc(c.Traffic, func(a, b Traffic) int {
		return cmp.Or(cmp.Compare(a.number(), b.number()), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.From, b.From))
	})
}

// number orders ports; what has none comes last.
func (t Traffic) number() int {
	first, _, _ := strings.Cut(t.Port, "–")
	n, err := strconv.Atoi(first)
	if err != nil {
		return 1 << 16
	}
	return n
}

// addOutside is what the site itself has to offer.
func (c *Cluster) addOutside() {
	in := &c.plan.Cluster
	outside := func(from, to, protocol, port, why string) {
		c.Traffic = append(c.Traffic, Traffic{From: from, To: to, Protocol: protocol, Port: port, For: why, Outside: true})
	}
	if in.Registry.Mode == "external" {
		host, port, _ := net.SplitHostPort(in.Registry.Address)
		outside("nodes", host, "tcp", port, "the site's registry")
	}
	if in.Balancer.Mode == "external" {
		outside("everyone", in.Balancer.Address, "tcp", strconv.FormatInt(in.Balancer.APIPort, 10), "the site's load balancer, Kubernetes API")
	}
	for _, server := range in.System.TimeServers {
		outside("all hosts", server, "udp", "123", "the site's clock")
	}
	for _, server := range in.DNS.Forward {
		if strings.HasPrefix(server, "/") {
			server = "name servers in " + server
		}
		outside("CoreDNS", server, "tcp, udp", "53", "names outside the cluster")
	}
	for _, stub := range in.DNS.Stubs {
		for _, server := range stub.Servers {
			outside("CoreDNS", server, "tcp, udp", "53", "names of "+stub.Domain)
		}
	}
}

// addEntries are the ways into the cluster.
func (c *Cluster) addEntries() {
	in := &c.plan.Cluster
	entry := func(name, address, leads string) {
		c.Entries = append(c.Entries, Entry{name, address, leads})
	}
	servers := "the control planes"
	if len(in.ControlPlanes) == 1 {
		servers = in.ControlPlanes[0].Name
	}
	entry("Kubernetes API", "https://"+in.Endpoint, servers)
	for _, f := range in.Balancer.Forwards {
		entry(f.Name, net.JoinHostPort(f.Address, strconv.FormatInt(f.Port, 10)), "node port "+strconv.FormatInt(f.NodePort, 10)+" of the workers")
	}
	if len(c.virtual()) > 0 {
		at := net.JoinHostPort(in.Balancer.Address, strconv.FormatInt(in.Balancer.StatsPort, 10))
		entry("haproxy's status", "http://"+at+"/haproxy-status", "the load balancer that holds the address; account "+in.Balancer.StatsUser)
	}
	if in.Registry.Host != "" {
		entry("registry", in.Registry.URL(), "the bundle's images")
	}
	if d := in.Dashboard; d != nil && d.NodePort > 0 {
		entry("dashboard", "https://ANY-NODE:"+strconv.FormatInt(d.NodePort, 10), "Kubernetes dashboard "+d.Version)
	}
	for _, m := range c.plan.Manifests {
		if m.Workload != nil {
			c.addServices(m.Workload.Services)
		}
	}
}

func (c *Cluster) addServices(list []plan.Service) {
	for _, s := range list {
		for _, p := range s.Ports {
			if p.NodePort > 0 {
				c.Entries = append(c.Entries, Entry{s.Name, "ANY-NODE:" + strconv.FormatInt(p.NodePort, 10),
					"service " + s.Namespace + "/" + s.Name + ", port " + strconv.FormatInt(p.Port, 10)})
			}
		}
	}
}
