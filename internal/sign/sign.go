// Package sign makes and checks signatures with SSH keys, in the form that
// `ssh-keygen -Y sign` makes and `ssh-keygen -Y verify` checks
// (https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig), so
// that whoever has OpenSSH needs nothing of satchel to check them.
//
// It must not know what is signed: it gets bytes, and gives bytes or says who
// signed them. It is the only package that imports golang.org/x/crypto/ssh, and it
// imports nothing of satchel.
package sign

import (
	"fmt"

	"golang.org/x/crypto/ssh"
)

// Namespace says what the signatures are for. It is part of what is signed: a
// signature that somebody made for mail, for a commit or with ssh-keygen's own
// "file" for any file at all cannot be passed off as one for a bundle.
const Namespace = "satchel-bundle"

// Key makes signatures. It must be closed; closing nil does nothing.
type Key struct {
	public ssh.PublicKey
	// sign makes a signature in the key's own way, rsa-sha2-512 with RSA.
	sign  func(data []byte) (*ssh.Signature, error)
	close func() error
}

// Close lets go of the agent, if the key is in one.
func (k *Key) Close() error {
	if k == nil || k.close == nil {
		return nil
	}
	return k.close()
}

// String is such as "ED25519 key SHA256:…", as ssh-keygen has it.
func (k *Key) String() string { return describe(k.public) }

// Sign makes the content of a signature file. A key out of a file gives the same
// bytes for the same message each time; for a key in an agent that is the agent's
// matter.
func (k *Key) Sign(message []byte) ([]byte, error) {
	s := signature{key: k.public, namespace: Namespace, hash: sha512Name}
	data, err := s.signedData(message)
	if err != nil {
		return nil, err
	}
	if s.sig, err = k.sign(data); err != nil {
		return nil, fmt.Errorf("signing with the %s: %w", k, err)
	}
	// An agent can answer with anything, old ones with RSA and SHA-1.
	if err := s.check(message); err != nil {
		return nil, fmt.Errorf("signing with the %s: it gave a signature that nobody would accept: %w", k, err)
	}
	return s.encode(), nil
}
