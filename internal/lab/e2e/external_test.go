//go:build lab && linux

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

// external is a cluster on a site that has a registry and a load balancer already, and
// whose hosts let in only what they must.
const external = containerd + `
loadBalancer: {mode: "external", address: "api.site.example"}
registry: {
	mode:    "external"
	address: "registry.site.example:5000"
	project: "mirror/kubernetes"
	ca: """
CERTIFICATE
		"""
}
network: flannel: backend: "host-gw"
system: firewall: "ufw"
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane"]}
	w1: {address: "10.0.0.21", roles: ["worker"]}
}
`

// siteServices are the site's registry, and its load balancer, which knows nothing of
// Kubernetes.
const siteServices = `set -e
mkdir -p /srv/registry
cat > /srv/registry.yml <<'EOF'
version: 0.1
storage: {filesystem: {rootdirectory: /srv/registry}}
http: {addr: 0.0.0.0:5000, tls: {certificate: /srv/registry.crt, key: /srv/registry.key}}
EOF
systemd-run --quiet --unit registry docker-registry serve /srv/registry.yml
cat > /srv/haproxy.cfg <<'EOF'
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen api
    bind :6443
    server cp1 10.0.0.11:6443 check
EOF
systemd-run --quiet --unit balancer haproxy -W -f /srv/haproxy.cfg`

// siteFirewall shuts what no rule opens; the site's names are known by /etc/hosts.
const siteFirewall = `printf '10.0.0.5 registry.site.example api.site.example\n' >> /etc/hosts
ufw default deny incoming && ufw default deny routed && ufw --force enable`

// TestExternal installs a cluster whose images come from the site's own registry and
// whose API is behind the site's own load balancer.
func TestExternal(t *testing.T) {
	authority, certificate, key := makeCertificate(t)
	indented := "\t\t" + strings.ReplaceAll(strings.TrimSpace(authority), "\n", "\n\t\t")
	c := site{
		release: "1.34.4", name: "external", packages: []string{"docker-registry", "ufw"},
		spec: strings.Replace(external, "CERTIFICATE", indented, 1),
	}.boot(t)
	defer c.explain(t)
	services, err := c.net.Boot(t.Context(), lab.Host{Name: "site", Address: netip.MustParseAddr("10.0.0.5"), Base: c.base})
	if err != nil {
		t.Fatal(err)
	}
	write(t, services, "/srv/registry.crt", certificate)
	write(t, services, "/srv/registry.key", key)
	on(t, services, siteServices)
	for _, m := range c.hosts {
		on(t, m, siteFirewall)
	}
	before := c.snapshots(t)

	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, []byte(authority), 0o644); err != nil {
		t.Fatal(err)
	}
	push := []string{c.satchel, "push", c.bundle, "10.0.0.5:5000/mirror/kubernetes", "--images", "--ca", ca}
	eventually(t, 10*time.Second, "the registry listens", func() bool {
		conn, err := c.net.Dial(t.Context(), "tcp", "10.0.0.5:5000")
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	if out, said, err := c.net.Exec(t.Context(), push...); err != nil {
		t.Fatalf("satchel push: %v\n%s%s", err, out, said)
	}

	took := c.install(t)
	c.waitReady(t, time.Minute)
	t.Logf("all nodes were ready %v after the start", took.Round(100*time.Millisecond))
	c.testHostGateway(t)
	c.smoke(t)
	for _, m := range c.hosts {
		// All images are the registry's, and each was asked of the site's registry alone.
		if other := on(t, m, "crictl images --no-trunc | tail -n +2 | grep -v '^registry.site.example:5000/mirror/kubernetes/' || true"); other != "" {
			t.Errorf("%s has images from elsewhere:\n%s", m.Name(), other)
		}
		says(t, on(t, m, "ufw status"), "10250/tcp", "Status: active")
	}
	says(t, on(t, c.hosts["w1"], "grep server: /etc/kubernetes/kubelet.conf"), "https://api.site.example:6443")
	if answers(t, c.net, c.hosts["cp1"], 10257) {
		t.Error("the controller manager's port is open")
	}
	c.secondRun(t)
	c.quiet(t)
	c.takenBack(t, before)
}

// testHostGateway holds that packets go straight to the other node, and no tunnel exists.
func (c *cluster) testHostGateway(t *testing.T) {
	direct := regexp.MustCompile(`(?m)^10\.244\.\d+\.0/24 via 10\.0\.0\.\d+ dev eth0 `)
	for name, m := range c.hosts {
		eventually(t, 20*time.Second, name+" routes to the other node's pods", func() bool {
			return direct.MatchString(on(t, m, "ip route show"))
		})
		on(t, m, "! ip link show type vxlan | grep .")
	}
}

// write puts a file on a host that nobody else can read.
func write(t *testing.T, m *lab.Machine, file, content string) {
	t.Helper()
	if _, _, err := m.Exec(t.Context(), strings.NewReader(content), "sh", "-c", "umask 077; cat > "+file); err != nil {
		t.Fatal(err)
	}
}

// makeCertificate makes an authority, and a certificate with its key for the site's
// registry.
func makeCertificate(t *testing.T) (authority, certificate, key string) {
	t.Helper()
	sign := func(template, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) string {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	newKey := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	from, to := time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the site"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "registry"}, NotBefore: from, NotAfter: to,
		DNSNames: []string{"registry.site.example"}, IPAddresses: []net.IP{net.ParseIP("10.0.0.5")},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	caKey, serverKey := newKey(), newKey()
	der, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		t.Fatal(err)
	}
	return sign(ca, ca, &caKey.PublicKey, caKey), sign(server, ca, &serverKey.PublicKey, caKey),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
