//go:build lab && linux

package e2e

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/satchel-kit/satchel/internal/lab"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/spec"
	"github.com/satchel-kit/satchel/internal/standin"
)

// kit is a bundle as a user makes and carries it.
type kit struct {
	satchel, spec, bundle, secrets string
	plan                           *plan.Plan
	// seat is set where this is one seat of a classroom's kit.
	seat string
}

// of is one seat of a classroom's kit.
func (k *kit) of(number int) *kit {
	own := *k
	own.plan = k.plan.Find(number)
	own.seat = own.plan.Seat.NN
	return &own
}

// satchel runs the program and returns what it prints.
func (k *kit) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(k.satchel, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("satchel %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// upstream is where a bundle's bytes come from.
type upstream interface {
	Sources() []plan.Source
	Close() error
}

// specOf makes the directory of a spec from its files by path.
func specOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "spec")
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// makeKit makes a bundle of stand-ins.
func makeKit(t *testing.T, specPath string) *kit {
	t.Helper()
	return buildKit(t, specPath, func(p *plan.Plan) upstream {
		w, err := standin.Serve(t.Context(), p.Images, p.Files)
		if err != nil {
			t.Fatal(err)
		}
		return w
	})
}

// buildKit takes a spec through lock, build and verify, and makes its secrets.
func buildKit(t *testing.T, specPath string, serve func(*plan.Plan) upstream) *kit {
	t.Helper()
	dir := t.TempDir()
	k := &kit{
		satchel: filepath.Join(dir, "satchel"), spec: specPath,
		bundle: filepath.Join(dir, "bundle.tar"), secrets: filepath.Join(dir, "secrets"),
	}
	build := exec.Command("go", "build", "-o", k.satchel, "github.com/satchel-kit/satchel/cmd/satchel")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building satchel: %v\n%s", err, out)
	}
	s, err := spec.Load(specPath)
	if err != nil {
		t.Fatal(err)
	}
	k.plan = plan.New(s)
	world := serve(k.plan)
	defer world.Close()
	supply := []string{"--lock", filepath.Join(dir, "satchel.lock"), "--cache", filepath.Join(dir, "cache")}
	for _, source := range world.Sources() {
		supply = append(supply, "--source", source.Prefix+"="+source.Mirror)
	}
	k.run(t, append([]string{"lock", specPath}, supply...)...)
	k.run(t, append([]string{"build", specPath, "-o", k.bundle}, supply...)...)
	k.run(t, "verify", k.bundle)
	k.run(t, "secrets", "new", specPath, "-o", k.secrets)
	k.run(t, "secrets", "split", specPath, "--secrets", k.secrets, "-o", filepath.Join(dir, "parts"))
	return k
}

// part is a host's part of the secrets.
func (k *kit) part(host string) string {
	return filepath.Join(filepath.Dir(k.bundle), "parts", k.seat, host+".secrets")
}

// carry unpacks the bundle for a host and copies it and the host's secrets there.
func (k *kit) carry(t *testing.T, m *lab.Machine) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bundle")
	args := []string{"unpack", k.bundle, "-o", dir, "--host", m.Name()}
	if k.seat != "" {
		args = append(args, "--seat", k.seat)
	}
	k.run(t, args...)
	if err := m.CopyIn(t.Context(), dir, "/opt/bundle"); err != nil {
		t.Fatal(err)
	}
	k.hand(t, m)
}

// hand gives a host its part of the secrets.
func (k *kit) hand(t *testing.T, m *lab.Machine) {
	t.Helper()
	secrets, err := os.Open(k.part(m.Name()))
	if err != nil {
		t.Fatal(err)
	}
	defer secrets.Close()
	if _, _, err := m.Exec(t.Context(), secrets, "sh", "-c", "umask 077; cat > /root/secrets"); err != nil {
		t.Fatal(err)
	}
}

// replace has another bundle take the place of that of a host; the secrets stay. With what
// came before, k.bundle is a delta of it.
func (k *kit) replace(t *testing.T, m *lab.Machine, before ...string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bundle")
	k.run(t, append(append([]string{"unpack"}, before...), k.bundle, "-o", dir, "--host", m.Name())...)
	on(t, m, "rm -rf /opt/bundle")
	if err := m.CopyIn(t.Context(), dir, "/opt/bundle"); err != nil {
		t.Fatal(err)
	}
}

// delta is the kit with a bundle that has only what another one lacks.
func (k *kit) delta(t *testing.T, since *kit) *kit {
	t.Helper()
	own := *k
	dir := filepath.Dir(k.bundle)
	own.bundle = filepath.Join(dir, "delta.tar")
	k.run(t, "build", k.spec, "-o", own.bundle, "--since", since.bundle, "--lock", filepath.Join(dir, "satchel.lock"), "--cache", filepath.Join(dir, "cache"), "--offline")
	k.run(t, "verify", since.bundle, own.bundle)
	return &own
}

// takeSecrets has the kit's hosts get their parts of these secrets.
func (k *kit) takeSecrets(t *testing.T, secrets string) {
	t.Helper()
	k.secrets = secrets
	parts := filepath.Join(filepath.Dir(k.bundle), "parts")
	if err := os.RemoveAll(parts); err != nil {
		t.Fatal(err)
	}
	k.run(t, "secrets", "split", k.spec, "--secrets", secrets, "-o", parts)
}

// network makes the hosts' network and their root file system, with packages beside
// the usual, or skips where hosts cannot be booted.
func network(t *testing.T, subnet string, packages ...string) (*lab.Network, string) {
	t.Helper()
	if err := lab.Possible(); err != nil {
		if os.Getenv("SATCHEL_TOOLS") == "required" {
			t.Fatalf("cannot boot hosts here: %v", err)
		}
		t.Skipf("cannot boot hosts here: %v", err)
	}
	base, err := lab.Base(t.Context(), "", packages...)
	if err != nil {
		t.Fatal(err)
	}
	n, err := lab.NewNetwork(t.Context(), t.Name(), netip.MustParsePrefix(subnet))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n, base
}

// boot starts a host of the plan.
func (k *kit) boot(t *testing.T, n *lab.Network, base, name string) *lab.Machine {
	t.Helper()
	for _, h := range k.plan.Hosts {
		if h.Name == name {
			host := lab.Host{Name: name, Address: netip.MustParseAddr(h.Address), Base: base}
			if h.Address6 != "" {
				host.Address6 = netip.MustParseAddr(h.Address6)
			}
			m, err := n.Boot(t.Context(), host)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
	}
	t.Fatalf("the spec has no host %s", name)
	return nil
}
