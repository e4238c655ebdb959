package review_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/satchel-kit/satchel/internal/diff"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/review"
	"github.com/satchel-kit/satchel/internal/side"
	"github.com/satchel-kit/satchel/internal/spec"
)

const testdata = "../../testdata/diff"

// changes are the changes that people make, each as pairs of what is replaced in the
// base by what.
var changes = []struct {
	name  string
	edits []string
	// effects have to be among those found, each as "KIND WHAT".
	effects []string
}{
	{"patch", []string{`"1.36.2"`, `"1.36.3"`}, []string{"upgrade Kubernetes 1.36.2 → 1.36.3", "drain pods"}},
	{"minor", []string{`"1.36.2"`, `"1.37.2"`}, []string{"upgrade Kubernetes 1.36.2 → 1.37.2", "drain pods", "restart kubelet.service"}},
	{"worker-added", []string{"\tlb1:", "\tw4: {address: \"10.0.0.24\", roles: [\"worker\"]}\n\tlb1:"}, []string{"install a new host", "reload haproxy.service", "run /etc/hosts"}},
	{"control-plane-removed", []string{
		"\tcp2: {address: \"10.0.0.12\", roles: [\"control-plane\"]}\n\tcp3: {address: \"10.0.0.13\", roles: [\"control-plane\"]}\n", "",
	}, []string{"drain a node that is gone", "reload haproxy.service"}},
	{"vip", []string{`"10.0.0.100"`, `"10.0.0.99"`}, []string{"rebuild the address of the Kubernetes API", "reload keepalived.service"}},
	{"flannel-backend", []string{`"vxlan"`, `"host-gw"`}, []string{"manual flannel's configuration", "apply ConfigMap kube-flannel/kube-flannel-cfg"}},
	{"registry-mode", []string{`"embedded"`, `"preload"`, "\tregistry: {address: \"10.0.0.41\", roles: [\"registry\"]}\n", ""}, []string{"restart containerd.service", "run 45-images", "later kubeadm.yaml", "manual a host that is gone"}},
	{"pod-subnet", []string{`"10.244.0.0/16"`, `"10.200.0.0/16"`}, []string{"rebuild the pods' subnet"}},
	{"application-image", []string{"nginx:1.27.3", "nginx:1.29.1"}, []string{"apply Deployment default/web", "restart satchel-registry.service"}},
	{"address", []string{`"10.0.0.22"`, `"10.0.0.122"`}, []string{"rejoin the address of a node", "manual its address", "reload haproxy.service"}},
}

func TestGolden(t *testing.T) {
	base, err := os.ReadFile(filepath.Join(testdata, "base/cluster.cue"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs(filepath.Join(testdata, "golden"))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.NewCompiler().Compile("../diff/diff.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, "old", string(base))
			write(t, "new", edited(t, string(base), c.edits))
			d := compare(t, "old", "new")
			for _, want := range c.effects {
				if !has(d, want) {
					t.Errorf("no effect %q", want)
				}
			}
			for format, text := range formats(t, d) {
				same(t, filepath.Join(dir, c.name+"."+format), text)
			}
			fits(t, schema, d)
		})
	}
}

func has(d *diff.Diff, effect string) bool {
	for _, e := range d.Effects {
		if string(e.Kind)+" "+e.What == effect {
			return true
		}
	}
	return false
}

// edited replaces each text once, which it must have.
func edited(t *testing.T, text string, edits []string) string {
	t.Helper()
	for i := 0; i < len(edits); i += 2 {
		if strings.Count(text, edits[i]) != 1 {
			t.Fatalf("the base has %q not once", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return text
}

// write makes a spec with a lock whose digests come from the names.
func write(t testing.TB, dir, text string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cluster.cue"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := spec.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := made(plan.New(s)).WriteFile(filepath.Join(dir, "satchel.lock")); err != nil {
		t.Fatal(err)
	}
}

func made(p *plan.Plan) *lock.Lock {
	l := &lock.Lock{Format: lock.Format}
	digits := func(name string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(name))) }
	blob := func(kind, name string) lock.Blob {
		return lock.Blob{MediaType: "application/vnd.oci.image." + kind, Digest: "sha256:" + digits(kind+name), Size: 1000 + int64(len(name))*1000}
	}
	for _, i := range p.Images {
		image := lock.Image{Name: i.Name}
		for _, platform := range i.Platforms {
			name := i.Name + platform
			image.Manifests = append(image.Manifests, lock.Manifest{
				Platform: platform, Blob: blob("manifest.v1+json", name), Config: blob("config.v1+json", name),
				Layers: []lock.Blob{blob("layer.v1.tar+gzip", name)},
			})
		}
		image.Digest = image.Manifests[0].Digest
		l.Images = append(l.Images, image)
	}
	for _, f := range p.Files {
		l.Files = append(l.Files, lock.File{Path: f.Path, URL: f.URL, SHA256: digits(f.URL), Size: int64(len(f.URL)) * 100000})
	}
	return l
}

func compare(t testing.TB, a, b string) *diff.Diff {
	t.Helper()
	o := &side.Opener{}
	left, err := o.Open(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	right, err := o.Open(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return diff.Compare(left, right)
}

// formats writes a comparison in each form and checks what each promises.
func formats(t testing.TB, d *diff.Diff) map[string]string {
	t.Helper()
	var text, markdown, js bytes.Buffer
	for _, err := range []error{review.Text(&text, d, false), review.Markdown(&markdown, d, "satchel diff old new"), review.JSON(&js, d)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{"txt": text.String(), "md": markdown.String(), "json": js.String()}
}

func same(t *testing.T, file, got string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err == nil && string(want) == got {
		return
	}
	if os.Getenv("SATCHEL_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s is stale; make golden rewrites it; it would be\n%s", file, got)
}

// fits holds the JSON against its schema.
func fits(t testing.TB, schema *jsonschema.Schema, d *diff.Diff) {
	t.Helper()
	var js bytes.Buffer
	if err := review.JSON(&js, d); err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(&js)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("the schema does not describe it: %v", err)
	}
}

func golden(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testdata, "golden", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
