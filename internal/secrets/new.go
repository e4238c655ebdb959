package secrets

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"time"
)

// New makes all secrets of a cluster: the bootstrap token, passwords, and the keys
// that kubeadm's control planes share.
func New(now time.Time) (Set, error) {
	set := Set{
		// kubeadm's form, [a-z0-9]{6}.[a-z0-9]{16}.
		"bootstrap-token": random(lower, 6) + "." + random(lower, 16),
		// VRRP takes 8 characters and ignores the rest.
		"vrrp-password":  random(alphanumeric, 8),
		"stats-password": random(alphanumeric, 24),
	}
	ca, err := newAuthority(set, "ca", "kubernetes", now)
	if err != nil {
		return nil, err
	}
	for prefix, commonName := range map[string]string{"front-proxy-ca": "front-proxy-ca", "etcd-ca": "etcd-ca"} {
		if _, err := newAuthority(set, prefix, commonName, now); err != nil {
			return nil, err
		}
	}
	if err := newServiceAccountKey(set); err != nil {
		return nil, err
	}
	// kubeadm pins the CA by its public key (k8s.io/kubernetes, cmd/kubeadm/app/util/pubkeypin).
	sum := sha256.Sum256(ca.RawSubjectPublicKeyInfo)
	set["ca-hash"] = "sha256:" + hex.EncodeToString(sum[:])
	return set, nil
}

const (
	lower        = "abcdefghijklmnopqrstuvwxyz0123456789"
	alphanumeric = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// random is n characters of the alphabet, each as likely as the others.
func random(alphabet string, n int) string {
	text := make([]byte, n)
	for i := range text {
		j, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic(fmt.Sprintf("the system has no randomness: %v", err)) // crypto/rand never fails on supported systems
		}
		text[i] = alphabet[j.Int64()]
	}
	return string(text)
}
