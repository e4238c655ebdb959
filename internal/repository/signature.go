package repository

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// ClockSkew is how far ahead a repository's clock may be.
const ClockSkew = 10 * time.Minute

// VerifyClear checks an InRelease. Only the text that it returns was signed: what is
// before and after the signed part must not be read.
func (k Keys) VerifyClear(content []byte, now time.Time) (text []byte, by []string, err error) {
	block, _ := clearsign.Decode(content)
	if block == nil {
		return nil, nil, errors.New("it is not signed, or damaged: there is no whole block of a PGP SIGNED MESSAGE")
	}
	by, err = k.verify(block.Bytes, block.ArmoredSignature.Body, now)
	return block.Plaintext, by, err
}

// VerifyDetached checks a text by a signature beside it, as a Release by its Release.gpg.
func (k Keys) VerifyDetached(text, signature []byte, now time.Time) (by []string, err error) {
	var body io.Reader = bytes.NewReader(signature)
	if bytes.Contains(signature, []byte("-----BEGIN PGP SIGNATURE-----")) {
		block, err := armor.Decode(body)
		if err != nil {
			return nil, fmt.Errorf("reading the signature: %w", err)
		}
		body = block.Body
	}
	return k.verify(text, body, now)
}

// verify looks at every signature. One good signature is needed, and no signature of
// a known key may be bad, which is how apt judges: archives sign with an old and a new
// key at a time, and few hosts have both.
func (k Keys) verify(text []byte, signatures io.Reader, now time.Time) (by []string, err error) {
	packets := packet.NewReader(signatures)
	var problems []string
	bad := false
	for {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if unsupported := pgperrors.UnsupportedError(""); errors.As(err, &unsupported) {
			problems = append(problems, err.Error()) // of a kind to come, beside one of today
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the signature: %w", err)
		}
		sig, ok := p.(*packet.Signature)
		if !ok || sig.IssuerKeyId == nil {
			continue
		}
		signer, err := k.verifyOne(text, sig, now)
		switch {
		case err == nil:
			by = append(by, fmt.Sprintf("%X", signer.Fingerprint))
		case errors.Is(err, pgperrors.ErrUnknownIssuer):
			problems = append(problems, fmt.Sprintf("key %016X is not among those given", *sig.IssuerKeyId))
		default:
			bad = bad || !errors.Is(err, ErrUnfit)
			problems = append(problems, fmt.Sprintf("key %016X: %v", *sig.IssuerKeyId, err))
		}
	}
	slices.Sort(by)
	by = slices.Compact(by)
	switch {
	case len(by) == 0 && len(problems) == 0:
		return nil, errors.New("there is no signature")
	case len(by) == 0 || bad:
		return nil, fmt.Errorf("the signature is not accepted: %s (keys given: %s)", strings.Join(problems, "; "), k.Names())
	}
	return by, nil
}

// ErrUnfit is of a signature that nobody forged, but that does not count.
var ErrUnfit = errors.New("does not count")

// verifyOne checks a signature, and that it is of a kind that is still worth its name.
func (k Keys) verifyOne(text []byte, sig *packet.Signature, now time.Time) (*packet.PublicKey, error) {
	var raw bytes.Buffer
	if err := sig.Serialize(&raw); err != nil {
		return nil, err
	}
	// A signature of this minute is from the future to a clock that is a little behind.
	config := &packet.Config{Time: func() time.Time { return now.Add(ClockSkew) }}
	_, entity, err := openpgp.VerifyDetachedSignature(k, bytes.NewReader(text), &raw, config)
	switch {
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return nil, fmt.Errorf("the key is expired at %s, or not yet valid; it %w", Stamp(now), ErrUnfit)
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return nil, fmt.Errorf("the key is revoked; it %w", ErrUnfit)
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return nil, fmt.Errorf("the signature is expired at %s, or not yet valid; it %w", Stamp(now), ErrUnfit)
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("the content was changed after signing, or the signature is damaged: %w", err)
	}
	if !Strong(sig.Hash) {
		return nil, fmt.Errorf("the signature is over %s, which can be forged; it %w", sig.Hash, ErrUnfit)
	}
	for _, key := range k.KeysByIdUsage(*sig.IssuerKeyId, packet.KeyFlagSign) {
		if key.Entity == entity {
			return key.PublicKey, Weak(key.PublicKey)
		}
	}
	return nil, pgperrors.ErrUnknownIssuer
}

// Strong says that nobody can forge a signature over this hash.
func Strong(h crypto.Hash) bool {
	return slices.Contains([]crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512}, h)
}

// Weak tells what is wrong with a key whose signatures are no proof.
func Weak(key *packet.PublicKey) error {
	if bits, err := key.BitLength(); err == nil && key.PubKeyAlgo == packet.PubKeyAlgoRSA && bits < 2048 {
		return fmt.Errorf("the key is RSA of %d bits, which is too short; it %w", bits, ErrUnfit)
	}
	if key.PubKeyAlgo == packet.PubKeyAlgoDSA {
		return fmt.Errorf("the key is DSA, which is too weak; it %w", ErrUnfit)
	}
	return nil
}

// Stamp is a time as messages have it.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
