package closure_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/closure"
)

// fleet is a spec of 1,000 hosts.
func fleet(b *testing.B) string {
	b.Helper()
	var s strings.Builder
	s.WriteString(`package cluster

name: "fleet"
kubernetes: version: "1.34.4"
network: {hosts: "10.0.0.0/20", pods: "10.64.0.0/12"}
runtime: name: "containerd"
loadBalancer: {
	mode: "dedicated"
	vips: api: {address: "10.0.15.200", routerID: 51}
}
hosts: {
	registry: {address: "10.0.15.1", roles: ["registry"]}
	for i in [1, 2] {"lb\(i)": {address: "10.0.15.1\(i)", roles: ["load-balancer"]}}
	for i in [1, 2, 3] {"cp\(i)": {address: "10.0.15.2\(i)", roles: ["control-plane"]}}
`)
	for i := range 994 {
		fmt.Fprintf(&s, "\tw%d: {address: \"10.0.%d.%d\", roles: [\"worker\"]}\n", i, i/250, i%250+1)
	}
	s.WriteString("}\n")
	file := filepath.Join(b.TempDir(), "cluster.cue")
	if err := os.WriteFile(file, []byte(s.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	return file
}

func BenchmarkCheck1000Hosts(b *testing.B) { benchmark(b, fleet(b)) }

func BenchmarkCheckReference(b *testing.B) { benchmark(b, "../../bundles/course-ha/cluster.cue") }

func benchmark(b *testing.B, file string) {
	p, tree := rendered(b, file)
	b.ReportAllocs()
	for b.Loop() {
		if problems := closure.Check(p, tree); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}
