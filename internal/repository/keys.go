package repository

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// Keys are OpenPGP keys that may sign a repository.
type Keys struct{ openpgp.EntityList }

// KeysByIdUsage is that of the list, which passes over keys without usage flags. Keys
// of old have none, and may then do all; repositories are still signed with such. A
// subkey without flags has not said itself that it belongs to its primary key, so it
// does not count.
func (k Keys) KeysByIdUsage(id uint64, usage byte) []openpgp.Key {
	keys := k.EntityList.KeysByIdUsage(id, usage)
	for _, key := range k.KeysById(id) {
		if self := key.SelfSignature; self != nil && !self.FlagsValid && key.PublicKey == key.Entity.PrimaryKey {
			keys = append(keys, key)
		}
	}
	return keys
}

// ReadKeys reads a keyring: a binary one, or one or more armored blocks. Text around
// the blocks is passed over, as in files that are joined from several.
func ReadKeys(content []byte) (Keys, error) {
	var all Keys
	const begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	if !bytes.Contains(content, []byte(begin)) {
		list, err := openpgp.ReadKeyRing(bytes.NewReader(content))
		if err == nil && len(list) == 0 {
			err = errors.New("there is no key")
		}
		if err != nil {
			return all, fmt.Errorf("reading the keys of the repository: %w", err)
		}
		return Keys{list}, nil
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

// Names lists the keys for a message.
func (k Keys) Names() string {
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

// Fingerprints are those of the primary keys, in the order of the keys.
func (k Keys) Fingerprints() []string {
	var list []string
	for _, e := range k.EntityList {
		list = append(list, fmt.Sprintf("%X", e.PrimaryKey.Fingerprint))
	}
	return list
}
