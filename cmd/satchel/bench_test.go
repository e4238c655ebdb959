package main

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const (
	mib = 1 << 20
	// maxPeak is what a process may take, whatever the sizes of what it moves.
	maxPeak = 100 * mib
)

// builtProgram has the site run satchel as users do, not as a part of this test.
func (s *site) builtProgram() {
	s.t.Helper()
	s.remove("bin")
	out, err := exec.CommandContext(s.t.Context(), "go", "build", "-trimpath", "-o", s.program, ".").CombinedOutput()
	if err != nil {
		s.t.Fatalf("building satchel: %v\n%s", err, out)
	}
}

// cost is what a process took from its start to its end.
type cost struct {
	seconds float64
	peak    int64 // bytes
}

// measure runs satchel, which must succeed.
func (s *site) measure(args ...string) cost {
	s.t.Helper()
	cmd := s.command(args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	c, err := timed(s.t, cmd)
	if err != nil {
		s.t.Fatalf("satchel %q: %v\n%s", args, err, said.String())
	}
	return c
}

// zeros are a content of any size that takes no memory and no disk.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

// hugeSite is a site with a lock whose one image has a layer of 2 GiB.
func hugeSite(b *testing.B) *site {
	b.Helper()
	if testing.Short() {
		b.Skip("moves 2 GiB")
	}
	s := newSite(b)
	s.builtProgram()
	layer := newHeavyLayer(b, zeros{}, 2048*mib)
	s.upstream(func(inner http.Handler) http.Handler { return heavyImage(b, inner, layer) })
	s.must("lock", "spec")
	return s
}

func (s *site) remove(names ...string) {
	s.t.Helper()
	for _, name := range names {
		if err := os.RemoveAll(s.path(name)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// BenchmarkBuild2GiB fetches 2 GiB over the loopback interface into an empty cache
// and packs them: each byte is hashed twice and written twice.
func BenchmarkBuild2GiB(b *testing.B) {
	s := hugeSite(b)
	b.SetBytes(2048 * mib)
	var peak int64
	for b.Loop() {
		s.remove("cache", "b.tar")
		peak = max(peak, s.measure("build", "spec", "-o", "b.tar").peak)
	}
	reportPeak(b, peak, maxPeak)
}

func BenchmarkVerify2GiB(b *testing.B) {
	s := hugeSite(b)
	s.must("build", "spec", "-o", "b.tar")
	s.remove("cache")
	b.SetBytes(2048 * mib)
	var peak int64
	for b.Loop() {
		peak = max(peak, s.measure("verify", "b.tar").peak)
	}
	look := s.measure("inspect", "b.tar")
	b.ReportMetric(look.seconds, "s/inspect")
	reportPeak(b, max(peak, look.peak), maxPeak)
}

func reportPeak(b *testing.B, peak, limit int64) {
	b.Helper()
	b.ReportMetric(float64(peak)/mib, "peak-MiB")
	if peak > limit {
		b.Errorf("the process took %d MiB, more than %d", peak/mib, limit/mib)
	}
}

func BenchmarkVetRenderReference(b *testing.B) {
	vetRender(b, newSite(b), 300*mib)
}

func BenchmarkVetRender1000Hosts(b *testing.B) {
	s := newSite(b)
	text := string(s.read("spec/cluster.cue"))
	at := strings.LastIndex(text, "hosts: {")
	network := strings.NewReplacer(`"10.0.0.0/24"`, `"10.0.0.0/20"`, `"10.244.0.0/16"`, `"10.64.0.0/12"`, `"10.0.0.200"`, `"10.0.15.200"`,
		`"kubernetes-ha1"`, `"host3"`, "package cluster\n", "package cluster\n\nimport \"list\"\n")
	s.write("spec/cluster.cue", network.Replace(text[:at])+manyHosts)
	if n := len(s.plan().Hosts); n != 1000 {
		b.Fatalf("the spec has %d hosts", n)
	}
	vetRender(b, s, 300*mib)
}

// manyHosts are 3 control planes, 2 load balancers, a registry, and workers.
const manyHosts = `
hosts: {
	for i in list.Range(0, 1000, 1) {
		"host\(i)": {
			address: "10.0.\(div(i+10, 250)).\(mod(i+10, 250)+1)"
			roles: [
				if i < 3 {"control-plane"},
				if i < 5 {"load-balancer"},
				if i == 5 {"registry"},
				"worker",
			][0:1]
		}
	}
}
`

// vetRender measures both commands from the start of a process to its end.
func vetRender(b *testing.B, s *site, limit int64) {
	b.Helper()
	s.builtProgram()
	var vet, render cost
	n := 0
	for b.Loop() {
		n++
		b.StopTimer()
		s.remove("tree")
		b.StartTimer()
		v, r := s.measure("vet", "spec"), s.measure("render", "spec", "-o", "tree")
		vet = cost{vet.seconds + v.seconds, max(vet.peak, v.peak)}
		render = cost{render.seconds + r.seconds, max(render.peak, r.peak)}
	}
	b.ReportMetric(vet.seconds/float64(n), "s/vet")
	b.ReportMetric(render.seconds/float64(n), "s/render")
	reportPeak(b, max(vet.peak, render.peak), limit)
}

// BenchmarkVetRenderKit300 compiles a classroom of 300 seats with 900 hosts, each seat
// with its guide.
func BenchmarkVetRenderKit300(b *testing.B) {
	s := newSite(b)
	text, err := os.ReadFile("../../bundles/classroom/cluster.cue")
	if err != nil {
		b.Fatal(err)
	}
	more := strings.NewReplacer("package cluster\n", "package cluster\n\nimport \"net\"\n", "seats: 3\n", "seats: 300\n", `"192.168.56.0/24"`, `"10.20.0.0/16"`,
		`"192.168.56.\(10*kit.seat+1)"`, `net.AddIP("10.20.0.0", 10*kit.seat+1)`,
		`"192.168.56.\(10*kit.seat+2)"`, `net.AddIP("10.20.0.0", 10*kit.seat+2)`,
		`"192.168.56.\(10*kit.seat+3)"`, `net.AddIP("10.20.0.0", 10*kit.seat+3)`)
	s.write("spec/cluster.cue", more.Replace(string(text)))
	if n := hostsIn(s.plan()); n != 900 {
		b.Fatalf("the kit has %d hosts", n)
	}
	vetRender(b, s, 500*mib)
}
