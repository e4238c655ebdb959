package rpm

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/satchel-kit/satchel/internal/repository"
)

// signatureV3 is a signature packet of version 3 (RFC 4880, section 5.2.2). The library
// knows them no more, but rpm signed in this form for twenty years.
type signatureV3 struct {
	trailer []byte // a kind and a time, which are signed as well
	id      uint64
	kind    crypto.Hash
	value   []byte // big-endian, without leading zeros
}

// hashKinds are the numbers that OpenPGP has for hashes (RFC 4880, section 9.4).
var hashKinds = map[byte]crypto.Hash{1: crypto.MD5, 2: crypto.SHA1, 8: crypto.SHA256, 9: crypto.SHA384, 10: crypto.SHA512, 11: crypto.SHA224}

func parseV3(b []byte) (*signatureV3, error) {
	const head = 19 // up to the numbers
	if len(b) < head+2 || b[1] != 5 {
		return nil, fmt.Errorf("a signature of version 3: %w", repository.CutShort(io.EOF))
	}
	s := &signatureV3{trailer: b[2:7], id: binary.BigEndian.Uint64(b[7:15])}
	if b[2] != 0 {
		return nil, fmt.Errorf("a signature of version 3 is of the kind %d, not over bytes", b[2])
	}
	if algorithm := b[15]; algorithm != 1 && algorithm != 3 {
		return nil, fmt.Errorf("a signature of version 3 is by the algorithm %d, not RSA", algorithm)
	}
	var known bool
	if s.kind, known = hashKinds[b[16]]; !known {
		return nil, fmt.Errorf("a signature of version 3 is over the hash %d, which is not known", b[16])
	}
	bits := int(binary.BigEndian.Uint16(b[head:]))
	s.value = b[head+2:]
	if len(s.value) != (bits+7)/8 {
		return nil, fmt.Errorf("a signature of version 3: %w", repository.CutShort(io.EOF))
	}
	return s, nil
}

// verify checks the signature over what is in h.
func (s *signatureV3) verify(key *packet.PublicKey, h hash.Hash) error {
	public, ok := key.PublicKey.(*rsa.PublicKey)
	if !ok {
		return errors.New("the signature is by RSA, and the key is not")
	}
	h.Write(s.trailer)
	missing := public.Size() - len(s.value)
	if missing < 0 {
		return rsa.ErrVerification
	}
	return rsa.VerifyPKCS1v15(public, s.kind, h.Sum(nil), append(bytes.Repeat([]byte{0}, missing), s.value...))
}
