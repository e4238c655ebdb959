package secrets

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
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
func newAuthority(set Set, prefix, commonName string, now time.Time) (*x509.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("making the key %s: %w", prefix, err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, fmt.Errorf("making the certificate %s: %w", prefix, err)
	}
	certificate := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: commonName},
		DNSNames:              []string{commonName},
		NotBefore:             now.Add(-backdate).UTC(),
		NotAfter:              now.Add(lifetime).UTC(),
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
