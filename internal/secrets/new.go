package secrets

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// General are what every host's part of the secrets has: they tell whose the
// secrets are and since when, and are not secret themselves.
var General = []string{"cluster", "created"}

// Request says for which cluster secrets are made.
type Request struct {
	Cluster string
	Now     time.Time
	// CALifetime is how long the authorities are good; 0 is kubeadm's own ten years.
	CALifetime time.Duration
	// Names are the secrets that the cluster's files need, of which some are only
	// for some clusters: see optional.
	Names []string
	// RegistryNames are the names and addresses of the registry's certificate.
	RegistryNames []string
}

// New makes all secrets of a cluster: the bootstrap token, passwords, the keys that
// kubeadm's control planes share, and what else the request names.
func New(r Request) (Set, error) {
	if r.CALifetime == 0 {
		r.CALifetime = lifetime
	}
	set := Set{
		"cluster": r.Cluster,
		// Seconds since 1970: a host whose clock is earlier has the wrong time.
		"created": strconv.FormatInt(r.Now.Unix(), 10),
		// kubeadm's form, [a-z0-9]{6}.[a-z0-9]{16}.
		"bootstrap-token": random(lower, 6) + "." + random(lower, 16),
		// VRRP takes 8 characters and ignores the rest.
		"vrrp-password":  random(alphanumeric, 8),
		"stats-password": random(alphanumeric, 24),
	}
	ca, err := newAuthority(set, "ca", "kubernetes", r)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"front-proxy-ca", "etcd-ca"} {
		if _, err := newAuthority(set, name, name, r); err != nil {
			return nil, err
		}
	}
	if err := newServiceAccountKey(set); err != nil {
		return nil, err
	}
	// kubeadm pins the CA by its public key (k8s.io/kubernetes, cmd/kubeadm/app/util/pubkeypin).
	sum := sha256.Sum256(ca.RawSubjectPublicKeyInfo)
	set["ca-hash"] = "sha256:" + hex.EncodeToString(sum[:])
	for _, name := range r.Names {
		if err := optional(set, name, r); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// optional makes a secret that not every cluster has, unless it is there.
func optional(set Set, name string, r Request) error {
	if _, made := set[name]; made {
		return nil
	}
	switch {
	case name == "encryption-key":
		// 32 bytes are right for both aescbc and secretbox.
		key := make([]byte, 32)
		rand.Read(key)
		set[name] = base64.StdEncoding.EncodeToString(key)
	case strings.HasPrefix(name, "registry-"):
		return newRegistryCertificate(set, r)
	case strings.HasPrefix(name, "harbor-"):
		// Harbor wants each kind of character in a user's password.
		set[name] = random(alphanumeric, 21) + random(upper, 1) + random(lower[:26], 1) + random(lower[26:], 1)
	default:
		return fmt.Errorf("the files ask for the secret %s, which satchel cannot make", name)
	}
	return nil
}

const (
	lower        = "abcdefghijklmnopqrstuvwxyz0123456789"
	upper        = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	alphanumeric = lower + upper
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
