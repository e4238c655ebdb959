package spec

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pair is a kit of load-balanced clusters that fit into one network.
const pair = `package cluster

import "net"

kit: {name: "room", seats: 12}

let first = 20 * kit.seat

name:   "room-\(kit.nn)"
domain: "seat\(kit.nn).example.com"
hosts: {
	cp: {address: net.AddIP("10.20.0.0", first+1), roles: ["control-plane"]}
	w: {address: net.AddIP("10.20.0.0", first+2), roles: ["worker"]}
	lb: {address: net.AddIP("10.20.0.0", first+3), roles: ["load-balancer"]}
}
network: hosts: "10.20.0.0/16"
kubernetes: version: "1.34.4"
runtime: name: "containerd"
registry: mode: "preload"
loadBalancer: {
	mode: "dedicated"
	vips: api: {address: net.AddIP("10.20.0.0", first+9), routerID: kit.seat}
}
`

func loadText(t *testing.T, text string) (*Spec, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cluster.cue")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return Load(file)
}

func TestEachSeatIsAClusterOfItsOwn(t *testing.T) {
	kit, err := loadText(t, pair)
	if err != nil {
		t.Fatal(err)
	}
	if len(kit.Seats) != 12 || kit.Cluster.Name != "room" {
		t.Fatalf("%d seats of %s", len(kit.Seats), kit.Cluster.Name)
	}
	digests := map[string]bool{}
	for _, s := range kit.Seats {
		digests[s.Digest] = true
	}
	if len(digests) != 12 {
		t.Errorf("12 seats have %d digests", len(digests))
	}
	seventh := kit.Seats[6]
	if c := seventh.Cluster; c.Name != "room-07" || c.Domain != "seat07.example.com" || c.Hosts["cp"].Address != "10.20.0.141" ||
		c.LoadBalancer.VIPs["api"].RouterID != 7 || c.Kit != nil || c.Guide.Language != "en" {
		t.Errorf("seat 7 is %+v", c)
	}
	if *seventh.Seat != (Seat{Kit: "room", Number: 7, NN: "07"}) {
		t.Errorf("seat 7 is called %+v", *seventh.Seat)
	}
}

// What a seat is does not depend on how many others there are, or whether it was read
// as the first of its kind or as one like another.
func TestASeatIsTheSameInALargerKit(t *testing.T) {
	small, err := loadText(t, pair)
	if err != nil {
		t.Fatal(err)
	}
	large, err := loadText(t, strings.Replace(pair, "seats: 12", "seats: 64", 1))
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range small.Seats {
		if s.Digest != large.Seats[i].Digest {
			t.Errorf("seat %d has another digest in the larger kit", i+1)
		}
	}
}

func TestSeatsAreHeldAgainstEachOther(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"one address twice": {
			"first+2)", "42)",
			`cluster.cue:13:6: seat 02 and 10 more: hosts.w.address: given "10.20.0.42"; allowed: an address of its own in each seat; it is seat 01's hosts.w.address too`},
		"seats overlap": {
			"20 * kit.seat", "2 * kit.seat",
			`seat 02 and 10 more: hosts.cp.address: given "10.20.0.5"; allowed: an address of its own in each seat; it is seat 01's hosts.lb.address too`},
		"one VRRP id": {
			"routerID: kit.seat", "routerID: 51",
			`loadBalancer.vips.api.routerID: given 51; allowed: 1 to 255, each once in the network 10.20.0.0/16; it is seat 01's loadBalancer.vips.api.routerID too`},
		"one name": {
			`name:   "room-\(kit.nn)"`, `name: "room"`,
			`seat 02 and 10 more: name: given "room"; allowed: a name for each seat`},
		"one domain": {
			`"seat\(kit.nn).example.com"`, `"example.com"`,
			`hosts.cp: given "cp.example.com"; allowed: a name of its own in each seat`},
		"too many for the subnet": {
			`"10.20.0.0/16"`, `"10.20.0.0/27"`,
			`kit.seats: given 12; allowed: at most 7: each seat takes 4 addresses, and network.hosts, 10.20.0.0/27, has 30`},
		"beyond the subnet": {
			`"10.20.0.0/16"`, `"10.20.0.0/25"`,
			`seat 07 and others: hosts.cp.address: given "10.20.0.141"; allowed: an address in network.hosts, 10.20.0.0/25`},
		"no more such addresses": {
			`net.AddIP("10.20.0.0", first+1)`, `"10.20.0.\(250+kit.seat)"`,
			`seat 06 and others: hosts.cp.address: given "10.20.0.256"; allowed: an IPv4 address such as 10.0.0.12`},
		"subnets that overlap": {
			`"10.20.0.0/16"`, `[if kit.seat > 6 {"10.20.0.0/15"}, "10.20.0.0/16"][0]`,
			`seat 07`},
		"another release for one seat": {
			`version: "1.34.4"`, `version: [if kit.seat == 3 {"1.34.2"}, "1.34.4"][0]`,
			`seat 03: kubernetes.version: given "1.34.2"; allowed: the same in all seats; seat 01 has "1.34.4"`},
		"no seats": {
			"seats: 12", "seats: 0",
			`kit.seats: given 0; allowed: 1 to 999`},
		"seats missing": {
			", seats: 12", "",
			`kit.seats: missing; needs 1 to 999`},
		"seats not a number": {
			"seats: 12", `seats: "12"`,
			`kit.seats: given "12"; allowed: 1 to 999`},
		"kit without a name": {
			`name: "room", `, "",
			`kit.name: missing; needs a DNS label`},
		"seat given": {
			"seats: 12}", "seats: 12, seat: 3}",
			`kit.seat`},
		"kit that is no struct": {
			`kit: {name: "room", seats: 12}`, "kit: 12",
			`kit`},
		"unknown field of all seats": {
			`mode: "preload"`, `{mode: "preload", x: kit.seat}`,
			`cluster.cue:19:29: registry.x: given an unknown field`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(pair, c.old, c.new, 1)
			if text == pair {
				t.Fatal("nothing was replaced")
			}
			_, err := loadText(t, text)
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("want problems, got %v", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got\n%v\nwant …%s", err, c.want)
			}
			for _, p := range problems {
				if p.Line == 0 {
					t.Errorf("no place: %s", p)
				}
			}
		})
	}
}

// Seats behind one load balancer of somebody else's are told apart by their ports.
func TestSeatsMayShareAnAddressAtDifferentPorts(t *testing.T) {
	outside := `{
	mode: "external"
	address: "lb.example.com"
	apiPort: PORT
}
`
	head, _, _ := strings.Cut(pair, "loadBalancer: {\n")
	head = strings.Replace(head, `	lb: {address: net.AddIP("10.20.0.0", first+3), roles: ["load-balancer"]}`+"\n", "", 1)
	text := head + "loadBalancer: " + outside
	if _, err := loadText(t, strings.Replace(text, "PORT", "6443 + kit.seat", 1)); err != nil {
		t.Error(err)
	}
	_, err := loadText(t, strings.Replace(text, "PORT", "6443", 1))
	if err == nil || !strings.Contains(err.Error(), "loadBalancer.apiPort: given \"lb.example.com:6443\"; allowed: a port of its own for each seat") {
		t.Errorf("got %v", err)
	}
}

// Only names and addresses are looked at again in a seat like another: whatever else
// differs is held against all rules.
func TestASeatThatDiffersInMoreIsReadInFull(t *testing.T) {
	text := strings.Replace(pair, `registry: mode: "preload"`, `registry: mode: "preload"
services: web: {type: "NodePort", ports: [{port: 80, nodePort: [if kit.seat == 9 {80}, 30080][0]}]}`, 1)
	_, err := loadText(t, text)
	if err == nil || !strings.Contains(err.Error(), "seat 09: services.web.ports.0.nodePort: given 80; allowed: 30000 to 32767") {
		t.Errorf("got %v", err)
	}
}
