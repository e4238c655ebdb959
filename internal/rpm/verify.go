package rpm

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/satchel-kit/satchel/internal/repository"
)

// VerifyPackage checks the signature of a .rpm, and that the whole of it is what was
// signed, as rpm -K does with these keys alone: the checksum of the payload that is in a
// signed header, or a signature over all. The result are the fingerprints of the keys
// whose signatures are good. The file is read to its end, and not kept in memory.
func VerifyPackage(r io.Reader, keys []byte, now time.Time) (by []string, err error) {
	k, err := repository.ReadKeys(keys)
	if err != nil {
		return nil, err
	}
	f, err := readFile(r)
	if err != nil {
		return nil, err
	}
	// A signature of this minute is from the future to a clock that is a little behind.
	c := &content{Keys: k, now: now.Add(repository.ClockSkew), file: f}
	if err := c.find(); err != nil {
		return nil, err
	}
	if err := c.read(r); err != nil {
		return nil, err
	}
	return c.judge()
}

// content is a .rpm whose signatures are being checked.
type content struct {
	repository.Keys
	now  time.Time
	file *rpmFile

	signatures []signed
	// payload is the sum of the payload that the header has, with what computes it.
	payload hash.Hash
	want    string
}

// signed is a signature, over the header or over header and payload.
type signed struct {
	whole bool
	sum   hash.Hash
	id    uint64
	kind  crypto.Hash
	v4    *packet.Signature
	v3    *signatureV3
}

// find reads the signatures that there are.
func (c *content) find() error {
	if sums, err := c.file.signatures.strings(tagHeaderSHA256); err != nil {
		return err
	} else if got := sha256Hex(c.file.main.raw); len(sums) > 0 && sums[0] != got {
		return fmt.Errorf("its header has the SHA-256 %s, but the header of signatures says %.70q: the file is damaged", got, sums[0])
	}
	for _, t := range []int32{tagHeaderRSA, tagHeaderDSA, tagAllPGP, tagAllGPG} {
		raw, err := c.file.signatures.bytes(t)
		if err != nil {
			return fmt.Errorf("reading its signatures: %w", err)
		}
		if raw == nil {
			continue
		}
		if err := c.parse(raw, t == tagAllPGP || t == tagAllGPG); err != nil {
			return fmt.Errorf("reading its signatures: the tag %d: %w", t, err)
		}
	}
	if len(c.signatures) == 0 {
		return errors.New("it is not signed")
	}
	sums, err := c.file.main.strings(tagPayloadDigest)
	if err != nil || len(sums) == 0 {
		return err
	}
	algorithm, err := c.file.main.number(tagPayloadAlgo)
	switch {
	case err != nil:
		return err
	case algorithm == 8 || algorithm == 0:
		c.payload = sha256.New()
	case algorithm == 10:
		c.payload = sha512.New()
	default:
		return fmt.Errorf("the checksum of its payload is of the kind %d, which is neither SHA-256 nor SHA-512", algorithm)
	}
	c.want = sums[0]
	return nil
}

// parse reads the packets of a signature. Those of version 3 are what distributions of old
// have, and some of today.
func (c *content) parse(raw []byte, whole bool) error {
	for packets := packet.NewOpaqueReader(bytes.NewReader(raw)); ; {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s := signed{whole: whole}
		if p.Tag == 2 && len(p.Contents) > 0 && p.Contents[0] == 3 {
			if s.v3, err = parseV3(p.Contents); err != nil {
				return err
			}
			s.id, s.kind = s.v3.id, s.v3.kind
		} else {
			one, err := p.Parse()
			if err != nil {
				return err
			}
			sig, ok := one.(*packet.Signature)
			if !ok || sig.IssuerKeyId == nil {
				return errors.New("it is no signature with a key")
			}
			s.v4, s.id, s.kind = sig, *sig.IssuerKeyId, sig.Hash
		}
		if s.kind.Available() {
			s.sum = s.kind.New()
			s.sum.Write(c.file.main.raw)
		}
		c.signatures = append(c.signatures, s)
	}
}

// read goes through the payload.
func (c *content) read(r io.Reader) error {
	to := []io.Writer{io.Discard}
	if c.payload != nil {
		to = append(to, c.payload)
	}
	for _, s := range c.signatures {
		if s.whole && s.sum != nil {
			to = append(to, s.sum)
		}
	}
	if _, err := io.Copy(io.MultiWriter(to...), r); err != nil {
		return fmt.Errorf("reading its payload: %w", err)
	}
	if c.payload != nil {
		if got := hex.EncodeToString(c.payload.Sum(nil)); got != c.want {
			return fmt.Errorf("its payload has the checksum %s, but its header says %.140q: the file is damaged or cut short", got, c.want)
		}
	}
	return nil
}

// judge needs one good signature that covers all, and no bad one of a known key.
func (c *content) judge() (by []string, err error) {
	var problems []string
	bad := false
	for _, s := range c.signatures {
		signer, err := c.verifySum(s)
		switch {
		case err == nil && !s.whole && c.payload == nil:
			problems = append(problems, fmt.Sprintf("key %016X signed only the header, which has no checksum of the payload", s.id))
		case err == nil:
			by = append(by, fmt.Sprintf("%X", signer.Fingerprint))
		default:
			bad = bad || !errors.Is(err, repository.ErrUnfit)
			problems = append(problems, fmt.Sprintf("key %016X: %v", s.id, err))
		}
	}
	slices.Sort(by)
	by = slices.Compact(by)
	if len(by) == 0 || bad {
		return nil, fmt.Errorf("the signature is not accepted: %s (keys given: %s)", strings.Join(problems, "; "), c.Names())
	}
	return by, nil
}

// verifySum checks a signature over what was summed up.
func (c *content) verifySum(s signed) (*packet.PublicKey, error) {
	if s.sum == nil || !repository.Strong(s.kind) {
		return nil, fmt.Errorf("the signature is over %s, which can be forged; it %w", s.kind, repository.ErrUnfit)
	}
	keys := c.KeysByIdUsage(s.id, packet.KeyFlagSign)
	if len(keys) == 0 {
		return nil, fmt.Errorf("it is not among those given, so its signature %w", repository.ErrUnfit)
	}
	key := keys[0]
	if err := repository.Weak(key.PublicKey); err != nil {
		return nil, err
	}
	identity := key.Entity.PrimaryIdentity()
	switch {
	case key.Entity.Revoked(c.now) || key.Revoked(c.now):
		return nil, fmt.Errorf("the key is revoked; it %w", repository.ErrUnfit)
	case identity == nil || identity.SelfSignature == nil || key.Entity.PrimaryKey.KeyExpired(identity.SelfSignature, c.now) || key.PublicKey.KeyExpired(key.SelfSignature, c.now):
		return nil, fmt.Errorf("the key is expired at %s, or not yet valid; it %w", repository.Stamp(c.now), repository.ErrUnfit)
	case s.v4 != nil && s.v4.SigExpired(c.now):
		return nil, fmt.Errorf("the signature is expired at %s, or not yet valid; it %w", repository.Stamp(c.now), repository.ErrUnfit)
	}
	var err error
	if s.v4 != nil {
		err = key.PublicKey.VerifySignature(s.sum, s.v4)
	} else {
		err = s.v3.verify(key.PublicKey, s.sum)
	}
	if err != nil {
		return nil, fmt.Errorf("the content was changed after signing, or the signature is damaged: %w", err)
	}
	return key.PublicKey, nil
}
