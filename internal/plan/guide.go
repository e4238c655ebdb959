package plan

import (
	"net/netip"
	"slices"
	"strings"

	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// Guide is what the guide is about, of a cluster that has one.
type Guide struct {
	// Language is en or zh.
	Language string
	// Chapters are those that this cluster has something for, in their order.
	Chapters []Chapter
	// Lessons break something on purpose.
	Lessons []Lesson
	// Nodes are the hosts that kubectl lists, by name; Balancers run haproxy and keepalived.
	Nodes, Balancers []Node
	// Width and RoleWidth are the columns of kubectl get nodes.
	Width, RoleWidth int
	VIPs             []GuideVIP
	// DNSAddress is that of the cluster's DNS.
	DNSAddress   string
	Applications []*Application
	Services     []Service
	// Entrance is the application that users reach first, or nil.
	Entrance *Application
	// First is the first control plane, Worker the first worker (or First).
	First, Worker Endpoint
	// Step says of each step whether any host runs it.
	Steps map[string]bool
}

// Chapter is one of the course's, by number; Check is what ./check.sh runs for it.
type Chapter struct{ ID, Check string }

// Lesson is one of lessons/, the chapter that it belongs to and the hosts that it is for.
type Lesson struct {
	Name, Chapter string
	Hosts         []string
}

// Node is a host as kubectl get nodes shows it.
type Node struct {
	Endpoint
	Roles string
}

// GuideVIP is a virtual address and the load balancer that holds it when all is well.
type GuideVIP struct {
	Name, Address, Holder string
	RouterID              int64
}

// chapters are all of the course. Its second part begins again with 1.1.1; here that is
// part 2, so that every number is there once.
var chapters = []struct {
	id, check string
	in        func(g *Guide, c *Cluster) bool
}{
	{"1.1.1", "names", always}, {"1.1.2", "kernel", always}, {"1.1.3", "runtime", always},
	{"1.1.4", "images", always}, {"1.1.5", "control-plane", always}, {"1.1.6", "nodes", always},
	{"1.1.7", "nodes", always}, {"1.1.8", "system-pods", always}, {"1.1.9", "workloads", always},
	{"1.2.1", "failover", available}, {"1.2.2", "failover", available}, {"1.2.3", "members", available},
	{"1.2.4", "nodes", available}, {"1.2.5", "members", available},
	{"1.3.1", "applications", applied}, {"1.3.2", "applications", applied}, {"1.3.3", "applications", applied},
	{"1.3.4", "rollout", applied},
	{"2.1.1", "services", always}, {"2.1.2", "services", always}, {"2.1.3", "services", always},
	{"2.1.4", "proxy-mode", always},
	{"2.2.1", "dns", always}, {"2.2.2", "coredns", always}, {"2.2.3", "headless", headless},
	{"2.3.1", "pod-network", always}, {"2.3.2", "flannel", always}, {"2.3.3", "pod-routes", several},
}

func always(*Guide, *Cluster) bool      { return true }
func applied(g *Guide, _ *Cluster) bool { return len(g.Applications) > 0 }
func several(g *Guide, _ *Cluster) bool { return len(g.Nodes) > 1 }

// available tells a cluster with an address in front of its control planes.
func available(_ *Guide, c *Cluster) bool { return c.Balancer.Address != "" }

func headless(g *Guide, _ *Cluster) bool { return slices.ContainsFunc(g.Services, Service.Headless) }

// Has tells whether a chapter is in the guide.
func (g *Guide) Has(id string) bool {
	return slices.ContainsFunc(g.Chapters, func(c Chapter) bool { return c.ID == id })
}

// Checks are the names of the chapters' checks, sorted.
func (g *Guide) Checks() []string {
	seen := map[string]bool{}
	for _, c := range g.Chapters {
		seen[c.Check] = true
	}
	return sortedKeys(seen)
}

// Lesson is the lesson of a name, or nil.
func (g *Guide) Lesson(name string) *Lesson {
	i := slices.IndexFunc(g.Lessons, func(l Lesson) bool { return l.Name == name })
	if i < 0 {
		return nil
	}
	return &g.Lessons[i]
}

// NodePort is the first service with a node port, or nil; Headless and ClusterIP are the
// first of their kinds.
func (g *Guide) NodePort() *Service {
	return g.service(func(s Service) bool { return s.nodePort() > 0 })
}
func (g *Guide) Headless() *Service { return g.service(Service.Headless) }
func (g *Guide) ClusterIP() *Service {
	return g.service(func(s Service) bool { return s.Type == "ClusterIP" })
}

// Selected is the first service that chooses pods, or nil.
func (g *Guide) Selected() *Service {
	return g.service(func(s Service) bool { return len(s.Selector) > 0 })
}

// Exposed are the services with a node port.
func (g *Guide) Exposed() []Service {
	return slices.DeleteFunc(slices.Clone(g.Services), func(s Service) bool { return s.nodePort() == 0 })
}

func (g *Guide) service(fits func(Service) bool) *Service {
	i := slices.IndexFunc(g.Services, fits)
	if i < 0 {
		return nil
	}
	return &g.Services[i]
}

// nodePort is the first of a service's node ports, or 0.
func (s Service) nodePort() int64 {
	for _, p := range s.Ports {
		if p.NodePort > 0 {
			return p.NodePort
		}
	}
	return 0
}

// Port and NodePort are the first of a service's, or 0.
func (s Service) Port() int64 {
	if len(s.Ports) == 0 {
		return 0
	}
	return s.Ports[0].Port
}

// NodePort is the first port of the service that nodes have, or 0.
func (s Service) NodePort() int64 { return s.nodePort() }

func newGuide(in v1.Cluster, p *Plan) *Guide {
	if in.Guide == nil {
		return nil
	}
	c := &p.Cluster
	g := &Guide{Language: in.Guide.Language, First: c.ControlPlanes[0], Worker: c.Workers[0], Steps: map[string]bool{}}
	g.DNSAddress = tenth(c.ServicesV4)
	for _, h := range p.Hosts {
		n := Node{Endpoint: Endpoint{Name: h.Name, Address: h.Address}, Roles: "<none>"}
		if h.ControlPlane {
			n.Roles = "control-plane"
			if c.Kubernetes.minor <= 23 {
				n.Roles = "control-plane,master"
			}
		}
		if h.Node {
			g.Nodes = append(g.Nodes, n)
			g.Width, g.RoleWidth = max(g.Width, len(h.Name)+3), max(g.RoleWidth, len(n.Roles)+3)
		}
		if h.Balancer {
			g.Balancers = append(g.Balancers, n)
		}
		for _, step := range h.Steps {
			g.Steps[strings.TrimSuffix(step, ".sh")] = true
		}
		for _, v := range h.VRRP {
			if v.State == "MASTER" {
				g.VIPs = append(g.VIPs, GuideVIP{Name: v.Name, Address: v.Address, Holder: h.Name, RouterID: v.RouterID})
			}
		}
	}
	if c.Balancer.KubeVIP != "" {
		g.VIPs = []GuideVIP{{Name: "api", Address: c.Balancer.Address}}
	}
	slices.SortFunc(g.VIPs, func(a, b GuideVIP) int { return strings.Compare(a.Name, b.Name) })
	for _, m := range p.Manifests {
		if m.Workload == nil {
			continue
		}
		if m.Workload.Application != nil {
			g.Applications = append(g.Applications, m.Workload.Application)
		}
		g.Services = append(g.Services, m.Workload.Services...)
	}
	g.Entrance = g.entrance(c)
	for _, chapter := range chapters {
		if chapter.in(g, c) {
			g.Chapters = append(g.Chapters, Chapter{chapter.id, chapter.check})
		}
	}
	g.lessons(c)
	return g
}

// entrance is the application behind a forward, or else behind a node port, or else any.
func (g *Guide) entrance(c *Cluster) *Application {
	for _, reached := range []func(port int64) bool{
		func(port int64) bool {
			return slices.ContainsFunc(c.Balancer.Forwards, func(f Forward) bool { return f.NodePort == port })
		},
		func(port int64) bool { return port > 0 },
		func(int64) bool { return true },
	} {
		for _, s := range g.Services {
			i := slices.IndexFunc(g.Applications, func(a *Application) bool { return a.Name == s.Application })
			if i >= 0 && reached(s.nodePort()) {
				return g.Applications[i]
			}
		}
	}
	if len(g.Applications) > 0 {
		return g.Applications[0]
	}
	return nil
}

// lessons are those for which the cluster has what they break.
func (g *Guide) lessons(c *Cluster) {
	add := func(when bool, name, chapter string, on []Endpoint) {
		if !when || len(on) == 0 {
			return
		}
		l := Lesson{Name: name, Chapter: chapter}
		for _, h := range on {
			l.Hosts = append(l.Hosts, h.Name)
		}
		g.Lessons = append(g.Lessons, l)
	}
	var balancers, holders []Endpoint
	for _, b := range g.Balancers {
		balancers = append(balancers, b.Endpoint)
		if slices.ContainsFunc(g.VIPs, func(v GuideVIP) bool { return v.Name == "api" && v.Holder == b.Name }) {
			holders = append(holders, b.Endpoint)
		}
	}
	workers := c.Workers
	add(true, "kubelet-stopped", "1.1.6", workers)
	add(len(workers) > 1, "node-cordoned", "1.1.7", c.ControlPlanes)
	add(true, "haproxy-backend", "1.2.2", balancers)
	add(len(balancers) > 1, "vip-elsewhere", "1.2.2", holders)
	add(len(g.Applications) > 0, "image-name", "1.3.3", c.ControlPlanes)
	add(g.Selected() != nil, "selector", "2.1.3", c.ControlPlanes)
	add(true, "port-closed", "2.1.3", workers)
	add(len(c.DNS.Forward) > 0, "dns-forwarder", "2.2.2", c.ControlPlanes)
}

// tenth is the address that kubeadm gives to the cluster's DNS
// (k8s.io/kubernetes, cmd/kubeadm/app/constants, GetDNSIP).
func tenth(subnet string) string {
	address := netip.MustParsePrefix(subnet).Addr()
	for range 10 {
		address = address.Next()
	}
	return address.String()
}
