//go:build lab && linux

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

// room is a kit whose seats are all on one network; only their load balancers are booted.
const room = `package cluster

kit: {name: "room", seats: 2}

name: "room-\(kit.nn)"

hosts: {
	"s\(kit.seat)-cp": {address: "10.0.0.\(20*kit.seat+1)", roles: ["control-plane"]}
	"s\(kit.seat)-lb1": {address: "10.0.0.\(20*kit.seat+2)", roles: ["load-balancer"]}
	"s\(kit.seat)-lb2": {address: "10.0.0.\(20*kit.seat+3)", roles: ["load-balancer"]}
}

network: hosts: "10.0.0.0/24"

kubernetes: version: "1.34.4"

runtime: name: "containerd"

registry: mode: "preload"

loadBalancer: {
	mode: "dedicated"
	vips: api: {address: "10.0.0.\(20*kit.seat+9)", routerID: 50+kit.seat, preferred: "s\(kit.seat)-lb1"}
}
`

// seat is a booted seat of a kit.
type seat struct {
	vip      string
	one, two *lab.Machine
}

// TestSeatsSideBySide boots two seats of one kit on one network: neither disturbs the
// other, and what one seat breaks stays in that seat.
func TestSeatsSideBySide(t *testing.T) {
	k := makeKit(t, specOf(t, map[string]string{"cluster.cue": room}))
	n, base := network(t, "10.0.0.0/24", systemPackages...)
	var seats []*seat
	for number := 1; number <= 2; number++ {
		own := k.of(number)
		s := &seat{vip: fmt.Sprintf("10.0.0.%d", 20*number+9)}
		s.one = own.boot(t, n, base, fmt.Sprintf("s%d-lb1", number))
		s.two = own.boot(t, n, base, fmt.Sprintf("s%d-lb2", number))
		for _, m := range []*lab.Machine{s.one, s.two} {
			own.carry(t, m)
			on(t, m, "/opt/bundle/install.sh --secrets /root/secrets")
		}
		seats = append(seats, s)
	}
	a, b := seats[0], seats[1]
	for _, step := range []struct {
		promise string
		test    func(*testing.T)
	}{
		{"each seat holds its own address", func(t *testing.T) { a.holds(t, a.one); b.holds(t, b.one) }},
		{"no host hears another seat's VRRP", func(t *testing.T) { a.quiet(t, b); b.quiet(t, a) }},
		{"a failover in one seat does not touch the other", func(t *testing.T) { a.failover(t, b) }},
		{"the checks find all well", func(t *testing.T) { a.wellChecked(t); b.wellChecked(t) }},
		{"a lesson moves the address, and its reset brings all back", a.testAddressLesson},
		{"a lesson breaks a backend, is mended by hand, and its reset brings all back", a.testBackendLesson},
		{"the teacher's page says how every host is", func(t *testing.T) { testTeacher(t, k, k.of(1).boot(t, n, base, "s1-cp"), a, b) }},
		{"lessons refuse what they cannot do", func(t *testing.T) { a.testRefusals(t, b) }},
	} {
		if !t.Run(step.promise, step.test) {
			return
		}
	}
}

// holds waits until the seat's address is on one of its hosts and on no other.
func (s *seat) holds(t *testing.T, on *lab.Machine) {
	t.Helper()
	other := s.two
	if on == s.two {
		other = s.one
	}
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if s.isOn(t, on) && !s.isOn(t, other) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is not on %s alone", s.vip, on.Name())
		}
	}
}

func (s *seat) isOn(t *testing.T, m *lab.Machine) bool {
	t.Helper()
	return strings.Contains(on(t, m, "ip -o -4 addr show"), " "+s.vip+"/")
}

// quiet looks for packets of another seat and for complaints about any.
func (s *seat) quiet(t *testing.T, other *seat) {
	t.Helper()
	for _, m := range []*lab.Machine{s.one, s.two} {
		log := on(t, m, "journalctl -u keepalived --no-pager")
		for _, word := range []string{other.vip, "ogus", "gnoring", "ismatch", "nvalid"} {
			if strings.Contains(log, word) {
				t.Errorf("keepalived of %s speaks of %q:\n%s", m.Name(), word, log)
			}
		}
		if addresses := on(t, m, "ip -o -4 addr show"); strings.Contains(addresses, other.vip) {
			t.Errorf("%s has the other seat's address:\n%s", m.Name(), addresses)
		}
	}
}

func (s *seat) failover(t *testing.T, other *seat) {
	before := on(t, other.one, "journalctl -u keepalived --no-pager | wc -l")
	on(t, s.one, "systemctl stop keepalived")
	s.holds(t, s.two)
	other.holds(t, other.one)
	on(t, s.one, "systemctl start keepalived")
	s.holds(t, s.one)
	if after := on(t, other.one, "journalctl -u keepalived --no-pager | wc -l"); after != before {
		t.Error("keepalived of the other seat has noticed something")
	}
}

func (s *seat) wellChecked(t *testing.T) {
	for _, m := range []*lab.Machine{s.one, s.two} {
		says(t, on(t, m, "/opt/bundle/check.sh 1.1.1 1.2.2"), "--- names", "--- failover", "ok   haproxy answers keepalived")
	}
	says(t, on(t, s.one, "/opt/bundle/check.sh 1.2.2"), "this host holds "+s.vip+" (api), as it should")
	var found struct {
		Cluster, Host string
		OK            bool
		Checks        []struct{ Check, Result, Text string }
	}
	if err := json.Unmarshal([]byte(on(t, s.one, "/opt/bundle/check.sh failover nodes --format json")), &found); err != nil {
		t.Fatal(err)
	}
	if !found.OK || found.Host != s.one.Name() || len(found.Checks) < 4 {
		t.Errorf("got %+v", found)
	}
	for _, c := range found.Checks {
		if c.Check == "nodes" && c.Result != "skip" {
			t.Errorf("a check of control planes was made on a load balancer: %+v", c)
		}
	}
}

// configs is a checksum of what lessons may change, with modes and owners.
const configs = `ls -l --time-style=full-iso /etc/haproxy /etc/keepalived | sha256sum; cat /etc/haproxy/* /etc/keepalived/* 2>/dev/null | sha256sum`

func (s *seat) testAddressLesson(t *testing.T) {
	before := on(t, s.one, configs)
	says(t, on(t, s.one, "/opt/bundle/lesson.sh start vip-elsewhere"), s.vip+" is not on "+s.one.Name())
	s.holds(t, s.two)
	says(t, fails(t, s.one, "/opt/bundle/lesson.sh check vip-elsewhere"), "not mended yet")
	says(t, fails(t, s.one, "/opt/bundle/check.sh 1.2.2"), "FAIL "+s.vip+" (api) belongs on this host")
	says(t, on(t, s.one, "/opt/bundle/lesson.sh reset vip-elsewhere"), "everything is as it was")
	s.holds(t, s.one)
	if after := on(t, s.one, configs); after != before {
		t.Errorf("the reset did not bring all back:\n%s\n%s", before, after)
	}
	says(t, on(t, s.one, "/opt/bundle/lesson.sh reset vip-elsewhere"), "nothing to do")
	says(t, on(t, s.one, "/opt/bundle/install.sh --secrets /root/secrets"), "nothing to change")
}

func (s *seat) testBackendLesson(t *testing.T) {
	before := on(t, s.one, configs)
	on(t, s.one, "/opt/bundle/lesson.sh start haproxy-backend")
	says(t, fails(t, s.one, "/opt/bundle/check.sh 1.2.2"), ":6444, where no API server is")
	on(t, s.one, "! /opt/bundle/lesson.sh check haproxy-backend")
	on(t, s.one, "sed -i s/:6444/:6443/ /etc/haproxy/haproxy.cfg && systemctl reload haproxy")
	says(t, on(t, s.one, "/opt/bundle/lesson.sh check haproxy-backend"), "mended")
	on(t, s.one, "/opt/bundle/lesson.sh reset haproxy-backend")
	if after := on(t, s.one, configs); after != before {
		// The time of a file that was mended by hand may differ, and nothing else.
		says(t, on(t, s.one, "/opt/bundle/install.sh --secrets /root/secrets"), "nothing to change")
	}
}

func (s *seat) testRefusals(t *testing.T, other *seat) {
	says(t, fails(t, s.two, "/opt/bundle/lesson.sh start vip-elsewhere"), "this lesson is for "+s.one.Name()+", and this is "+s.two.Name())
	says(t, fails(t, s.one, "/opt/bundle/lesson.sh start dance"), "there is no lesson dance here")
	says(t, fails(t, s.one, "/opt/bundle/lesson.sh check vip-elsewhere"), "is not started")
	says(t, fails(t, s.one, "/opt/bundle/check.sh 9.9.9"), "there is no chapter or check 9.9.9")
	on(t, s.one, "systemctl stop haproxy")
	says(t, fails(t, s.one, "/opt/bundle/lesson.sh start haproxy-backend"), "nothing was changed")
	on(t, s.one, "systemctl start haproxy")
	s.holds(t, s.one)
	on(t, s.one, "/opt/bundle/lesson.sh start haproxy-backend")
	says(t, fails(t, s.one, "/opt/bundle/lesson.sh start vip-elsewhere"), "the lesson haproxy-backend is not over")
	on(t, s.one, "/opt/bundle/lesson.sh reset haproxy-backend")
	// The bundle and the secrets of one seat are of no use in another.
	says(t, fails(t, other.two, "rm -rf /opt/wrong; cp -r /opt/bundle /opt/wrong; sed -i 's/^cluster=.*/cluster=room-01/' /root/secrets; /opt/wrong/install.sh --secrets /root/secrets"),
		"the secrets are those of the cluster room-01, this bundle is of room-02")
}

// testTeacher asks all seats from the host of one of them that is not installed.
func testTeacher(t *testing.T, k *kit, desk *lab.Machine, seats ...*seat) {
	dir := filepath.Join(t.TempDir(), "room")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("tar", "-xf", k.bundle, "-C", dir, "teacher").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for number := range seats {
		nn := fmt.Sprintf("%02d", number+1)
		k.run(t, "unpack", k.bundle, "-o", filepath.Join(dir, "seat"+nn), "--seat", nn)
	}
	if err := desk.CopyIn(t.Context(), dir, "/root/room"); err != nil {
		t.Fatal(err)
	}
	on(t, desk, "mkdir -p -m 700 /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519")
	key := strings.TrimSpace(on(t, desk, "cat /root/.ssh/id_ed25519.pub"))
	for _, s := range seats {
		for _, m := range []*lab.Machine{s.one, s.two} {
			on(t, m, "ssh-keygen -A >/dev/null; mkdir -p /run/sshd; systemctl start ssh; mkdir -p -m 700 /root/.ssh; echo '"+key+"' >/root/.ssh/authorized_keys; chmod 600 /root/.ssh/authorized_keys")
			on(t, desk, "ssh-keyscan "+m.Address().String()+" >>/root/.ssh/known_hosts 2>/dev/null")
		}
	}
	const ask = "cd /root/room && teacher/teacher.sh -- --dir /opt/bundle"
	says(t, fails(t, desk, ask), "room.html: 0 of 2 seats are well")
	page := on(t, desk, "cat /root/room/room.html")
	says(t, page, "Of 2 seats 0 are well", `<td>01</td><td>room-01</td><td class="ill">not well</td><td>s1-cp</td>`,
		`<td class="well">well</td><td>s1-lb1</td><td>all is well</td>`, `<td class="well">well</td><td>s2-lb2</td><td>all is well</td>`)
	on(t, seats[1].two, "systemctl stop haproxy")
	fails(t, desk, ask)
	page = on(t, desk, "cat /root/room/room.html")
	says(t, page, `<td class="ill">not well</td><td>s2-lb2</td>`, `<td class="well">well</td><td>s2-lb1</td>`)
	on(t, seats[1].two, "systemctl start haproxy")
}
