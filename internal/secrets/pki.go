package secrets

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// SharedKeys are the secrets that kubeadm wants on every control plane before it
// joins (k8s.io/kubernetes, cmd/kubeadm/app/phases/copycerts), by the path below
// /etc/kubernetes/pki. Values are base64 of PEM.
var SharedKeys = map[string]string{
	"ca.crt": "ca-crt", "ca.key": "ca-key",
	"front-proxy-ca.crt": "front-proxy-ca-crt", "front-proxy-ca.key": "front-proxy-ca-key",
	"etcd/ca.crt": "etcd-ca-crt", "etcd/ca.key": "etcd-ca-key",
	"sa.pub": "sa-pub", "sa.key": "sa-key",
}

const (
	keyBits = 2048
	// kubeadm's own lifetime of a CA, and its allowance for clocks that differ.
	lifetime = 10 * 365 * 24 * time.Hour
	backdate = 5 * time.Minute
)

// newAuthority adds PREFIX-crt and PREFIX-key, a certificate authority as kubeadm
// makes it.
func newAuthority(set Set, prefix, commonName string, r Request) (*x509.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("making the key %s: %w", prefix, err)
	}
	certificate := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: commonName},
		DNSNames:              []string{commonName},
		NotBefore:             r.Now.Add(-backdate).UTC(),
		NotAfter:              r.Now.Add(r.CALifetime).UTC(),
		KeyUsage:              x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, certificate, certificate, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("signing the certificate %s: %w", prefix, err)
	}
	set[prefix+"-crt"] = encode("CERTIFICATE", der)
	set[prefix+"-key"] = encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	return x509.ParseCertificate(der)
}

// newRegistryCertificate adds the registry's own authority and a certificate that
// it signed, so that no host need trust the cluster's authority for more than it is.
func newRegistryCertificate(set Set, r Request) error {
	ca, err := newAuthority(set, "registry-ca", "registry of "+r.Cluster, r)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(decoded(set["registry-ca-crt"]), decoded(set["registry-ca-key"]))
	if err != nil {
		return fmt.Errorf("reading the registry's authority: %w", err)
	}
	// Nothing else is ever signed by it.
	delete(set, "registry-ca-key")
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("making the registry's key: %w", err)
	}
	leaf := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: r.RegistryNames[0]},
		NotBefore:    ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage:    x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range r.RegistryNames {
		if ip := net.ParseIP(name); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), pair.PrivateKey)
	if err != nil {
		return fmt.Errorf("signing the registry's certificate: %w", err)
	}
	set["registry-crt"] = encode("CERTIFICATE", der)
	set["registry-key"] = encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	return nil
}

// serial is a random serial number, as RFC 5280 wants it: positive and not guessable.
func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		panic(fmt.Sprintf("the system has no randomness: %v", err)) // crypto/rand never fails on supported systems
	}
	return n
}

func newServiceAccountKey(set Set) error {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("making the service account key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encoding the service account key: %w", err)
	}
	set["sa-pub"] = encode("PUBLIC KEY", public)
	set["sa-key"] = encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	return nil
}

// encode is base64 of PEM, so that a secret is one line.
func encode(kind string, der []byte) string {
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func decoded(value string) []byte {
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil // only of what encode made
	}
	return text
}
