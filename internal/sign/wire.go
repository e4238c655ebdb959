package sign

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// The fixed parts of a signature.
const (
	magic      = "SSHSIG"
	version    = 1
	sha256Name = "sha256"
	sha512Name = "sha512"

	armorBegin = "-----BEGIN SSH SIGNATURE-----"
	armorEnd   = "-----END SSH SIGNATURE-----"
	armorWidth = 70 // as ssh-keygen has it
)

// signature is what a signature file says.
type signature struct {
	key       ssh.PublicKey
	namespace string
	// reserved is empty so far; it is signed all the same.
	reserved string
	hash     string
	sig      *ssh.Signature
}

// blob is a signature as it is stored, behind the magic.
type blob struct {
	Version   uint32
	PublicKey []byte
	Namespace string
	Reserved  string
	Hash      string
	Signature []byte
}

// signed is what the key signs, behind the magic.
type signed struct {
	Namespace string
	Reserved  string
	Hash      string
	Digest    []byte
}

// encode writes the signature as text, byte for byte as ssh-keygen does.
func (s *signature) encode() []byte {
	b := blob{version, s.key.Marshal(), s.namespace, s.reserved, s.hash, ssh.Marshal(*s.sig)}
	return armor(append([]byte(magic), ssh.Marshal(b)...))
}

func armor(raw []byte) []byte {
	text := base64.StdEncoding.EncodeToString(raw)
	var out bytes.Buffer
	out.WriteString(armorBegin + "\n")
	for len(text) > 0 {
		n := min(armorWidth, len(text))
		out.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	out.WriteString(armorEnd + "\n")
	return out.Bytes()
}

// decode reads a signature that nobody vouches for.
func decode(text []byte) (*signature, error) {
	body, begins := bytes.CutPrefix(text, []byte(armorBegin))
	body, after, ends := bytes.Cut(body, []byte("\n"+armorEnd))
	switch {
	case !begins:
		return nil, fmt.Errorf("it does not begin with %q", armorBegin)
	case !ends:
		return nil, fmt.Errorf("it does not end with %q", armorEnd)
	case len(bytes.Trim(after, lineEnds)) > 0:
		return nil, fmt.Errorf("something follows %q", armorEnd)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(string(bytes.Map(dropLineEnd, body)))
	if err != nil {
		return nil, fmt.Errorf("what is in it is not base64: %w", err)
	}
	raw, found := bytes.CutPrefix(raw, []byte(magic))
	if !found {
		return nil, fmt.Errorf("what is in it does not begin with %q", magic)
	}
	return unmarshal(raw)
}

// lineEnds may stand where ssh-keygen ends lines: other programs make longer lines, and
// other systems end them in another way.
const lineEnds = "\r\n"

func dropLineEnd(r rune) rune {
	if strings.ContainsRune(lineEnds, r) {
		return -1
	}
	return r
}

func unmarshal(raw []byte) (*signature, error) {
	var b blob
	if err := ssh.Unmarshal(raw, &b); err != nil {
		return nil, err
	}
	if b.Version != version {
		return nil, fmt.Errorf("it has version %d, this satchel reads version %d", b.Version, version)
	}
	key, err := ssh.ParsePublicKey(b.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("reading its key: %w", err)
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	s := &signature{key: key, namespace: b.Namespace, reserved: b.Reserved, hash: b.Hash, sig: &ssh.Signature{}}
	if err := ssh.Unmarshal(b.Signature, s.sig); err != nil {
		return nil, fmt.Errorf("reading the signature in it: %w", err)
	}
	return s, nil
}

// signedData is what the key signs: not the message but its hash, and what it is for.
func (s *signature) signedData(message []byte) ([]byte, error) {
	var digest []byte
	switch s.hash {
	case sha256Name:
		sum := sha256.Sum256(message)
		digest = sum[:]
	case sha512Name:
		sum := sha512.Sum512(message)
		digest = sum[:]
	default:
		return nil, fmt.Errorf("it has hash algorithm %q, not %q or %q", s.hash, sha512Name, sha256Name)
	}
	return append([]byte(magic), ssh.Marshal(signed{s.namespace, s.reserved, s.hash, digest})...), nil
}

// errNotOf says that the key did not sign this message, whatever it signed.
var errNotOf = errors.New("the signature is not of this content")

// check tells whether the key in the signature signed the message. It says nothing
// about whose key that is, nor what the signature is for.
func (s *signature) check(message []byte) error {
	data, err := s.signedData(message)
	if err != nil {
		return err
	}
	if err := checkFormat(s.key, s.sig); err != nil {
		return err
	}
	if err := s.key.Verify(data, s.sig); err != nil {
		return errNotOf
	}
	return nil
}
