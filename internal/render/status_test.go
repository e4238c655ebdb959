package render_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate is one that ends then, as PEM.
func certificate(t *testing.T, key any, public any, from, to time.Time) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(99012312345678), Subject: pkix.Name{CommonName: "991231235959Z", Organization: []string{"system:masters"}}, NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func kubeconfig(certificate string) string {
	return "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: bm90aGluZwo=\nusers:\n- name: x\n  user:\n    client-certificate-data: " +
		base64.StdEncoding.EncodeToString([]byte(certificate)) + "\n    client-key-data: bm90aGluZwo=\n"
}

// The scripts read when certificates end as the library does that made them.
func TestWhenCertificatesEnd(t *testing.T) {
	l := newLibrary(t)
	text, err := os.ReadFile("../../templates/steps/expiry.sh")
	if err != nil {
		t.Fatal(err)
	}
	l.write(t, "steps/expiry.sh", string(text))
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	script, want := `. "$BUNDLE/steps/expiry.sh"`, ""
	for i, c := range []struct{ from, to string }{
		{"2026-01-02T03:04:05Z", "2027-01-02T03:04:05Z"},
		{"1999-12-31T23:59:59Z", "2000-01-01T00:00:00Z"},
		{"2026-01-02T03:04:05Z", "2049-12-31T23:59:59Z"},
		{"2026-01-02T03:04:05Z", "2050-01-01T00:00:00Z"},
		{"2051-08-09T08:09:09Z", "2151-08-09T08:09:09Z"},
		{"1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"},
	} {
		from, to := moment(t, c.from), moment(t, c.to)
		first := certificate(t, ec, &ec.PublicKey, from, to)
		other := certificate(t, big, &big.PublicKey, from, to.Add(time.Second))
		for j, file := range []string{first + other, other, kubeconfig(first + other), "a text before\n" + other} {
			name := fmt.Sprintf("file-%d-%d", i, j)
			l.write(t, name, file)
			script += "\necho $(ends_at " + name + ")"
			if strings.HasPrefix(file, first) || j == 2 {
				want += fmt.Sprintln(to.Unix())
			} else {
				want += fmt.Sprintln(to.Unix() + 1)
			}
		}
	}
	l.write(t, "empty", "")
	l.write(t, "other", "-----BEGIN CERTIFICATE-----\nMDAw\n-----END CERTIFICATE-----\n")
	l.write(t, "damaged", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n")
	script += "\nfor f in empty other damaged; do echo \"[$(ends_at $f)]\"; done"
	want += "[]\n[]\n[]\n"
	if got := l.must(t, "10-a", script); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestStatusOfAControlPlane(t *testing.T) {
	n := newNode(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	ends := func(days int) string {
		return certificate(t, key, &key.PublicKey, now.Add(-time.Hour), now.Add(time.Duration(days)*24*time.Hour+time.Hour))
	}
	n.write(t, "kubernetes/pki/apiserver.crt", ends(300))
	n.write(t, "kubernetes/admin.conf", kubeconfig(ends(12)))
	n.write(t, "kubernetes/scheduler.conf", kubeconfig(ends(200)))
	n.write(t, "kubernetes/controller-manager.conf", kubeconfig(ends(-2)))
	n.write(t, "kubernetes/kubelet.conf", "users:\n- user:\n    client-certificate: /pki/kubelet-client-current.pem\n")
	n.write(t, "kubernetes/other.conf", "users:\n- user:\n    token: abc\n")
	n.write(t, "kubernetes/damaged.conf", "users:\n- user:\n    client-certificate-data: abc\n")
	n.write(t, "kubelet/pki/kubelet-client-current.pem", ends(100))
	n.write(t, "kubernetes/pki/sa.crt", "damaged\n")
	n.part(t, "kube-apiserver", "v1.34.4")
	n.part(t, "kube-scheduler", "v1.34.40")

	// A minimal system has no openssl.
	if err := os.Symlink("/bin/false", filepath.Join(n.dir, "bin/openssl")); err != nil {
		t.Fatal(err)
	}
	out, err := n.run(t, "status.sh")
	if err == nil {
		t.Error("it finds all well")
	}
	at := func(days int) string {
		return fmt.Sprintf("ends in %d days, %s", days, now.Add(time.Duration(days)*24*time.Hour+time.Hour).UTC().Format("2006-01-02"))
	}
	says(t, out,
		"ok    version      kube-apiserver: 1.34.4, the bundle has 1.34.4\n",
		"bad   version      kube-controller-manager: 1.34.2, the bundle has 1.34.4\n",
		"bad   version      kube-scheduler: 1.34.40, the bundle has 1.34.4\n",
		"bad   version      kubeadm-config: 1.34.2, the bundle has 1.34.4\n",
		"bad   version      etcd: 3.5.24-0, the bundle has 3.6.5-0\n",
		"ok    certificate  "+n.dir+"/kubernetes/pki/apiserver.crt: "+at(300),
		"bad   certificate  "+n.dir+"/kubernetes/admin.conf: "+at(12),
		"ok    certificate  "+n.dir+"/kubernetes/scheduler.conf: "+at(200),
		"bad   certificate  "+n.dir+"/kubernetes/controller-manager.conf: ended "+now.Add(-47*time.Hour).UTC().Format("2006-01-02"),
		"ok    certificate  "+n.dir+"/kubelet/pki/kubelet-client-current.pem: "+at(100),
		"bad   certificate  "+n.dir+"/kubernetes/pki/sa.crt: cannot be read\n",
		"bad   certificate  "+n.dir+"/kubernetes/damaged.conf: cannot be read\n")
	for _, none := range []string{"kubelet.conf", "other.conf"} {
		if strings.Contains(out, none) {
			t.Errorf("it speaks of %s, which has no certificate:\n%s", none, out)
		}
	}

	// Another control plane's bundle does not name etcd; the cluster does.
	n.write(t, "configuration", fmt.Sprintf(configuration, "1.34.4", "v1.12.1", "3.5.24-0", "registry.k8s.io"))
	n.edit(t, "hosts/cp1/kubeadm.yaml", "etcd:", "none:")
	out, _ = n.run(t, "status.sh")
	says(t, out, "ok    version      etcd: 3.5.24-0, the cluster has 3.5.24-0\n", "ok    version      kubeadm-config: 1.34.4, ")
}
