package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/plan"
)

// Host is one machine.
type Host struct {
	Name, Address, Address6, System string
	Roles                           []string
	// Does is what the host does that others of its roles do not.
	Does []string
}

// group is the hosts that have the same roles, sorted by name.
type group struct {
	roles []string
	hosts []plan.Host
}

// order is how roles follow one another: from where connections come in.
var order = []string{"load-balancer", "control-plane", "worker", "registry"}

// names are the roles in one and in several hosts.
var names = map[string][2]string{
	"load-balancer": {"load balancer", "load balancers"},
	"control-plane": {"control plane", "control planes"},
	"worker":        {"worker", "workers"},
	"registry":      {"registry", "registries"},
}

func (c *Cluster) addHosts() {
	for i := range c.plan.Hosts {
		h := &c.plan.Hosts[i]
		roles := slices.Clone(h.Roles)
		slices.SortFunc(roles, func(a, b string) int { return cmp.Compare(slices.Index(order, a), slices.Index(order, b)) })
		c.Hosts = append(c.Hosts, Host{
			Name: h.Name, Address: h.Address, Address6: h.Address6, Roles: roles,
			System: strings.TrimSpace(h.OS+" "+h.Release) + ", " + h.Arch,
			Does:   c.does(h),
		})
		at := slices.IndexFunc(c.groups, func(g group) bool { return slices.Equal(g.roles, roles) })
		if at < 0 {
			at = len(c.groups)
			c.groups = append(c.groups, group{roles: roles})
		}
		c.groups[at].hosts = append(c.groups[at].hosts, *h)
	}
	slices.SortFunc(c.groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.tier(), b.tier()), slices.Compare(a.roles, b.roles))
	})
}

// tier is a group's place among the others: a control plane that is also a worker is a
// control plane.
func (g group) tier() int { return slices.Index(order, g.main()) }

func (g group) main() string {
	for _, role := range []string{"control-plane", "worker", "load-balancer"} {
		if slices.Contains(g.roles, role) {
			return role
		}
	}
	return "registry"
}

func (g group) has(role string) bool { return slices.Contains(g.roles, role) }

// title is such as "Control planes and workers".
func (g group) title() string {
	var list []string
	many := 1
	if len(g.hosts) == 1 {
		many = 0
	}
	for _, role := range g.roles {
		list = append(list, names[role][many])
	}
	text := enumerate(list)
	return strings.ToUpper(text[:1]) + text[1:]
}

// does tells hosts of one role apart.
func (c *Cluster) does(h *plan.Host) []string {
	var list []string
	if h.Kubeadm == "init" && len(c.plan.Cluster.ControlPlanes) > 1 {
		list = append(list, "begins the cluster")
	}
	for _, v := range h.VRRP {
		if v.State == "MASTER" {
			list = append(list, "holds "+v.Name+" ("+v.Address+") first")
		}
	}
	if c.plan.Cluster.System.Chrony && c.plan.Cluster.System.Clock.Name == h.Name {
		list = append(list, "is the clock")
	}
	for _, taint := range h.Taints {
		list = append(list, "taint "+taint.Key+":"+taint.Effect)
	}
	for _, arg := range h.KubeletArgs {
		if arg.Name == "node-labels" {
			list = append(list, "labels "+strings.ReplaceAll(arg.Value, ",", ", "))
		}
	}
	return list
}

// few is how many hosts are named one by one.
const few = 4

// describe names hosts, which are in the order of the plan: "all 9 hosts", "both load
// balancers", "w1, w2 and 7 more".
func (c *Cluster) describe(hosts []string) string {
	member := map[string]bool{}
	for _, name := range hosts {
		member[name] = true
	}
	if len(hosts) == 1 {
		return hosts[0]
	}
	if len(hosts) == len(c.plan.Hosts) {
		return every(len(hosts)) + " hosts"
	}
	for _, role := range order {
		if c.are(member, func(h *plan.Host) bool { return slices.Contains(h.Roles, role) }) {
			return every(len(hosts)) + " " + names[role][1]
		}
	}
	if c.are(member, func(h *plan.Host) bool { return h.Node }) {
		return every(len(hosts)) + " nodes"
	}
	if len(hosts) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(hosts[:few-1], ", "), len(hosts)-few+1)
	}
	return enumerate(hosts)
}

// are tells whether those that the predicate holds for are the members.
func (c *Cluster) are(member map[string]bool, holds func(*plan.Host) bool) bool {
	n := 0
	for i := range c.plan.Hosts {
		h := &c.plan.Hosts[i]
		if holds(h) != member[h.Name] {
			return false
		}
		n++
	}
	return n > 0
}

func every(n int) string {
	if n == 2 {
		return "both"
	}
	return fmt.Sprintf("all %d", n)
}

// enumerate is "a, b and c".
func enumerate(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

// count is "1 host" or "3 hosts".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
