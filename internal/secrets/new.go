package secrets

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"math/big"
	"slices"
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
	// From are the secrets that the cluster has already, if it has: they stay, and what
	// is made is only what they lack, and Rotate.
	From   Set
	Rotate []string
}

// rotatable are the secrets that a cluster can take anew, and what changes together: most
// with the next install, the encryption key with cluster.sh. All others are in what a
// cluster keeps: a new authority makes every node a stranger.
var rotatable = map[string][]string{
	"bootstrap-token": {"bootstrap-token"},
	encryptionKey:     {encryptionKey, encryptionKeyName},
	"vrrp-password":   {"vrrp-password"},
	"stats-password":  {"stats-password"},
	"registry":        {"registry-crt", "registry-key", "registry-ca-crt"},
}

// New makes all secrets of a cluster: the bootstrap token, passwords, the keys that
// kubeadm's control planes share, and what else the request names.
func New(r Request) (Set, error) {
	if r.CALifetime == 0 {
		r.CALifetime = lifetime
	}
	set, err := r.kept()
	if err != nil {
		return nil, err
	}
	set["cluster"] = r.Cluster
	// Seconds since 1970: a host whose clock is earlier has the wrong time.
	set["created"] = strconv.FormatInt(r.Now.Unix(), 10)
	// kubeadm's form, [a-z0-9]{6}.[a-z0-9]{16}.
	set.fill("bootstrap-token", random(lower, 6)+"."+random(lower, 16))
	// VRRP takes 8 characters and ignores the rest.
	set.fill("vrrp-password", random(alphanumeric, 8))
	set.fill("stats-password", random(alphanumeric, 24))
	if r.From == nil {
		if err := newShared(set, r); err != nil {
			return nil, err
		}
	}
	for _, name := range r.Names {
		if err := optional(set, name, r); err != nil {
			return nil, err
		}
	}
	for _, name := range r.Rotate {
		for _, part := range rotatable[name] {
			if _, made := set[part]; !made {
				return nil, fmt.Errorf("%q cannot be made anew: the spec needs no %s any more", name, part)
			}
		}
	}
	return set, nil
}

func (s Set) fill(name, value string) {
	if _, there := s[name]; !there {
		s[name] = value
	}
}

// kept is what stays of the secrets that the cluster has.
func (r Request) kept() (Set, error) {
	set := Set{}
	if r.From == nil {
		return set, nil
	}
	if of := r.From["cluster"]; of != r.Cluster {
		return nil, fmt.Errorf("the secrets to go on from are those of cluster %q, and this is %q", of, r.Cluster)
	}
	for _, name := range append(slices.Sorted(maps.Values(SharedKeys)), "ca-hash") {
		if _, there := r.From[name]; !there {
			return nil, fmt.Errorf("the secrets to go on from lack %s: are they one host's part? Name the file that secrets new made", name)
		}
	}
	maps.Copy(set, r.From)
	if _, there := set[encryptionKey]; there {
		// Secrets from before keys had names.
		set.fill(encryptionKeyName, firstKeyName)
	}
	had := maps.Clone(set)
	for _, name := range r.Rotate {
		together, can := rotatable[name]
		if !can {
			return nil, fmt.Errorf("%q cannot be made anew for a cluster that is there; what can: %s", name, strings.Join(slices.Sorted(maps.Keys(rotatable)), ", "))
		}
		for _, part := range together {
			if _, there := had[part]; !there {
				return nil, fmt.Errorf("%q cannot be made anew: the cluster has no %s; without --rotate it is made if the spec needs it", name, part)
			}
			delete(set, part)
		}
	}
	return set, nil
}

// newShared makes what the control planes share.
func newShared(set Set, r Request) error {
	ca, err := newAuthority(set, "ca", "kubernetes", r)
	if err != nil {
		return err
	}
	for _, name := range []string{"front-proxy-ca", "etcd-ca"} {
		if _, err := newAuthority(set, name, name, r); err != nil {
			return err
		}
	}
	// kubeadm pins the CA by its public key (k8s.io/kubernetes, cmd/kubeadm/app/util/pubkeypin).
	sum := sha256.Sum256(ca.RawSubjectPublicKeyInfo)
	set["ca-hash"] = "sha256:" + hex.EncodeToString(sum[:])
	return newServiceAccountKey(set)
}

// optional makes a secret that not every cluster has, unless it is there.
func optional(set Set, name string, r Request) error {
	if _, made := set[name]; made {
		return nil
	}
	switch {
	case name == encryptionKey:
		// 32 bytes are right for both aescbc and secretbox.
		key := make([]byte, 32)
		rand.Read(key)
		set[name] = base64.StdEncoding.EncodeToString(key)
	case name == encryptionKeyName:
		set[name] = r.keyName()
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

// The key of what is encrypted in etcd, and its name there, which comes before all that is
// written with it: a key of another value needs another name.
const (
	encryptionKey     = "encryption-key"
	encryptionKeyName = "encryption-key-name"
	firstKeyName      = "key1"
)

// keyName is the name of a new encryption key: no other key of the cluster has it.
func (r Request) keyName() string {
	if !slices.Contains(r.Rotate, encryptionKey) {
		return firstKeyName
	}
	name, now := "", r.Now.UTC()
	for name == "" || name == r.From[encryptionKeyName] {
		name = now.Format("key-20060102T150405Z")
		now = now.Add(time.Second)
	}
	return name
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
