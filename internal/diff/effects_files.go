package diff

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/manifest"
)

// fileEffects hold every file that differs against the rules.
func (c *comparison) fileEffects(e *effects, d *Diff) {
	kept := c.both()
	for i := range c.changed {
		f := &c.changed[i]
		switch {
		case f.host != nil:
			c.hostFileEffects(e, f)
		case strings.HasPrefix(f.file, "steps/"):
			c.scriptEffects(e, f, kept)
		case strings.HasPrefix(f.file, "units/"):
			c.ruled(e, f.file, f.change, kept)
		}
	}
	for _, f := range d.Files {
		users := slices.DeleteFunc(slices.Clone(kept), func(name string) bool {
			return !slices.Contains(c.b.hosts[name].list("HOST_FILES"), f.Path)
		})
		c.ruled(e, f.Path, f.Change, users)
	}
}

func (c *comparison) hostFileEffects(e *effects, f *changedFile) {
	if without[f.file] {
		return
	}
	if f.change == Removed {
		e.add(effectKey{Left, f.pattern(), "is no longer in the bundle; what a step made of it stays on the host", ""}, f.pattern(), f.host.name)
		return
	}
	if !c.ruled(e, f.pattern(), f.change, []string{f.host.name}) {
		e.add(effectKey{Run, f.pattern(), "is another one; this satchel does not know what the bundle's steps do with it", ""}, f.pattern(), f.host.name)
	}
}

// ruled adds what the rules say about a file, for the hosts that run the step. It is
// false where there is no rule.
func (c *comparison) ruled(e *effects, file string, change Change, hosts []string) bool {
	any := false
	for _, r := range rules {
		if ok, err := path.Match(r.file, file); err != nil || !ok {
			continue
		}
		any = true
		if change == Removed {
			continue
		}
		for _, name := range hosts {
			if h := c.b.hosts[name]; h.runs(r.step) {
				e.add(effectKey{r.kind, r.what, r.said, r.step}, file, name)
			}
		}
	}
	return any
}

// scriptEffects are about the steps' own texts.
func (c *comparison) scriptEffects(e *effects, f *changedFile, hosts []string) {
	step := path.Base(f.file)
	if f.change != Changed {
		return // hosts that have it or lost it tell
	}
	for _, name := range hosts {
		if h := c.b.hosts[name]; h.runs(step) || step == "lib.sh" {
			e.add(effectKey{Run, "a step with another text", "runs; read its difference below", ""}, f.file, name)
		}
	}
}

// bundleEffects are about what happens with every bundle that is another one.
func (c *comparison) bundleEffects(e *effects, d *Diff) {
	kept := c.both()
	for _, name := range kept {
		h := c.b.hosts[name]
		if h.runs("35-registry.sh") {
			e.add(effectKey{Restart, "satchel-registry.service", "", "35-registry.sh"}, "the bundle", name)
		}
		if h.runs("42-harbor.sh") {
			e.add(effectKey{Run, "Harbor", "gets the images that it lacks", "42-harbor.sh"}, "the bundle", name)
		}
		if h.runs("45-images.sh") && slices.ContainsFunc(d.Images, func(i Image) bool { return i.Change != Removed }) {
			e.add(effectKey{Run, "the runtime", "gets the images that it lacks; those that the bundle has no more stay", "45-images.sh"}, "images", name)
		}
	}
	first := c.b.first
	if first == nil || first.env["REGISTRY_MODE"] != "external" {
		return
	}
	if slices.ContainsFunc(d.Images, func(i Image) bool { return i.Change != Removed }) {
		e.add(effectKey{Manual, "images", "have to be in " + first.env["REGISTRY"] + " before install.sh runs: satchel push BUNDLE --images", ""}, "images")
	}
}

// upgradeEffects are about the release of Kubernetes.
func (c *comparison) upgradeEffects(e *effects, d *Diff) {
	for _, v := range d.Versions {
		if v.Name != "Kubernetes" || v.Old == "" || v.New == "" {
			continue
		}
		kind, text := upgrade(v.Old, v.New)
		moved := v.Old + " → " + v.New
		var nodes []string
		for _, name := range c.both() {
			if c.a.hosts[name].node() && c.b.hosts[name].node() {
				nodes = append(nodes, name)
			}
		}
		e.add(effectKey{kind, "Kubernetes " + moved, text, ""}, "kubernetes.version", nodes...)
		if kind == Upgrade {
			e.add(effectKey{Drain, "pods", "each node in its turn, control planes first, before its kubelet is replaced", ""}, "kubernetes.version", nodes...)
		}
	}
}

// upgrade tells which way a release can be reached from another one
// (https://kubernetes.io/releases/version-skew-policy/).
func upgrade(from, to string) (Kind, string) {
	var a, b struct{ major, minor, patch int }
	_, errA := fmt.Sscanf(from, "%d.%d.%d", &a.major, &a.minor, &a.patch)
	_, errB := fmt.Sscanf(to, "%d.%d.%d", &b.major, &b.minor, &b.patch)
	switch {
	case errA != nil || errB != nil || a.major != b.major:
		return Refused, "is no way that kubeadm knows"
	case b.minor < a.minor || b.minor == a.minor && b.patch < a.patch:
		return Refused, "is a downgrade, which kubeadm does not do; restore a backup of etcd in a new cluster instead"
	case b.minor > a.minor+1:
		return Refused, fmt.Sprintf("skips a minor release: go to 1.%d first, one minor release after the other", a.minor+1)
	case b.minor == a.minor+1:
		return Upgrade, "is the next minor release: ./upgrade.sh on all hosts at once: kubeadm upgrade on the control planes one after another, then on the workers; install.sh refuses"
	}
	return Upgrade, "is another patch of the same minor release: ./upgrade.sh on all hosts at once: kubeadm upgrade on the control planes one after another, then on the workers; install.sh refuses"
}

// packagesStep is the step that installs packages of the operating system out of the
// bundle, or empty.
func (h *host) packagesStep() string {
	for _, step := range h.steps {
		if strings.HasPrefix(step, "07-packages-") {
			return step
		}
	}
	return ""
}

// packageEffects are about packages of the operating system.
func (c *comparison) packageEffects(e *effects, d *Diff) {
	for _, p := range d.Packages {
		if p.Change == Removed {
			continue
		}
		var users []string
		step := ""
		for _, name := range c.both() {
			if h := c.b.hosts[name]; h.packagesStep() != "" && h.env["PACKAGES_PLACE"] == p.Place {
				users, step = append(users, name), h.packagesStep()
			}
		}
		if len(users) > 0 {
			e.add(effectKey{Run, "packages of the operating system", "that are missing are installed; what is there stays in its version, and what is held goes to another with upgrade.sh", step}, "packages/"+p.Place, users...)
		}
	}
}

// manifestEffects are about what the first control plane applies.
func (c *comparison) manifestEffects(e *effects) {
	if c.b.first == nil || c.a.hosts[c.b.first.name] == nil {
		return
	}
	on := c.b.first.name
	for i := range c.changed {
		f := &c.changed[i]
		if f.host != nil || !strings.HasPrefix(f.file, "manifests/") {
			continue
		}
		for _, p := range byKey(objects(f.file, f.a.Data), objects(f.file, f.b.Data), object.name) {
			switch {
			case p.b == nil:
				e.add(effectKey{Left, p.key, "stays in the cluster: nothing is deleted; kubectl delete does it", "90-manifests.sh"}, f.file, on)
			case p.a == nil:
				e.add(effectKey{Apply, p.key, "is new", "90-manifests.sh"}, f.file, on)
			case p.a.text != p.b.text:
				e.add(effectKey{Apply, p.key, applied(p.b.kind), "90-manifests.sh"}, f.file, on)
			}
		}
		c.flannelEffects(e, f)
	}
}

// flannelEffects warn of what flannel does not take while it runs
// (flannel's Documentation/backends.md: the backend should not be changed at runtime).
func (c *comparison) flannelEffects(e *effects, f *changedFile) {
	if f.file != "manifests/flannel.yaml" || netConf(f.a.Data) == netConf(f.b.Data) || f.change != Changed {
		return
	}
	e.add(effectKey{Manual, "flannel's configuration", "is read when its pods start, and nodes with two backends do not reach each other's pods: " +
		"announce an interruption, then kubectl --namespace kube-flannel rollout restart daemonset", "90-manifests.sh"}, "net-conf.json", c.b.first.name)
}

// netConf is flannel's configuration in its manifest.
func netConf(text string) string {
	_, rest, _ := strings.Cut(text, "net-conf.json: |")
	conf, _, _ := strings.Cut(rest, "\n---")
	return conf
}

func applied(kind string) string {
	switch kind {
	case "Deployment", "DaemonSet", "StatefulSet":
		return "is another one; its pods are replaced where their template differs"
	case "ConfigMap", "Secret":
		return "is another one; pods that read it at their start need kubectl rollout restart"
	}
	return "is another one"
}

// object is one object of a manifest.
type object struct{ kind, namespace, title, text string }

func (o object) name() string {
	if o.namespace == "" {
		return o.kind + " " + o.title
	}
	return o.kind + " " + o.namespace + "/" + o.title
}

// objects are those of a manifest, each with its lines.
func objects(name, text string) []object {
	f, _ := manifest.Parse(name, []byte(text))
	if f == nil {
		return nil
	}
	lines := strings.SplitAfter(text, "\n")
	var list []object
	for i, d := range f.Documents {
		end := len(lines)
		if i+1 < len(f.Documents) {
			end = f.Documents[i+1].Line - 1
		}
		begin := min(max(d.Line-1, 0), len(lines))
		body := strings.Join(lines[begin:max(begin, min(end, len(lines)))], "")
		body = strings.TrimSuffix(strings.TrimRight(body, "\n"), "---")
		list = append(list, object{d.Kind, d.Namespace, cmp.Or(d.Name, d.GenerateName), strings.TrimRight(body, "\n")})
	}
	return list
}
