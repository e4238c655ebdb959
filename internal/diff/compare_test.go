package diff

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/side"
)

// base is the spec that the cases change.
func base(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../testdata/diff/base/cluster.cue")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// open reads a spec from its text.
func open(t testing.TB, text string) *side.Side {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cluster.cue"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := (&side.Opener{}).Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// after compares the base with itself after edits, pairs of old and new text.
func after(t *testing.T, edits ...string) *Diff {
	t.Helper()
	text := base(t)
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("the base has no %q", edits[i])
		}
		text = strings.ReplaceAll(text, edits[i], edits[i+1])
	}
	return Compare(open(t, base(t)), open(t, text))
}

// effect is the one of a kind that is about what, whose text holds words.
func effect(t *testing.T, d *Diff, kind Kind, what, words string) Effect {
	t.Helper()
	for _, e := range d.Effects {
		if e.Kind == kind && strings.HasPrefix(e.What, what) && strings.Contains(e.Text, words) {
			return e
		}
	}
	t.Errorf("no effect %s %q %q in %+v", kind, what, words, d.Effects)
	return Effect{}
}

func none(t *testing.T, d *Diff, kind Kind) {
	t.Helper()
	for _, e := range d.Effects {
		if e.Kind == kind {
			t.Errorf("there is %+v", e)
		}
	}
}

func TestTheSameDiffersInNothing(t *testing.T) {
	d := after(t)
	if d.Different || len(d.Effects) > 0 {
		t.Errorf("got %+v", d)
	}
	// A list is never null for whoever reads the JSON.
	text, err := json.Marshal(d)
	if err != nil || strings.Contains(string(text), "null") {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestUpgradePaths(t *testing.T) {
	for _, c := range []struct {
		from, to string
		kind     Kind
		words    string
	}{
		{"1.34.1", "1.34.4", Upgrade, "another patch"},
		{"1.34.4", "1.35.0", Upgrade, "next minor"},
		{"1.34.4", "1.36.0", Refused, "go to 1.35 first"},
		{"1.34.4", "1.34.1", Refused, "downgrade"},
		{"1.35.0", "1.34.4", Refused, "downgrade"},
		{"1.35.0", "2.0.0", Refused, "no way"},
		{"1.35.0", "newest", Refused, "no way"},
	} {
		if kind, text := upgrade(c.from, c.to); kind != c.kind || !strings.Contains(text, c.words) {
			t.Errorf("%s to %s: %s, %s", c.from, c.to, kind, text)
		}
	}
}

func TestASkippedReleaseDrainsNothing(t *testing.T) {
	d := after(t, `"1.36.2"`, `"1.34.4"`)
	effect(t, d, Refused, "Kubernetes 1.36.2 → 1.34.4", "downgrade")
	none(t, d, Drain)
	none(t, d, Upgrade)
}

// kubeadm init runs on the first control plane by name: a new one in front of it would
// make a cluster of its own.
func TestANewFirstControlPlaneIsRefused(t *testing.T) {
	d := after(t, "\tcp1:", "\ta1: {address: \"10.0.0.8\", roles: [\"control-plane\"]}\n\ta2: {address: \"10.0.0.9\", roles: [\"control-plane\"]}\n\tcp1:")
	e := effect(t, d, Refused, "a second cluster", "kubeadm init")
	if !slices.Equal(e.Hosts, []string{"a1"}) {
		t.Errorf("on %v", e.Hosts)
	}
	// One behind it joins.
	d = after(t, "\tcp1:", "\tcp4: {address: \"10.0.0.8\", roles: [\"control-plane\"]}\n\tcp5: {address: \"10.0.0.9\", roles: [\"control-plane\"]}\n\tcp1:")
	none(t, d, Refused)
	for _, h := range d.Hosts {
		if h.Like != "cp2" {
			t.Errorf("%s is like %q, not cp2", h.Name, h.Like)
		}
	}
	// Where the first goes away, the next one has run kubeadm long ago.
	d = after(t, "\tcp1: {address: \"10.0.0.11\", roles: [\"control-plane\"]}\n\tcp2: {address: \"10.0.0.12\", roles: [\"control-plane\"]}\n", "")
	none(t, d, Refused)
}

func TestWhatACLusterIsBornWith(t *testing.T) {
	for field, c := range map[string]struct{ edits []string }{
		"name":                 {[]string{`name: "prod"`, `name: "test"`}},
		"network.pods":         {[]string{"10.244.0.0/16", "10.200.0.0/16"}},
		"network.services":     {[]string{`pods:  "10`, `services: "10.112.0.0/12", pods: "10`}},
		"kubernetes.dnsDomain": {[]string{`version: "1.36.2"`, `{version: "1.36.2", dnsDomain: "k8s.local"}`}},
		"loadBalancer":         {[]string{`"10.0.0.100"`, `"10.0.0.99"`}},
	} {
		d := after(t, c.edits...)
		found := slices.ContainsFunc(d.Effects, func(e Effect) bool { return e.Kind == Rebuild && slices.Equal(e.Because, []string{field}) })
		if !found {
			t.Errorf("%s: no rebuild in %+v", field, d.Effects)
		}
	}
}

func TestANodeThatHasToJoinAnew(t *testing.T) {
	d := after(t, `"10.0.0.12"`, `"10.0.0.112"`)
	if e := effect(t, d, Rejoin, "the address of a node", "one control plane at a time"); !slices.Equal(e.Hosts, []string{"cp2"}) {
		t.Errorf("on %v", e.Hosts)
	}
	d = after(t, `name: "containerd"`, `name: "docker"`)
	if e := effect(t, d, Rejoin, "the container runtime of a node", "old runtime"); len(e.Hosts) != 3 {
		t.Errorf("on %v", e.Hosts)
	}
	effect(t, d, Manual, "socat", "package socat")
	// A load balancer takes another address without that.
	d = after(t, `"10.0.0.31"`, `"10.0.0.33"`)
	none(t, d, Rejoin)
	effect(t, d, Reload, "keepalived.service", "")
	effect(t, d, Manual, "its address", "before install.sh runs")
	d = after(t, `w1: {address: "10.0.0.21", roles: ["worker"]}`, `w1: {address: "10.0.0.21", roles: ["load-balancer"]}`)
	effect(t, d, Drain, "a node that is gone", "./cluster.sh remove")
	effect(t, d, Left, "what 40-containerd.sh did", "only ./reset.sh takes things away")
	d = after(t, `w1: {address: "10.0.0.21", roles: ["worker"]}`, `w1: {address: "10.0.0.21", roles: ["control-plane"]}`,
		`w2: {address: "10.0.0.22", roles: ["worker"]}`, `w2: {address: "10.0.0.22", roles: ["control-plane"]}`)
	effect(t, d, Rejoin, "role control-plane", "./install.sh")
}

func TestSettingsThatARerunDoesNotApply(t *testing.T) {
	d := after(t, `kubernetes: version: "1.36.2"`, `kubernetes: {version: "1.36.2", encryption: "secretbox", kubelet: maxPods: 50}`)
	effect(t, d, Later, "kubeadm.yaml", "kubeadm has run")
	effect(t, d, Later, "the encryption of secrets", "when it restarts")
	if i := slices.IndexFunc(d.Secrets, func(s Secret) bool { return s.Name == "encryption-key" }); i < 0 || !d.Secrets[i].New || !slices.Equal(d.Secrets[i].Hosts, []string{"cp1", "cp2", "cp3"}) {
		t.Errorf("secrets: %+v", d.Secrets)
	}
	if !slices.Contains(d.Settings, Setting{"kubernetes.kubelet.maxPods", Values{"", "50"}}) {
		t.Errorf("settings: %+v", d.Settings)
	}
}

func TestImagesOfAnExternalRegistryArePushedFirst(t *testing.T) {
	external := strings.NewReplacer(`registry: mode: "embedded"`, `registry: {mode: "external", address: "r.example.com"}`,
		"\tregistry: {address: \"10.0.0.41\", roles: [\"registry\"]}\n", "").Replace(base(t))
	d := Compare(open(t, external), open(t, strings.ReplaceAll(external, "1.27.3", "1.29.1")))
	effect(t, d, Manual, "images", "r.example.com before install.sh runs")
}

// A change of a manifest is told object by object; nothing is deleted.
func TestManifests(t *testing.T) {
	d := after(t, `files: "/etc/nginx/conf.d/default.conf": "server { listen 80; }"`, "")
	effect(t, d, Left, "ConfigMap default/web", "nothing is deleted")
	effect(t, d, Apply, "Deployment default/web", "pods are replaced")
	if slices.ContainsFunc(d.Effects, func(e Effect) bool { return strings.HasPrefix(e.What, "Service ") }) {
		t.Errorf("the service did not change: %+v", d.Effects)
	}
	d = after(t, `listen 80;`, `listen 81;`)
	effect(t, d, Apply, "ConfigMap default/web", "rollout restart")
	if len(d.Texts) != 1 || d.Texts[0].On != "cp1" {
		t.Errorf("texts: %+v", d.Texts)
	}
}

// The same change on many hosts is one, with each host's own name and address in it.
func TestTheSameChangeIsShownOnce(t *testing.T) {
	d := after(t, `kubernetes: version: "1.36.2"`, `version: "0.2.0", kubernetes: version: "1.36.2"`)
	if len(d.Texts) != 1 || d.Texts[0].On != "all 9 hosts" || d.Texts[0].File != "hosts/*/host.env" || d.Texts[0].Path != "hosts/cp1/host.env" {
		t.Errorf("got %+v", d.Texts)
	}
	d = after(t, `network: {`, `network: {interface: "ens3"`+"\n")
	on := map[string]string{}
	for _, text := range d.Texts {
		on[text.File] += text.On + ";"
	}
	if on["hosts/*/satchel-routes.service"] != "all 6 nodes;" || on["hosts/*/keepalived.conf"] != "lb1;lb2;" {
		t.Errorf("got %v", on)
	}
}

func TestOwnWords(t *testing.T) {
	h := func(name, address string) *host {
		return &host{name: name, env: map[string]string{"HOST_ADDRESS": address}}
	}
	o := newOwn(h("w1", "10.0.0.1"), h("w1", "10.0.0.1"))
	for text, want := range map[string]string{
		"w1 w1.example.com w10 xw1 w1-a\n": "\x00name \x00name.example.com w10 xw1 w1-a\n",
		"10.0.0.1 10.0.0.12 110.0.0.1":     "\x00address 10.0.0.12 110.0.0.1",
		"10.0.0.1:6443 10.0.0.1/32 w1":     "\x00address:6443 \x00address/32 \x00name",
		"w1w1 w1":                          "w1w1 \x00name",
		"":                                 "",
	} {
		if got := o.hide(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
	moved := newOwn(h("w1", "10.0.0.1"), h("w1", "10.0.0.2"))
	if got := moved.hide("-10.0.0.1\n+10.0.0.2\n"); got != "-\x00old address\n+\x00address\n" {
		t.Errorf("got %q", got)
	}
}

// What one side does not know is said and is no difference.
func TestUnequalSides(t *testing.T) {
	spec := open(t, base(t))
	tree := *spec
	tree.Kind, tree.Has, tree.Images, tree.Files, tree.Settings = side.Tree, side.Has{Texts: true}, nil, nil, nil
	d := Compare(spec, &tree)
	if d.Different || len(d.NotCompared) != 3 || d.NotCompared[0] != (Gap{"images", "B, a tree, has none"}) {
		t.Errorf("got %+v", d)
	}
	lock := &side.Side{Kind: side.Lock, Has: side.Has{Images: true, Files: true}, Files: slices.Clone(spec.Files)}
	for _, i := range spec.Images {
		platforms := slices.Clone(i.Platforms)
		platforms[0].Digest = "sha256:" + strings.Repeat("a", 64)
		lock.Images = append(lock.Images, side.Image{Name: i.Name, Platforms: platforms})
	}
	lock.Files[0].SHA256 = strings.Repeat("b", 64)
	if d = Compare(spec, lock); d.Different || len(d.NotCompared) != 2 {
		t.Errorf("a digest that only one side knows: %+v", d)
	}
	if d = Compare(&tree, lock); d.Different || len(d.NotCompared) != 4 {
		t.Errorf("got %+v", d)
	}
}

// The releases of a tree come from its texts, and are those that the images have.
func TestVersionsOfATree(t *testing.T) {
	spec := open(t, base(t))
	tree := *spec
	tree.Kind, tree.Has, tree.Images, tree.Files = side.Tree, side.Has{Texts: true}, nil, nil
	want, got := tags(spec), tags(&tree)
	if len(want) < 5 || len(want) != len(got) {
		t.Fatalf("a spec has %v, its tree %v", want, got)
	}
	for name, release := range want {
		if got[name] != release {
			t.Errorf("%s is %q in the spec and %q in its tree", name, release, got[name])
		}
	}
	for _, name := range []string{"containerd", "runc", "crictl", "CNI plugins"} {
		if releases(spec)[name] == "" {
			t.Errorf("no release of %s in %v", name, spec.Files)
		}
	}
}

func TestPackages(t *testing.T) {
	a, b := open(t, base(t)), open(t, base(t))
	a.Has.Packages, b.Has.Packages = true, true
	p := side.Package{Place: "debian-12-amd64", Name: "haproxy", Version: "2.6.12-1", Arch: "amd64", SHA256: strings.Repeat("a", 64), Size: 5}
	a.Packages = []side.Package{p}
	p.Version = "2.6.12-2"
	b.Packages = []side.Package{p, {Place: "debian-12-amd64", Name: "keepalived", Version: "1", Arch: "amd64"}}
	d := Compare(a, b)
	if len(d.Packages) != 2 || d.Packages[0].Version != (Values{"2.6.12-1", "2.6.12-2"}) || d.Packages[1].Change != Added {
		t.Errorf("got %+v", d.Packages)
	}
}

func TestTwoClusters(t *testing.T) {
	d := after(t, `name: "prod"`, `name: "test"`)
	if !slices.Contains(d.Notes, "these are two clusters: A is prod, B is test") {
		t.Errorf("got %v", d.Notes)
	}
	if len(d.Texts) == 0 {
		t.Error("they are not compared")
	}
}

// Texts that a side ought to have and has not are not compared.
func TestAbsentTexts(t *testing.T) {
	a, b := open(t, base(t)), open(t, base(t))
	for path := range b.Texts {
		if strings.HasPrefix(path, "hosts/w1/") {
			delete(b.Texts, path)
			b.Absent[path] = true
		}
	}
	if d := Compare(a, b); d.Different {
		t.Errorf("got %+v", d)
	}
	if d := Compare(b, a); d.Different {
		t.Errorf("got %+v", d)
	}
}
