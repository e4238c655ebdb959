package secrets

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"time"
)

// General are what every host's part of the secrets has: they tell whose the
// secrets are and since when, and are not secret themselves.
var General = []string{"cluster", "created"}

// New makes all secrets of a cluster: the bootstrap token, passwords, and the keys
// that kubeadm's control planes share.
func New(cluster string, now time.Time) (Set, error) {
	set := Set{
		"cluster": cluster,
		// Seconds since 1970: a host whose clock is earlier has the wrong time.
		"created": strconv.FormatInt(now.Unix(), 10),
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
	for _, name := range []string{"front-proxy-ca", "etcd-ca"} {
		if _, err := newAuthority(set, name, name, now); err != nil {
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
