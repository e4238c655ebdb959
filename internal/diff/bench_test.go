package diff

import (
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/side"
)

// fleet is a spec of a thousand hosts, and one in which every host gets another bundle,
// interface and release, and one host is new.
func fleet(t testing.TB) (a, b *side.Side) {
	const text = `package cluster

import "list"

name: "fleet"
version: "0.1.0"
hosts: {
	for i in list.Range(0, 995, 1) {"w\(i)": {address: "10.0.\(1+div(i, 200)).\(1+mod(i, 200))", roles: ["worker"]}}
	for i in [1, 2, 3] {"cp\(i)": {address: "10.0.0.1\(i)", roles: ["control-plane"]}}
	lb1: {address: "10.0.0.31", roles: ["load-balancer"]}
	registry: {address: "10.0.0.41", roles: ["registry"]}
}
kubernetes: version: "1.36.2"
network: {interface: "eth0", hosts: "10.0.0.0/16", pods: "10.244.0.0/14", services: "10.96.0.0/12"}
runtime: name: "containerd"
loadBalancer: {mode: "dedicated", vips: api: {address: "10.0.0.100", routerID: 51}, forwards: web: {port: 80, nodePort: 30080}}
`
	changed := strings.NewReplacer("995", "996", "1.36.2", "1.37.2", "0.1.0", "0.2.0", "eth0", "ens3").Replace(text)
	return open(t, text), open(t, changed)
}

func TestAThousandHostsAreFewDifferences(t *testing.T) {
	a, b := fleet(t)
	d := Compare(a, b)
	if len(d.Hosts) != 1 || d.Hosts[0].Like != "w0" {
		t.Errorf("hosts: %+v", d.Hosts)
	}
	if len(d.Texts) > 11 {
		t.Errorf("%d differences of texts", len(d.Texts))
	}
	for _, text := range d.Texts {
		if text.File == "hosts/*/satchel-routes.service" && text.On != "all 998 nodes that were there" {
			t.Errorf("%s on %s", text.File, text.On)
		}
	}
}

func BenchmarkCompareAThousandHosts(b *testing.B) {
	left, right := fleet(b)
	b.ReportAllocs()
	for b.Loop() {
		Compare(left, right)
	}
}
