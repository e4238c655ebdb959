//go:build lab && linux

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
	"github.com/satchel-kit/satchel/internal/lab/world"
)

// harborTLS is Harbor with a certificate, on a host of its own.
const harborTLS = containerd + `
domain: "lab.example"
registry: {
	mode: "harbor"
	harbor: {
		tls: true
		projects: {web: public: false, tools: public: true}
		users: {
			alice: projects: {web: "developer", tools: "guest"}
			bob: email: "bob@example.org"
		}
	}
}
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"]}
	w1: {address: "10.0.0.21", roles: ["worker"]}
	reg: {address: "10.0.0.9", roles: ["registry"]}
}
`

// harborPlain is the course's Harbor, without TLS, on a host that is a node too: one
// Docker runs both.
const harborPlain = `
domain: "lab"
runtime: name: "docker"
registry: {
	mode: "harbor"
	port: 8080
	harbor: {version: "2.5.0", compose: "2.12.2", projects: google_containers: public: true, users: carol: projects: google_containers: "projectAdmin"}
}
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"]}
	reg: {address: "10.0.0.9", roles: ["worker", "registry"]}
}
`

// TestHarbor installs clusters whose images come from a Harbor that the bundle brings. The
// programs in Harbor's images are stand-ins, the registry behind them is real.
func TestHarbor(t *testing.T) {
	t.Run("with TLS", func(t *testing.T) {
		testHarbor(t, harborTLS, "https://reg.lab.example", []string{
			"POST /api/v2.0/projects 201", "POST /api/v2.0/projects 201", "POST /api/v2.0/projects 201",
			"POST /api/v2.0/users 201", "POST /api/v2.0/projects/tools/members 201", "POST /api/v2.0/projects/web/members 201",
			"POST /api/v2.0/users 201",
		})
	})
	t.Run("without TLS, on a node", func(t *testing.T) {
		testHarbor(t, harborPlain, "http://reg.lab:8080", []string{
			"POST /api/v2.0/projects 201", "POST /api/v2.0/users 201", "POST /api/v2.0/projects/google_containers/members 201",
		})
	})
}

func testHarbor(t *testing.T, spec, url string, accounts []string) {
	c := site{
		release: "1.34.4", name: "harbor", spec: spec, packages: []string{"docker-registry", "ufw"},
		more: func(in *world.Inputs, base string) {
			version, compose := "2.15.2", "2.40.3"
			if strings.Contains(spec, "2.5.0") {
				version, compose = "2.5.0", "2.12.2"
			}
			if err := in.AddDocker(t.Context(), testLog{t}); err != nil {
				t.Fatal(err)
			}
			if err := in.AddHarbor(t.Context(), base, version, compose, testLog{t}); err != nil {
				t.Fatal(err)
			}
		},
	}.boot(t)
	defer c.explain(t)
	before := c.snapshots(t)
	reg := c.hosts["reg"]
	c.watchArguments(t, reg)
	took := c.install(t)
	c.waitReady(t, time.Minute)
	t.Logf("all nodes were ready %v after the start", took.Round(100*time.Millisecond))
	c.noArguments(t, reg)

	const dir = "/data/server/harbor"
	var made []string
	pushed := false
	for line := range strings.Lines(on(t, reg, "cat "+dir+"/data/requests.log")) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "POST /api/"):
			if pushed {
				t.Errorf("%s came after the first image", line)
			}
			made = append(made, line)
		case strings.HasPrefix(line, "PUT /v2/"):
			pushed = true
		}
	}
	if strings.Join(made, "\n") != strings.Join(accounts, "\n") {
		t.Errorf("Harbor was asked to make\n%s\nnot\n%s", strings.Join(made, "\n"), strings.Join(accounts, "\n"))
	}
	says(t, on(t, reg, "stat -c '%a %U %n' "+dir+"/harbor.yml"), "600 root")
	if strings.HasPrefix(url, "https") {
		says(t, on(t, reg, "stat -c '%a %U' "+dir+"/tls/harbor.key"), "600 root")
	}
	says(t, on(t, reg, "systemctl is-active harbor docker && systemctl is-enabled harbor docker"), "active\nactive\nenabled\nenabled")
	on(t, c.hosts["cp1"], "crictl images | grep -q '"+c.plan.Cluster.Registry.Host+"/google_containers/registry.k8s.io/pause'")

	c.smoke(t)
	c.secondRun(t)

	// It comes back with the host, and keeps what it has.
	if err := reg.PowerOff(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := reg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "Harbor answers after a reboot", func() bool {
		_, _, err := c.hosts["cp1"].Exec(t.Context(), nil, "curl", "-skf", "--max-time", "3", url+"/api/v2.0/health")
		return err == nil
	})
	on(t, c.hosts["cp1"], "image="+c.plan.Cluster.Pull(smokeImage)+"; crictl rmi $image >/dev/null 2>&1; crictl pull $image")
	says(t, on(t, reg, "/opt/bundle/install.sh --secrets /root/secrets"), "reg: nothing to change")
	c.quiet(t)
	c.takenBack(t, before)
}

// watchArguments looks for passwords in the arguments of all programs on a host, again
// and again.
func (c *cluster) watchArguments(t *testing.T, m *lab.Machine) {
	t.Helper()
	on(t, m, `umask 077; sed -n 's/^\(harbor-[a-z-]*\|bootstrap-token\)=//p' /root/secrets > /root/words
test $(wc -l < /root/words) -ge 3
cat > /root/watch.sh <<'EOF'
while :; do
	grep -aFlf /root/words /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | while read -r file; do tr '\0' ' ' < "$file"; echo; done >> /root/leaks
	sleep 0.02
done
EOF
systemd-run --quiet --unit watch bash /root/watch.sh`)
}

// noArguments ends the watch. A leak of the test's own shows that it sees them.
func (c *cluster) noArguments(t *testing.T, m *lab.Machine) {
	t.Helper()
	out := on(t, m, `bash -c 'sleep 2; true' planted "$(head -n 1 /root/words)"; systemctl stop watch; cat /root/leaks`)
	planted := false
	for line := range strings.Lines(out) {
		switch {
		case strings.Contains(line, " planted "):
			planted = true
		case strings.TrimSpace(line) != "":
			t.Errorf("a password was in the arguments or the environment of a program: %s", line)
		}
	}
	if !planted {
		t.Error("the watch does not see a leak")
	}
	on(t, m, "! grep -aqFf /root/words /var/log/satchel/install.log && rm /root/words /root/watch.sh /root/leaks")
}
