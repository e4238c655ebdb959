package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/render"
	"github.com/satchel-kit/satchel/internal/secrets"
)

// Fact is one line of what a cluster is.
type Fact struct{ Name, Value string }

// Secret is one secret by its name.
type Secret struct{ Name, For, On string }

// Check is one thing that holds, does not hold, or is not known.
type Check struct {
	State  State
	Name   string
	Detail string
	// Lines are what does not hold.
	Lines []string
}

// State is how a check went.
type State string

// The states.
const (
	Passed  State = "passed"
	Failed  State = "failed"
	Unknown State = "not known"
)

func (c *Cluster) addFacts() {
	in := &c.plan.Cluster
	fact := func(name, value string) {
		if value != "" {
			c.Facts = append(c.Facts, Fact{name, value})
		}
	}
	fact("Kubernetes", in.Kubernetes.Version)
	runtime := in.Runtime.Name + " " + in.Runtime.Version
	if in.Runtime.CRIDockerd != "" {
		runtime += ", cri-dockerd " + in.Runtime.CRIDockerd
	}
	fact("Runtime", runtime)
	flannel := "flannel " + in.Flannel.Version + ", " + in.Flannel.Backend
	if in.Flannel.DirectRouting {
		flannel += " with direct routes"
	}
	fact("Pod network", flannel)
	fact("kube-proxy", in.Kubernetes.ProxyMode)
	fact("Load balancer", balancers[in.Balancer.Mode])
	fact("Registry", registries[in.Registry.Mode])
	fact("Hosts' subnet", in.System.Hosts)
	fact("Pods", strings.ReplaceAll(in.Pods, ",", ", "))
	fact("Services", strings.ReplaceAll(in.Services, ",", ", "))
	fact("Domain", in.Domain)
	fact("Images", sized(len(c.plan.Images), "image", c.ImageBytes))
	fact("Files", sized(len(c.Files), "file", c.FileBytes))
	if len(c.Brought) > 0 {
		fact("Packages", sized(len(c.Brought), "package", c.PackageBytes))
	}
	var kinds []string
	for _, g := range c.groups {
		kinds = append(kinds, fmt.Sprintf("%d %s", len(g.hosts), strings.ToLower(g.title())))
	}
	c.Summary = "Kubernetes " + in.Kubernetes.Version + " on " + count(len(c.Hosts), "host") + ": " + enumerate(kinds)
}

// sized is "15 images, 1.2 GB".
func sized(n int, thing string, size int64) string {
	if size == 0 {
		return count(n, thing)
	}
	return count(n, thing) + ", " + progress.Bytes(size)
}

var balancers = map[string]string{
	"none": "none", "dedicated": "keepalived and haproxy on hosts of their own",
	"stacked": "keepalived and haproxy on the control planes", "kube-vip": "kube-vip on the control planes", "external": "the site's own",
}

var registries = map[string]string{
	"embedded": "the bundle's own, read-only", "harbor": "Harbor", "external": "the site's own", "preload": "none, images are loaded into each host",
}

// addSecrets lists the names of the secrets that each host needs, and nothing else of
// them: a report knows no value.
func (c *Cluster) addSecrets(tree render.Tree) {
	hosts := map[string][]string{}
	last := map[string]string{}
	add := func(name, host string) {
		if last[name] != host {
			hosts[name] = append(hosts[name], host)
		}
		last[name] = host
	}
	marks := map[string][]string{}
	for _, f := range tree {
		rest, ok := strings.CutPrefix(f.Path, "hosts/")
		if host, _, found := strings.Cut(rest, "/"); ok && found {
			marks[host] = append(marks[host], secrets.Marks(f.Data)...)
		}
	}
	for i := range c.plan.Hosts {
		h := &c.plan.Hosts[i]
		for _, name := range marks[h.Name] {
			add(name, h.Name)
		}
		if h.ControlPlane {
			for name := range maps.Values(secrets.SharedKeys) {
				add(name, h.Name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		c.Secrets = append(c.Secrets, Secret{name, purpose(name), c.describe(hosts[name])})
	}
}

// purposes say what secrets are for, by the beginning of their names; the first counts.
var purposes = []struct{ prefix, text string }{
	{"bootstrap-token", "lets nodes join"},
	{"ca-hash", "tells joining nodes the cluster's authority"},
	{"ca-", "the cluster's certificate authority"},
	{"front-proxy-ca", "the authority of the API's extensions"},
	{"etcd-ca", "etcd's certificate authority"},
	{"sa-", "signs the tokens of service accounts"},
	{"vrrp-password", "keepalived among its peers"},
	{"stats-password", "haproxy's status page"},
	{"encryption-key-name", "names that key in what it has encrypted"},
	{"encryption-key", "secrets at rest in etcd"},
	{"registry-", "the registry's certificate"},
	{"harbor-user-", "an account of Harbor"},
	{"harbor-", "Harbor's own accounts"},
}

func purpose(name string) string {
	for _, p := range purposes {
		if strings.HasPrefix(name, p.prefix) {
			return p.text
		}
	}
	return ""
}

func (c *Cluster) addChecks(in Input) {
	var scripts, texts int
	for _, f := range in.Tree {
		texts++
		if strings.HasSuffix(f.Path, ".sh") {
			scripts++
		}
	}
	c.Checks = append(c.Checks,
		Check{State: Passed, Name: "The spec is valid", Detail: "against the schema and all its rules"},
		Check{State: Passed, Name: "The bundle is closed", Detail: fmt.Sprintf("%s in %s carried for every architecture, every program, unit and file of %s present, no address outside",
			count(len(c.plan.Images), "image"), count(texts, "text"), count(scripts, "script"))},
		c.locked(in))
}

// locked says whether the lock is about what the plan needs.
func (c *Cluster) locked(in Input) Check {
	check := Check{State: Unknown, Name: "The lock fits", Detail: "there is no lock; satchel lock makes it, and then digests and sizes are here"}
	if in.Lock == nil {
		return check
	}
	if err := in.Lock.Covers(c.plan.Supply); err != nil {
		lines := strings.Split(err.Error(), "\n")
		check.State, check.Detail = Failed, lines[0]
		for _, line := range lines[1:] {
			check.Lines = append(check.Lines, strings.TrimSpace(line))
		}
		return check
	}
	check.State = Passed
	check.Detail = fmt.Sprintf("%s by digest and %s by SHA-256", count(len(c.plan.Images), "image"), count(len(c.Files), "file"))
	return check
}
