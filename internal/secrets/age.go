package secrets

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
)

// Recipients are who can read an encrypted secrets file. Without any it is not encrypted.
type Recipients []age.Recipient

// ParseRecipients takes public keys of age (age1...) or SSH (ssh-ed25519, ssh-rsa), and
// files with one of them a line.
func ParseRecipients(texts []string) (Recipients, error) {
	var all Recipients
	for _, text := range texts {
		if isRecipient(text) {
			r, err := parseRecipient(text)
			if err != nil {
				return nil, fmt.Errorf("reading the recipient %q: %w", text, err)
			}
			all = append(all, r)
			continue
		}
		some, err := readRecipients(text)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func isRecipient(text string) bool {
	return strings.HasPrefix(text, "age1") || strings.HasPrefix(text, "ssh-")
}

func parseRecipient(text string) (age.Recipient, error) {
	if strings.HasPrefix(text, "ssh-") {
		return agessh.ParseRecipient(text)
	}
	some, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return some[0], nil
}

func readRecipients(path string) (Recipients, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading recipients: %w (a recipient is age1..., ssh-ed25519 ..., ssh-rsa ... or a file of such lines)", err)
	}
	var all Recipients
	scan := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; scan.Scan(); n++ {
		text := strings.TrimSpace(scan.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		// What is wrong here may be a private key: no line is shown.
		if !isRecipient(text) {
			return nil, fmt.Errorf("reading recipients: %s:%d is no public key of age or SSH", path, n)
		}
		r, err := parseRecipient(text)
		if err != nil {
			return nil, fmt.Errorf("reading recipients: %s:%d: %w", path, n, err)
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("reading recipients: %s has none", path)
	}
	return all, scan.Err()
}

// encrypt makes an armored age file (age-encryption.org/v1): text, as the plain one is.
func (r Recipients) encrypt(plain []byte) ([]byte, error) {
	if len(r) == 0 {
		return plain, nil
	}
	var out bytes.Buffer
	armored := armor.NewWriter(&out)
	w, err := age.Encrypt(armored, r...)
	if err != nil {
		return nil, fmt.Errorf("encrypting the secrets: %w", err)
	}
	_, err = w.Write(plain)
	if err = errors.Join(err, w.Close(), armored.Close()); err != nil {
		return nil, fmt.Errorf("encrypting the secrets: %w", err)
	}
	return out.Bytes(), nil
}

const binaryHeader = "age-encryption.org/"

func encrypted(data []byte) bool {
	return bytes.HasPrefix(data, []byte(armor.Header)) || bytes.HasPrefix(data, []byte(binaryHeader))
}

// decrypt opens a file that was encrypted by satchel or by age itself. What is not
// encrypted stays as it is.
func decrypt(path string, data []byte, identity string) ([]byte, error) {
	if !encrypted(data) {
		return data, nil
	}
	if identity == "" {
		return nil, fmt.Errorf("%s is encrypted with age: name the file of your identity with --identity", path)
	}
	own, err := readIdentities(identity)
	if err != nil {
		return nil, err
	}
	var from io.Reader = bytes.NewReader(data)
	if bytes.HasPrefix(data, []byte(armor.Header)) {
		from = armor.NewReader(from)
	}
	plain, err := age.Decrypt(from, own...)
	if err != nil {
		if none := new(age.NoIdentityMatchError); errors.As(err, &none) {
			return nil, fmt.Errorf("%s is encrypted for others than the identity in %s", path, identity)
		}
		return nil, fmt.Errorf("decrypting %s: %w", path, err)
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		return nil, fmt.Errorf("decrypting %s: %w", path, err)
	}
	return text, nil
}

// readIdentities reads a file of age-keygen, or an SSH private key without a passphrase.
func readIdentities(path string) ([]age.Identity, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the identity: %w", err)
	}
	if bytes.HasPrefix(data, []byte("-----BEGIN")) {
		id, err := agessh.ParseIdentity(data)
		if err != nil {
			return nil, fmt.Errorf("reading the identity %s: %w (a key with a passphrase cannot be used; decrypt with age itself then)", path, err)
		}
		return []age.Identity{id}, nil
	}
	all, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil {
		// The library's message may have a line of the file.
		return nil, fmt.Errorf("reading the identity %s: it is neither a file of age-keygen nor an SSH private key", path)
	}
	return all, nil
}
