package sign

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// kinds are the keys that may sign, and the algorithms of their signatures: what
// ssh-keygen accepts. RSA with SHA-1 and DSA are broken.
var kinds = map[string]struct {
	name       string
	algorithms []string
}{
	ssh.KeyAlgoED25519:    {"ED25519", []string{ssh.KeyAlgoED25519}},
	ssh.KeyAlgoECDSA256:   {"ECDSA", []string{ssh.KeyAlgoECDSA256}},
	ssh.KeyAlgoECDSA384:   {"ECDSA", []string{ssh.KeyAlgoECDSA384}},
	ssh.KeyAlgoECDSA521:   {"ECDSA", []string{ssh.KeyAlgoECDSA521}},
	ssh.KeyAlgoRSA:        {"RSA", []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}},
	ssh.KeyAlgoSKED25519:  {"ED25519-SK", []string{ssh.KeyAlgoSKED25519}},
	ssh.KeyAlgoSKECDSA256: {"ECDSA-SK", []string{ssh.KeyAlgoSKECDSA256}},
}

// checkKey refuses keys that cannot sign.
func checkKey(key ssh.PublicKey) error {
	if _, found := kinds[key.Type()]; found {
		return nil
	}
	if _, is := key.(*ssh.Certificate); is {
		return fmt.Errorf("it has a certificate (%s): certificates are not supported, sign with the key itself", key.Type())
	}
	return fmt.Errorf("it has a key of the type %q: supported are ed25519, ecdsa, rsa and their FIDO forms", key.Type())
}

// checkFormat refuses algorithms that are not the key's, and bytes that no
// algorithm looks at.
func checkFormat(key ssh.PublicKey, sig *ssh.Signature) error {
	kind := kinds[key.Type()]
	if !slices.Contains(kind.algorithms, sig.Format) {
		return fmt.Errorf("it is made with %q, accepted from this key is %s", sig.Format, strings.Join(kind.algorithms, " or "))
	}
	switch hardware := strings.HasPrefix(key.Type(), "sk-"); {
	case !hardware && len(sig.Rest) > 0:
		return fmt.Errorf("%d bytes follow the signature in it", len(sig.Rest))
	case hardware && len(sig.Rest) != 5:
		return fmt.Errorf("behind the token's signature there are %d bytes, not its flags and its counter", len(sig.Rest))
	case hardware && sig.Rest[0]&touched == 0:
		return fmt.Errorf("nobody touched the token while it signed")
	}
	return nil
}

// touched is the flag of a token that says that somebody was there
// (https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.u2f).
const touched = 1

func describe(key ssh.PublicKey) string {
	name := kinds[key.Type()].name
	if name == "" {
		name = key.Type()
	}
	return name + " key " + ssh.FingerprintSHA256(key)
}
