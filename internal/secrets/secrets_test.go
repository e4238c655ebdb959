package secrets

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var made = sync.OnceValues(func() (Set, error) {
	return New(Request{
		Cluster: "test", Now: time.Unix(1_700_000_000, 0), CALifetime: 48 * time.Hour,
		Names:         []string{"vrrp-password", "encryption-key", "harbor-admin-password", "harbor-user-shuji", "registry-ca-crt", "registry-key"},
		RegistryNames: []string{"reg.example.com", "10.0.0.20"},
	})
})

func set(t *testing.T) Set {
	t.Helper()
	s, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func decode(t *testing.T, value string) []byte {
	t.Helper()
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAuthoritiesAreThoseThatKubeadmTakes(t *testing.T) {
	s := set(t)
	for _, name := range []string{"ca", "front-proxy-ca", "etcd-ca"} {
		pair, err := tls.X509KeyPair(decode(t, s[name+"-crt"]), decode(t, s[name+"-key"]))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if !c.IsCA || c.KeyUsage&x509.KeyUsageCertSign == 0 || c.CheckSignatureFrom(c) != nil {
			t.Errorf("%s cannot sign", name)
		}
		if begin := c.NotBefore.Unix(); begin != 1_700_000_000-300 {
			t.Errorf("%s begins at %d", name, begin)
		}
		if end := c.NotAfter.Unix(); end != 1_700_000_000+48*3600 {
			t.Errorf("%s ends at %d", name, end)
		}
		if name == "ca" {
			sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
			if s["ca-hash"] != "sha256:"+hex.EncodeToString(sum[:]) {
				t.Error("ca-hash is not that of the authority's key")
			}
		}
	}
	private, _ := pem.Decode(decode(t, s["sa-key"]))
	public, _ := pem.Decode(decode(t, s["sa-pub"]))
	key, err := x509.ParsePKCS1PrivateKey(private.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := x509.ParsePKIXPublicKey(public.Bytes); err != nil || !key.PublicKey.Equal(other) {
		t.Error("the service account's keys do not fit")
	}
}

func TestRegistryCertificateIsOfItsOwnAuthority(t *testing.T) {
	s := set(t)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(decode(t, s["registry-ca-crt"])) {
		t.Fatal("no authority")
	}
	pair, err := tls.X509KeyPair(decode(t, s["registry-crt"]), decode(t, s["registry-key"]))
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"reg.example.com", "10.0.0.20"} {
		if _, err := c.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: time.Unix(1_700_000_000, 0)}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, kept := s["registry-ca-key"]; kept {
		t.Error("the key of the registry's authority is kept")
	}
}

func TestUnknownSecretIsAnError(t *testing.T) {
	_, err := New(Request{Cluster: "test", Names: []string{"typo"}})
	if err == nil || !strings.Contains(err.Error(), "typo") {
		t.Errorf("got %v", err)
	}
}

func TestFormsThatOthersDemand(t *testing.T) {
	s := set(t)
	for name, form := range map[string]string{
		"bootstrap-token": `^[a-z0-9]{6}\.[a-z0-9]{16}$`, // kubeadm
		"vrrp-password":   `^[A-Za-z0-9]{8}$`,            // keepalived reads 8 characters
		"stats-password":  `^[A-Za-z0-9]{24}$`,
		"created":         `^1700000000$`,
		// 32 bytes, and Harbor's rule of one character of each kind.
		"encryption-key":        `^[A-Za-z0-9+/]{43}=$`,
		"harbor-admin-password": `^[A-Za-z0-9]{21}[A-Z][a-z][0-9]$`,
		"harbor-user-shuji":     `^[A-Za-z0-9]{21}[A-Z][a-z][0-9]$`,
	} {
		if !regexp.MustCompile(form).MatchString(s[name]) {
			t.Errorf("%s does not match %s", name, form)
		}
	}
	for _, name := range SharedKeys {
		if s[name] == "" {
			t.Errorf("no %s", name)
		}
	}
}

func TestWrittenSecretsReadBackAndAreNeverReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets")
	s := set(t)
	if err := s.WriteFile(file, nil); err != nil {
		t.Fatal(err)
	}
	back, err := Read(file, "")
	if err != nil || len(back) != len(s) || back["ca-key"] != s["ca-key"] {
		t.Errorf("read %d of %d secrets, %v", len(back), len(s), err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := (Set{"a": "b"}).WriteFile(file, nil); err == nil {
		t.Error("secrets in use were replaced")
	}
}

func TestMarksAndParts(t *testing.T) {
	names := Marks([]byte("a @secret:x-1@ b @secret:y@ @secret:x-1@ @secret:Z@ @secret:"))
	if strings.Join(names, " ") != "x-1 y" {
		t.Errorf("got %v", names)
	}
	if _, err := (Set{"y": "1"}).Part(names); err == nil || !strings.Contains(err.Error(), "x-1") {
		t.Errorf("got %v", err)
	}
}

// FuzzRead holds that nothing panics and that no error shows what is in the file.
func FuzzRead(f *testing.F) {
	f.Add("a=b\n")
	f.Add("# x\n\na=hunter2 hunter2\n")
	f.Add("a=1\na=2\n")
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(file, ""); err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows a secret: %v", err)
		}
	})
}

// A cluster that gets a registry keeps all it has, and its certificate, which is made anew
// for another name, changes with its key and authority alone.
func TestAClusterGoesOnWithItsSecrets(t *testing.T) {
	names := []string{"registry-crt", "registry-key", "registry-ca-crt"}
	r := Request{Cluster: "c", Now: time.Unix(1700000000, 0)}
	before, err := New(r)
	if err != nil {
		t.Fatal(err)
	}
	r.From, r.Names, r.RegistryNames = before, names, []string{"reg.example.com"}
	r.Rotate = []string{"registry"}
	if _, err := New(r); err == nil || !strings.Contains(err.Error(), "the cluster has no registry-crt") {
		t.Errorf("a certificate that is not there was made anew: %v", err)
	}
	r.Rotate = nil
	with, err := New(r)
	if err != nil {
		t.Fatal(err)
	}
	differOnly(t, before, with, names...)
	r.From, r.Rotate, r.RegistryNames = with, []string{"registry"}, []string{"other.example.com"}
	rotated, err := New(r)
	if err != nil {
		t.Fatal(err)
	}
	differOnly(t, with, rotated, names...)
	block, _ := pem.Decode(decoded(rotated["registry-crt"]))
	if c, err := x509.ParseCertificate(block.Bytes); err != nil || c.VerifyHostname("other.example.com") != nil {
		t.Errorf("the certificate is for another name: %v", err)
	}
}

// A key of another value has another name, however soon it follows. One from before keys
// had names is called as clusters of then have it.
func TestAnEncryptionKeyIsMadeAnewWithItsName(t *testing.T) {
	names := []string{"encryption-key", "encryption-key-name"}
	r := Request{Cluster: "c", Now: time.Unix(1700000000, 0), Names: names}
	first, err := New(r)
	if err != nil {
		t.Fatal(err)
	}
	if first["encryption-key-name"] != "key1" {
		t.Errorf("the first key is called %q", first["encryption-key-name"])
	}
	nameless := maps.Clone(first)
	delete(nameless, "encryption-key-name")
	for _, from := range []Set{first, nameless} {
		r.From, r.Rotate = from, nil
		kept, err := New(r)
		if err != nil {
			t.Fatal(err)
		}
		differOnly(t, first, kept)
		r.Rotate = names[:1]
		rotated, err := New(r)
		if err != nil {
			t.Fatal(err)
		}
		differOnly(t, first, rotated, names...)
		if rotated["encryption-key-name"] != "key-20231114T221320Z" {
			t.Errorf("the new key is called %q", rotated["encryption-key-name"])
		}
		r.From = rotated
		again, err := New(r)
		if err != nil {
			t.Fatal(err)
		}
		differOnly(t, rotated, again, names...)
		// The name is part of a prefix whose parts colons divide.
		if !regexp.MustCompile(`^key-[0-9TZ]+$`).MatchString(again["encryption-key-name"]) {
			t.Errorf("the next key is called %q", again["encryption-key-name"])
		}
	}
	for what, bad := range map[string]Request{
		"the cluster has no encryption-key":         {Cluster: "c", From: without(first, names...), Names: names, Rotate: names[:1]},
		"the spec needs no encryption-key any more": {Cluster: "c", From: first, Rotate: names[:1]},
		`"encryption-key-name" cannot be made anew`: {Cluster: "c", From: first, Names: names, Rotate: names[1:]},
	} {
		if set, err := New(bad); set != nil || err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, not that %s", err, what)
		}
	}
}

func without(s Set, names ...string) Set {
	s = maps.Clone(s)
	maps.DeleteFunc(s, func(name, _ string) bool { return slices.Contains(names, name) })
	return s
}

func differOnly(t *testing.T, a, b Set, names ...string) {
	t.Helper()
	for _, name := range b.Names() {
		if same := a[name] == b[name]; same == slices.Contains(names, name) {
			t.Errorf("%s is the same: %v", name, same)
		}
	}
}
