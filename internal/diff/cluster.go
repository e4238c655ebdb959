package diff

import (
	"maps"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/secrets"
	"github.com/satchel-kit/satchel/internal/side"
)

// cluster is what the texts of a side say about its hosts.
type cluster struct {
	side  *side.Side
	hosts map[string]*host
	names []string
	// shared are the texts that are no host's own.
	shared map[string]side.Text
	// first is the host that runs kubeadm init, or nil.
	first *host
}

// host is one machine.
type host struct {
	name  string
	env   map[string]string
	roles []string
	steps []string
	// texts are by their path below hosts/NAME/.
	texts map[string]side.Text
}

func newCluster(s *side.Side) *cluster {
	c := &cluster{side: s, hosts: map[string]*host{}, shared: map[string]side.Text{}}
	for path, text := range s.Texts {
		name, file, ok := hostFile(path)
		if !ok {
			c.shared[path] = text
			continue
		}
		if c.hosts[name] == nil {
			c.hosts[name] = &host{name: name, texts: map[string]side.Text{}}
		}
		c.hosts[name].texts[file] = text
	}
	c.names = slices.Sorted(maps.Keys(c.hosts))
	for _, name := range c.names {
		h := c.hosts[name]
		h.env = side.ParseEnv(h.texts["host.env"].Data)
		h.roles, h.steps = strings.Fields(h.env["HOST_ROLES"]), strings.Fields(h.env["HOST_STEPS"])
		if h.env["KUBEADM"] == "init" && c.first == nil {
			c.first = h
		}
	}
	return c
}

// hostFile takes hosts/NAME/FILE apart.
func hostFile(path string) (name, file string, ok bool) {
	rest, ok := strings.CutPrefix(path, "hosts/")
	if !ok {
		return "", "", false
	}
	name, file, ok = strings.Cut(rest, "/")
	return name, file, ok && name != "" && file != ""
}

func (h *host) address() string           { return h.env["HOST_ADDRESS"] }
func (h *host) has(role string) bool      { return slices.Contains(h.roles, role) }
func (h *host) runs(step string) bool     { return slices.Contains(h.steps, step) }
func (h *host) node() bool                { return h.env["KUBEADM"] != "" }
func (h *host) list(name string) []string { return strings.Fields(h.env[name]) }

// secrets are the names of those that the host's files have marks of, and of the keys
// that control planes share.
func (h *host) secrets() []string {
	var names []string
	for _, text := range h.texts {
		if strings.Contains(text.Data, "@secret:") {
			names = append(names, secrets.Marks([]byte(text.Data))...)
		}
	}
	if h.runs("55-pki.sh") {
		names = slices.AppendSeq(names, maps.Values(secrets.SharedKeys))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// both are the names of the hosts that both sides have.
func (c *comparison) both() []string {
	return slices.DeleteFunc(slices.Clone(c.b.names), func(name string) bool { return c.a.hosts[name] == nil })
}

// textsKnown says that hosts can be compared at all.
func (c *comparison) textsKnown() bool { return c.a.side.Has.Texts && c.b.side.Has.Texts }
