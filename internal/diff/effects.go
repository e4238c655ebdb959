package diff

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Effect is one thing that the change does or asks for.
type Effect struct {
	Kind Kind `json:"kind"`
	// What is a unit, a part or a field.
	What string `json:"what"`
	// Text is a sentence, or the rest of one after What.
	Text string `json:"text"`
	// Step is the step that does it; empty where none does.
	Step  string   `json:"step"`
	Hosts []string `json:"hosts"`
	// On says the hosts for people.
	On string `json:"on"`
	// Because are the files and fields that differ.
	Because []string `json:"because"`
}

// effects collects what was found about the same thing into one effect.
type effects struct {
	found map[effectKey]*found
}

type effectKey struct {
	kind             Kind
	what, text, step string
}

type found struct{ hosts, because map[string]bool }

// add notes an effect; hosts may be none.
func (e *effects) add(k effectKey, because string, hosts ...string) {
	if e.found == nil {
		e.found = map[effectKey]*found{}
	}
	f := e.found[k]
	if f == nil {
		f = &found{map[string]bool{}, map[string]bool{}}
		e.found[k] = f
	}
	for _, h := range hosts {
		f.hosts[h] = true
	}
	if because != "" {
		f.because[because] = true
	}
}

// effects are what the differences do, the gravest first.
func (c *comparison) effects(d *Diff) []Effect {
	e := &effects{}
	if c.textsKnown() {
		c.fixedEffects(e)
		c.hostEffects(e, d)
		c.envEffects(e)
		c.fileEffects(e, d)
		c.bundleEffects(e, d)
		c.manifestEffects(e)
	}
	c.upgradeEffects(e, d)
	c.packageEffects(e, d)
	list := []Effect{}
	for k, f := range e.found {
		effect := Effect{Kind: k.kind, What: k.what, Text: k.text, Step: k.step}
		effect.Hosts = append([]string{}, slices.Sorted(maps.Keys(f.hosts))...)
		effect.Because = append([]string{}, slices.Sorted(maps.Keys(f.because))...)
		effect.On = c.on(effect.Hosts)
		list = append(list, effect)
	}
	slices.SortFunc(list, func(a, b Effect) int {
		return cmp.Or(cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind)),
			cmp.Compare(a.Step, b.Step), cmp.Compare(a.What, b.What), cmp.Compare(a.Text, b.Text))
	})
	return list
}

// fixedEffects are about what a cluster is born with.
func (c *comparison) fixedEffects(e *effects) {
	for _, f := range fixed {
		was, is := f.value(c.a), f.value(c.b)
		if was == "" || is == "" || was == is {
			continue
		}
		k := effectKey{Rebuild, f.name, "cannot be changed in place, " + was + " → " + is + ": " + f.why, ""}
		e.add(k, f.field)
	}
	// A host that was no part of the cluster has nothing that would keep it from making one.
	if first := c.b.first; first != nil && c.a.first != nil && first.name != c.a.first.name {
		if before := c.a.hosts[first.name]; before == nil || !before.node() {
			e.add(effectKey{Refused, "a second cluster", "would be made: kubeadm init runs on the first control plane by name, which is " +
				first.name + " now, and the cluster is there; give the new control plane a name behind " + c.a.first.name, "80-kubeadm.sh"}, "KUBEADM", first.name)
		}
	}
}

// hostEffects are about hosts that come, go or do something else.
func (c *comparison) hostEffects(e *effects, d *Diff) {
	for _, change := range d.Hosts {
		a, b := c.a.hosts[change.Name], c.b.hosts[change.Name]
		switch change.Change {
		case Added:
			c.joining(e, b)
		case Removed:
			c.parting(e, a)
		default:
			c.otherRoles(e, a, b)
		}
	}
}

func (c *comparison) joining(e *effects, h *host) {
	text := "runs all its steps"
	if c.a.first != nil && h.env["KUBEADM"] == "join" {
		text = "runs all its steps and joins with the bootstrap token"
		if ttl := kubeadmFacts(c.b)["bootstrapTokens.ttl"]; ttl != "" && ttl != "0s" {
			text += ", which is good for " + ttl + " from kubeadm init on; after that make it good again on a control plane: ./cluster.sh token --secrets FILE"
		}
	}
	e.add(effectKey{Install, "a new host", text, ""}, "", h.name)
	e.add(effectKey{Manual, "secrets", "for a new host come from satchel secrets split", ""}, "", h.name)
}

func (c *comparison) parting(e *effects, h *host) {
	if !h.node() {
		e.add(effectKey{Manual, "a host that is gone", "goes on running what it runs; ./reset.sh there takes it back", ""}, "", h.name)
		return
	}
	text := "./cluster.sh remove on a control plane, then ./reset.sh on the host"
	if h.has("control-plane") {
		text = "./cluster.sh remove on another control plane, which takes its etcd member out, then ./reset.sh on the host; one control plane at a time, so that etcd keeps its majority"
	}
	e.add(effectKey{Drain, "a node that is gone", text, ""}, "", h.name)
}

func (c *comparison) otherRoles(e *effects, a, b *host) {
	if slices.Equal(a.roles, b.roles) {
		return
	}
	if a.node() && a.has("control-plane") != b.has("control-plane") {
		e.add(effectKey{Rejoin, "role control-plane", "is given to a node when it joins, and taken when it leaves: ./cluster.sh remove, ./reset.sh, ./install.sh", "80-kubeadm.sh"}, "HOST_ROLES", b.name)
	}
	if a.node() && !b.node() {
		c.parting(e, a)
	}
	gone := slices.DeleteFunc(slices.Clone(a.steps), b.runs)
	for _, step := range gone {
		e.add(effectKey{Left, "what " + step + " did", "stays: only ./reset.sh takes things away, and then all of them", step}, "HOST_STEPS", b.name)
	}
}

// envEffects are what the variables of hosts that stay tell.
func (c *comparison) envEffects(e *effects) {
	for _, name := range c.both() {
		a, b := c.a.hosts[name], c.b.hosts[name]
		for _, l := range leaving {
			was, is := a.env[l.variable], b.env[l.variable]
			if was == "" || is == "" || was == is || !a.node() || !b.node() {
				continue
			}
			text := "is another one: " + l.why + ". ./cluster.sh remove, ./reset.sh, ./install.sh"
			if a.has("control-plane") {
				text += "; one control plane at a time, as etcd needs a majority"
			}
			e.add(effectKey{Rejoin, "the " + l.name + " of a node", text, ""}, l.variable, name)
		}
		if was, is := a.address(), b.address(); was != is && is != "" {
			e.add(effectKey{Manual, "its address", "has to be set on the host before install.sh runs; the preflight step looks for it", "05-preflight.sh"}, "HOST_ADDRESS", name)
		}
		c.needs(e, a, b)
		for _, step := range b.steps {
			if !a.runs(step) {
				e.add(effectKey{Run, strings.TrimSuffix(step, ".sh"), "is a step that the host did not have", step}, "HOST_STEPS", name)
			}
		}
	}
}

// needs are programs that the operating system must have from now on.
func (c *comparison) needs(e *effects, a, b *host) {
	before := a.list("HOST_NEEDS")
	for _, need := range b.list("HOST_NEEDS") {
		if slices.Contains(before, need) {
			continue
		}
		program, pkg, _ := strings.Cut(need, ":")
		if step := b.packagesStep(); step != "" {
			e.add(effectKey{Run, program, "comes with the package " + pkg + ", which is new here", step}, "HOST_NEEDS", b.name)
			continue
		}
		e.add(effectKey{Manual, program, "(package " + pkg + ") has to be there now; the preflight step refuses a host without it", "05-preflight.sh"}, "HOST_NEEDS", b.name)
	}
}
