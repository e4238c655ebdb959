package rpm

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
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// keyring are keys that may sign.
type keyring struct{ openpgp.EntityList }

// KeysByIdUsage is that of the list, which passes over keys without usage flags. Keys
// of old have none, and may then do all; repositories are still signed with such. A
// subkey without flags has not said itself that it belongs to its primary key, so it
// does not count.
func (k keyring) KeysByIdUsage(id uint64, usage byte) []openpgp.Key {
	keys := k.EntityList.KeysByIdUsage(id, usage)
	for _, key := range k.KeysById(id) {
		if self := key.SelfSignature; self != nil && !self.FlagsValid && key.PublicKey == key.Entity.PrimaryKey {
			keys = append(keys, key)
		}
	}
	return keys
}

// readKeys reads a keyring: a binary one, or one or more armored blocks. Text around
// the blocks is passed over, as in files that are joined from several.
func readKeys(content []byte) (keyring, error) {
	var all keyring
	const begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	if !bytes.Contains(content, []byte(begin)) {
		list, err := openpgp.ReadKeyRing(bytes.NewReader(content))
		if err == nil && len(list) == 0 {
			err = errors.New("there is no key")
		}
		if err != nil {
			return all, fmt.Errorf("reading the keys of the repository: %w", err)
		}
		return keyring{list}, nil
	}
	for n := 1; ; n++ {
		i := bytes.Index(content, []byte(begin))
		if i < 0 {
			return all, nil
		}
		block, after, next := content[i:], i+len(begin), len(content)
		if j := bytes.Index(content[after:], []byte(begin)); j >= 0 {
			next = after + j
			block = content[i:next]
		}
		list, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(block))
		if err != nil {
			return all, fmt.Errorf("reading the keys of the repository: block %d: %w", n, err)
		}
		all.EntityList = append(all.EntityList, list...)
		content = content[next:]
	}
}

// names lists the keys for a message.
func (k keyring) names() string {
	var names []string
	for _, e := range k.EntityList {
		ids := []string{e.PrimaryKey.KeyIdString()}
		for _, s := range e.Subkeys {
			ids = append(ids, s.PublicKey.KeyIdString())
		}
		names = append(names, strings.Join(ids, "/"))
	}
	return strings.Join(names, ", ")
}

// verifyDetached checks a repomd.xml by its repomd.xml.asc.
func (k keyring) verifyDetached(text, signature []byte, now time.Time) (by []string, err error) {
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
// a known key may be bad: repositories sign with an old and a new key at a time, and few
// hosts have both.
func (k keyring) verify(text []byte, signatures io.Reader, now time.Time) (by []string, err error) {
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
			bad = bad || !errors.Is(err, errUnfit)
			problems = append(problems, fmt.Sprintf("key %016X: %v", *sig.IssuerKeyId, err))
		}
	}
	slices.Sort(by)
	by = slices.Compact(by)
	switch {
	case len(by) == 0 && len(problems) == 0:
		return nil, errors.New("there is no signature")
	case len(by) == 0 || bad:
		return nil, fmt.Errorf("the signature is not accepted: %s (keys given: %s)", strings.Join(problems, "; "), k.names())
	}
	return by, nil
}

// clockSkew is how far ahead a repository's clock may be.
const clockSkew = 10 * time.Minute

// errUnfit is a signature that nobody forged, but that does not count.
var errUnfit = errors.New("does not count")

// verifyOne checks a signature, and that it is of a kind that is still worth its name.
func (k keyring) verifyOne(text []byte, sig *packet.Signature, now time.Time) (*packet.PublicKey, error) {
	var raw bytes.Buffer
	if err := sig.Serialize(&raw); err != nil {
		return nil, err
	}
	// A signature of this minute is from the future to a clock that is a little behind.
	config := &packet.Config{Time: func() time.Time { return now.Add(clockSkew) }}
	_, entity, err := openpgp.VerifyDetachedSignature(k, bytes.NewReader(text), &raw, config)
	switch {
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return nil, fmt.Errorf("the key is expired at %s, or not yet valid; it %w", stamp(now), errUnfit)
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return nil, fmt.Errorf("the key is revoked; it %w", errUnfit)
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return nil, fmt.Errorf("the signature is expired at %s, or not yet valid; it %w", stamp(now), errUnfit)
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("the content was changed after signing, or the signature is damaged: %w", err)
	}
	if !slices.Contains(goodHashes, sig.Hash) {
		return nil, fmt.Errorf("the signature is over %s, which can be forged; it %w", sig.Hash, errUnfit)
	}
	for _, key := range k.KeysByIdUsage(*sig.IssuerKeyId, packet.KeyFlagSign) {
		if key.Entity == entity {
			return key.PublicKey, weak(key.PublicKey)
		}
	}
	return nil, pgperrors.ErrUnknownIssuer
}

// goodHashes are those over which nobody can forge a signature.
var goodHashes = []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512}

// weak tells what is wrong with a key whose signatures are no proof.
func weak(key *packet.PublicKey) error {
	if bits, err := key.BitLength(); err == nil && key.PubKeyAlgo == packet.PubKeyAlgoRSA && bits < 2048 {
		return fmt.Errorf("the key is RSA of %d bits, which is too short; it %w", bits, errUnfit)
	}
	if key.PubKeyAlgo == packet.PubKeyAlgoDSA {
		return fmt.Errorf("the key is DSA, which is too weak; it %w", errUnfit)
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
