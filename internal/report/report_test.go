package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/derive"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
	"github.com/satchel-kit/satchel/internal/report"
	"github.com/satchel-kit/satchel/internal/spec"
)

// one is the smallest cluster.
const one = `package cluster
name: "one"
kubernetes: version: "1.36.2"
network: hosts: "10.0.0.0/24"
runtime: name: "containerd"
hosts: "a-name-as-long-as-some-sites-give-to-their-machines-2026": {address: "10.0.0.11", roles: ["control-plane", "worker", "registry"]}
`

// nine is a cluster with everything that the page has a place for.
const nine = `package cluster
name: "nine"
domain: "example.com"
kubernetes: {version: "1.36.2", encryption: "secretbox"}
network: {hosts: "10.0.0.0/24", dns: {forwarders: ["10.0.0.2"], stubDomains: "corp.example.com": ["10.1.0.2"]}}
runtime: name: "containerd"
system: {firewall: "ufw", time: mode: "chrony"}
registry: mode: "embedded"
loadBalancer: {
	mode: "dedicated"
	vips: {api: {address: "10.0.0.100", routerID: 51}, web: {address: "10.0.0.101", routerID: 52, preferred: "lb2"}}
	forwards: shop: {vip: "web", port: 80, nodePort: 30080}
}
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"]}
	cp2: {address: "10.0.0.12", roles: ["control-plane"]}
	cp3: {address: "10.0.0.13", roles: ["control-plane"]}
	w1: {address: "10.0.0.21", roles: ["worker"], labels: disk: "ssd"}
	w2: {address: "10.0.0.22", roles: ["worker"], taints: [{key: "dedicated", value: "db", effect: "NoSchedule"}]}
	w3: {address: "10.0.0.23", roles: ["worker"], arch: "arm64"}
	lb1: {address: "10.0.0.31", roles: ["load-balancer"]}
	lb2: {address: "10.0.0.32", roles: ["load-balancer"]}
	registry: {address: "10.0.0.41", roles: ["registry"]}
}
applications: shop: {image: "docker.io/library/nginx:1.27.3", ports: [80]}
services: shop: {application: "shop", type: "NodePort", ports: [{port: 80, nodePort: 30080}]}
derivedImages: "docker.io/example/web:1.0": {base: "docker.io/library/nginx:1.27.3", files: "/a": text: "<b>\n"}
`

// thousand has as many hosts.
func thousand() string {
	var b strings.Builder
	b.WriteString(strings.NewReplacer(`"nine"`, `"thousand"`, `hosts: "10.0.0.0/24"`, `pods: "10.128.0.0/10", hosts: "10.0.0.0/16"`).Replace(nine))
	for i := 4; i <= 994; i++ {
		fmt.Fprintf(&b, "hosts: w%d: {address: \"10.0.%d.%d\", roles: [\"worker\"]}\n", i+1, (i+1)/250+1, (i+1)%250)
	}
	return b.String()
}

// load takes a spec through the stages before a report.
func load(t testing.TB, text string) report.Input {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cluster.cue"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return from(t, dir)
}

func from(t testing.TB, dir string) report.Input {
	t.Helper()
	s, err := spec.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := plan.New(s)
	tree, err := render.Render(p)
	if err != nil {
		t.Fatal(err)
	}
	return report.Input{Plan: p, Tree: tree, Lock: made(p)}
}

// made is a lock whose digests come from the names; all images share their first layer.
func made(p *plan.Plan) *lock.Lock {
	l := &lock.Lock{Format: lock.Format}
	digits := func(name string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(name))) }
	blob := func(name string, size int64) lock.Blob {
		return lock.Blob{MediaType: "application/x", Digest: "sha256:" + digits(name), Size: size}
	}
	for _, i := range p.Images {
		image := lock.Image{Name: i.Name}
		for _, platform := range i.Platforms {
			name := i.Name + platform
			image.Manifests = append(image.Manifests, lock.Manifest{
				Platform: platform, Blob: blob("m"+name, 500), Config: blob("c"+name, 700),
				Layers: []lock.Blob{blob("base", 30_000_000), blob("l"+name, int64(len(name))*100_000)},
			})
		}
		if i.Recipe != nil {
			image.From = &lock.From{Base: i.Recipe.Base, Recipe: derive.Digest(i.Recipe)}
		}
		image.Digest = image.Manifests[0].Digest
		l.Images = append(l.Images, image)
	}
	for _, f := range p.Files {
		l.Files = append(l.Files, lock.File{Path: f.Path, URL: f.URL, SHA256: digits(f.URL), Size: int64(len(f.URL)) * 100_000})
	}
	return l
}

func html(t testing.TB, in report.Input) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.HTML(&b, in); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func svg(t testing.TB, in report.Input) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.SVG(&b, in); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheSameInputGivesTheSamePage(t *testing.T) {
	a, b := html(t, load(t, nine)), html(t, load(t, nine))
	if a != b {
		t.Error("two pages differ")
	}
	if svg(t, load(t, nine)) != svg(t, load(t, nine)) {
		t.Error("two pictures differ")
	}
}

// Every reference cluster has a page and a picture.
func TestEveryReferenceCluster(t *testing.T) {
	specs, err := filepath.Glob("../../bundles/*/cluster.cue")
	if err != nil || len(specs) < 5 {
		t.Fatal(specs, err)
	}
	for _, path := range specs {
		in := from(t, filepath.Dir(path))
		page, picture := html(t, in), svg(t, in)
		wellFormed(t, picture)
		for _, h := range in.Plan.Hosts {
			if !strings.Contains(page, ">"+h.Name+"<") || len(in.Plan.Hosts) <= 12 && !strings.Contains(picture, ">"+h.Address+"<") {
				t.Errorf("%s: %s is missing", path, h.Name)
			}
		}
		if strings.Contains(page, "ZgotmplZ") {
			t.Errorf("%s: the template refused a value", path)
		}
	}
}

func wellFormed(t *testing.T, picture string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("the picture is not XML: %v", err)
		}
	}
}

// What each host's firewall has to let in is on the page.
func TestTrafficHasEveryOpening(t *testing.T) {
	in := load(t, nine)
	page := html(t, in)
	for _, h := range in.Plan.Hosts {
		for _, o := range h.Firewall {
			what := strings.ReplaceAll(o.What, "-", "–")
			if !strings.Contains(page, ">"+what+"<") && !strings.Contains(page, "("+what+")") {
				t.Errorf("%s: %+v is missing", h.Name, o)
			}
		}
	}
	for _, row := range []string{
		`>6443</th><td data-label="Protocol">tcp</td><td data-label="From">everyone</td><td data-label="To">all 3 control planes</td>`,
		`>2379–2380</th><td data-label="Protocol">tcp</td><td data-label="From">control planes</td><td data-label="To">all 3 control planes</td>`,
		`<td data-label="From">lb2 (10.0.0.32)</td><td data-label="To">lb1</td><td data-label="For">keepalived of lb2</td>`,
		`>123</th><td data-label="Protocol">udp</td><td data-label="From">all other hosts</td><td data-label="To">registry</td>`,
		`<td data-label="To">10.1.0.2 <span class="outside">outside</span></td><td data-label="For">names of corp.example.com</td>`,
		`>30000–32767</th><td data-label="Protocol">udp</td><td data-label="From">users and load balancers</td><td data-label="To">all 6 nodes</td>`,
	} {
		if !strings.Contains(page, row) {
			t.Errorf("no row %s", row)
		}
	}
}

// The ways in lead to what haproxy listens on.
func TestWaysInAreThoseOfHaproxy(t *testing.T) {
	in := load(t, nine)
	page := html(t, in)
	at := slices.IndexFunc(in.Tree, func(f render.File) bool { return f.Path == "hosts/lb1/haproxy.cfg" })
	config := string(in.Tree[at].Data)
	for address, line := range map[string]string{
		"http://10.0.0.100:9999/haproxy-status": "bind 10.0.0.100:9999",
		"https://10.0.0.100:6443":               "bind 10.0.0.100:6443",
		"10.0.0.101:80":                         "bind 10.0.0.101:80",
	} {
		if !strings.Contains(page, ">"+address+"<") || !strings.Contains(config, line+"\n") {
			t.Errorf("%s is not on the page, or haproxy has no %q", address, line)
		}
	}
	if !strings.Contains(config, "stats uri /haproxy-status\n") {
		t.Error("the status page is elsewhere")
	}
}

func TestSizesAndDigestsComeFromTheLock(t *testing.T) {
	in := load(t, nine)
	page := html(t, in)
	for _, image := range in.Lock.Images {
		for _, m := range image.Manifests {
			if !strings.Contains(page, m.Digest) {
				t.Errorf("%s of %s is missing", m.Digest, image.Name)
			}
		}
	}
	for _, f := range in.Lock.Files {
		if !strings.Contains(page, f.SHA256) {
			t.Errorf("%s of %s is missing", f.SHA256, f.Path)
		}
	}
	if strings.Count(page, `<span class="state">passed</span>`) != 3 {
		t.Error("not all checks pass")
	}
	in.Lock.Images[0].Attached = []lock.Attached{{Blob: lock.Blob{Digest: "sha256:" + strings.Repeat("1", 64), Size: 3_000_000_000}}}
	if page = html(t, in); !strings.Contains(page, "beside it: 1<") || !strings.Contains(page, "3.1 GB") {
		t.Error("what is carried beside an image is not counted")
	}
	// What a lock of other files says is not about these.
	in.Lock.Files[0].URL += "x"
	wrong := in.Lock.Files[0].SHA256
	if page = html(t, in); strings.Contains(page, wrong) || !strings.Contains(page, `<span class="state">failed</span>`) || !strings.Contains(page, in.Lock.Files[0].URL) {
		t.Error("a lock that does not fit is believed")
	}
	for i, image := range in.Lock.Images {
		if image.From != nil {
			in.Lock.Images[i].From.Recipe = "sha256:" + strings.Repeat("0", 64)
			if page = html(t, in); strings.Contains(page, image.Manifests[0].Digest) {
				t.Error("the lock of another recipe is believed")
			}
		}
	}
	in.Lock = nil
	if page = html(t, in); strings.Contains(page, `class="digest">sha256:`) || !strings.Contains(page, `<span class="state">not known</span>`) {
		t.Error("digests without a lock")
	}
}

func TestSecretsByNameOnly(t *testing.T) {
	page := html(t, load(t, nine))
	for _, name := range []string{"vrrp-password", "stats-password", "encryption-key", "bootstrap-token", "ca-key", "sa-key"} {
		if !strings.Contains(page, `<th scope="row" class="mono">`+name+"</th>") {
			t.Errorf("no secret %s", name)
		}
	}
	if strings.Contains(page, "@secret:") {
		t.Error("a mark is on the page")
	}
}

// The page asks nothing of anybody: it names no address but as text, and its policy
// forbids the rest.
func TestPageIsComplete(t *testing.T) {
	page := html(t, load(t, nine))
	for _, m := range regexp.MustCompile(`(?:src|href|url|action|data)\s*=\s*"([^"]*)"|url\(|@import`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "#") && m[1] != "data:," {
			t.Errorf("the page refers to %q", m[0])
		}
	}
	if !strings.Contains(page, `http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'sha256-`) {
		t.Error("the page has no policy")
	}
	if regexp.MustCompile(`\b20[23]\d-\d\d-\d\d\b`).MatchString(page) {
		t.Error("the page has a date")
	}
	if len(page) > 120_000 {
		t.Errorf("%d bytes", len(page))
	}
}

// Texts of the spec stay texts.
func TestHostileTexts(t *testing.T) {
	evil := `</title><script>alert(1)</script>&"`
	in := load(t, nine)
	in.Plan.Hosts[0].Name, in.Plan.Cluster.Name, in.Plan.Images[0].Name = evil, evil, evil
	in.Plan.Hosts[0].Firewall[0].Why, in.Plan.Cluster.System.Hosts = evil, evil
	page, picture := html(t, in), svg(t, in)
	if strings.Contains(page, "<script>alert") || strings.Contains(picture, "<script") {
		t.Error("a name became code")
	}
	wellFormed(t, picture)
}

// A picture of many hosts is not larger: they are drawn by kind.
func TestPictureOfManyHosts(t *testing.T) {
	many := svg(t, load(t, thousand()))
	wellFormed(t, many)
	for _, want := range []string{"Workers · 994", "w1 … w995", "10.0.0.21 – 10.0.4.245", "994 hosts"} {
		if !strings.Contains(many, want) {
			t.Errorf("no %q in the picture", want)
		}
	}
	if few := svg(t, load(t, nine)); len(many) > len(few)+2000 {
		t.Errorf("%d bytes, of nine hosts %d", len(many), len(few))
	}
	// Names without numbers have nothing in common.
	text := nine
	for i := range 30 {
		text += fmt.Sprintf("hosts: \"%c%cx\": {address: \"10.0.0.%d\", roles: [\"worker\"]}\n", 'a'+i%26, 'a'+i/26, 150+i)
	}
	if picture := svg(t, load(t, text)); !strings.Contains(picture, ">22 more<") {
		t.Error("thirty hosts are drawn one by one")
	}
}

func BenchmarkHTML(b *testing.B) {
	in := load(b, thousand())
	b.ReportAllocs()
	for b.Loop() {
		if err := report.HTML(io.Discard, in); err != nil {
			b.Fatal(err)
		}
	}
}
