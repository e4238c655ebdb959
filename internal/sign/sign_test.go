package sign

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// dsaKey is a public key of a kind that is broken.
var dsaKey = must(base64.StdEncoding.DecodeString(dsaText))

const dsaText = "AAAAB3NzaC1kc3MAAACBAM8h1jGeTJcs6Wz4xj2JiR+f3JbzK9BGrLCqBLDnNdzcnAZ138eBDczp5UcEpyj+mcmJZTz3tKIF3QD2+IeqMF1+qfk4tZwGGfqoEhjyuy5Fk20rJ+W38o0nKPMsMttPhhrUtyrFWor8X3VhnBsFkV9p9v/PT0Lo0fvw7FaGaHenAAAAFQDoBgb0V56/bG4JKrZWhMjh3ZyBLQAAAIA0uAYComN7RnK2SZG8VPD4SPlsQGJOOjjgzjyWCNqNPDzlrT7Ad/7D2eCGrpc0mTRCjmQsKvYvvW2JVH7su3gzqeP71wrmDYDKslo/GMJySTvgbwakEDnllP1k8ZmFnEaTQ0ls8nQaz2WdcEn2IilCCx0AOfBqEESiRvyO5N7rHAAAAIEArzrHN9EZ8rhYpjnZnQAvbp4eM5VAa3Cx8c5LoRhGpOB0Y2W0fkjHJTZSn5lR74rNzSVGH+tlsqWPf0oax1ziAXhyLDzmU3rNrrsTnLoj8KgLLzlOAHzxRkN46a4d+s+yimrALLdYwtnnOne79+gMyNP7OA1TBp7JbZ+RTn3Iiv4="

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // only while making fixtures
	}
	return v
}

var (
	message = []byte("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  bundle.json\n")
	now     = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)
)

// fixed is a key that is the same in each run, so that what it signs can stand here.
func fixed(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

// keyFile writes a private key as ssh-keygen does.
func keyFile(t testing.TB, key ed25519.PrivateKey) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "test")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func neverAsk(context.Context, string, int) ([]byte, error) {
	return nil, errors.New("nobody is to be asked")
}

func open(t testing.TB, path string, ask Ask) *Key {
	t.Helper()
	key, err := OpenKey(context.Background(), path, ask)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { key.Close() })
	return key
}

func signed1(t testing.TB, key *Key, message []byte) []byte {
	t.Helper()
	sig, err := key.Sign(message)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func authorized(key ed25519.PrivateKey) string {
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		panic(err) // only while making fixtures
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
}

func signers(t testing.TB, lines ...string) *Signers {
	t.Helper()
	s, err := ParseSigners("signers", []byte(strings.Join(lines, "\n")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func reason(err error) Reason {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Reason
	}
	return ""
}

// fromKeygen was made of message and the key with the seed 1 by
// `ssh-keygen -Y sign -n satchel-bundle` of OpenSSH 9.2.
const fromKeygen = `-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgiojj3XQJ8ZX9UtstPLpdcspnCb
8dlBIb83SIAbQPb1wAAAAOc2F0Y2hlbC1idW5kbGUAAAAAAAAABnNoYTUxMgAAAFMAAAAL
c3NoLWVkMjU1MTkAAABADmiYYCG/DO7au2on8LCBTFQ4lqkGo503NQ8SQR4IizoZA6DKjE
tNeKrento4PE5l2DZUd034zPG6xldbqurtAg==
-----END SSH SIGNATURE-----
`

func TestASignatureIsWhatSSHKeygenMakes(t *testing.T) {
	key := open(t, keyFile(t, fixed(1)), neverAsk)
	for range 2 {
		if got := signed1(t, key, message); string(got) != fromKeygen {
			t.Errorf("made\n%s\nssh-keygen made\n%s", got, fromKeygen)
		}
	}
	who, err := signers(t, "release@example.com "+authorized(fixed(1))).Verify([]byte(fromKeygen), message, now)
	if err != nil || who.By != "release@example.com" || who.Key != key.String() || !strings.HasPrefix(who.Key, "ED25519 key SHA256:") {
		t.Errorf("got %+v, %v", who, err)
	}
}

// TestNoBitOfASignatureCanChange goes through all that a signature consists of: magic,
// version, key, namespace, reserved, hash algorithm, and the signature inside.
func TestNoBitOfASignatureCanChange(t *testing.T) {
	list := signers(t, "release@example.com "+authorized(fixed(1)))
	s, err := decode([]byte(fromKeygen))
	if err != nil {
		t.Fatal(err)
	}
	raw := append([]byte(magic), ssh.Marshal(blob{version, s.key.Marshal(), s.namespace, s.reserved, s.hash, ssh.Marshal(*s.sig)})...)
	for i := range raw {
		for bit := range 8 {
			bad := bytes.Clone(raw)
			bad[i] ^= 1 << bit
			if _, err := list.Verify(armor(bad), message, now); err == nil {
				t.Errorf("byte %d, bit %d: accepted", i, bit)
			}
		}
	}
	for _, bad := range [][]byte{raw[:len(raw)-1], append(bytes.Clone(raw), 0), raw[:20], nil} {
		if _, err := list.Verify(armor(bad), message, now); reason(err) != Malformed {
			t.Errorf("%d of %d bytes: %v", len(bad), len(raw), err)
		}
	}
}

func TestNoBitOfTheTextCanChange(t *testing.T) {
	list := signers(t, "release@example.com "+authorized(fixed(1)))
	for i := range fromKeygen {
		for bit := range 8 {
			bad := []byte(fromKeygen)
			bad[i] ^= 1 << bit
			if _, err := list.Verify(bad, message, now); err == nil {
				t.Errorf("character %d, bit %d: accepted", i, bit)
			}
		}
	}
}

func TestLinesMayEndOtherwise(t *testing.T) {
	for _, text := range []string{
		strings.ReplaceAll(fromKeygen, "\n", "\r\n"),
		strings.TrimSuffix(fromKeygen, "\n"),
		fromKeygen + "\n",
		armorBegin + "\n" + strings.ReplaceAll(strings.TrimPrefix(strings.TrimSuffix(fromKeygen, armorEnd+"\n"), armorBegin), "\n", "") + "\n" + armorEnd,
	} {
		if _, err := Check([]byte(text), message); err != nil {
			t.Errorf("%v\n%q", err, text)
		}
	}
}

func TestNoBitOfTheContentCanChange(t *testing.T) {
	for i := range message {
		for bit := range 8 {
			bad := bytes.Clone(message)
			bad[i] ^= 1 << bit
			if _, err := Check([]byte(fromKeygen), bad); reason(err) != OtherContent {
				t.Errorf("byte %d, bit %d: %v", i, bit, err)
			}
		}
	}
	if _, err := Check([]byte(fromKeygen), message[:len(message)-1]); reason(err) != OtherContent {
		t.Errorf("cut short: %v", err)
	}
}

func TestWhatIsNoSignatureIsRefusedAndNamed(t *testing.T) {
	body := strings.TrimSuffix(strings.TrimPrefix(fromKeygen, armorBegin+"\n"), armorEnd+"\n")
	for name, c := range map[string]struct{ text, want string }{
		"nothing":          {"", "does not begin with"},
		"another form":     {"-----BEGIN PGP SIGNATURE-----\n", "does not begin with"},
		"text before it":   {"x" + fromKeygen, "does not begin with"},
		"text behind it":   {fromKeygen + "x", "something follows"},
		"two of them":      {fromKeygen + fromKeygen, "something follows"},
		"no end":           {strings.TrimSuffix(fromKeygen, armorEnd+"\n"), "does not end with"},
		"no base64":        {armorBegin + "\n%%\n" + armorEnd, "not base64"},
		"nothing in it":    {armorBegin + "\n" + armorEnd, `does not begin with "SSHSIG"`},
		"padding in it":    {armorBegin + "\n====" + body + armorEnd, "not base64"},
		"another version":  {string(armor(edit(t, func(b *blob) { b.Version = 2 }))), "it has version 2"},
		"another hash":     {string(armor(edit(t, func(b *blob) { b.Hash = "md5" }))), `hash algorithm "md5"`},
		"no key":           {string(armor(edit(t, func(b *blob) { b.PublicKey = nil }))), "reading its key"},
		"no inner":         {string(armor(edit(t, func(b *blob) { b.Signature = nil }))), "reading the signature in it"},
		"more behind it":   {string(armor(edit(t, func(b *blob) { b.Signature = append(b.Signature, 0) }))), "1 bytes follow"},
		"another form's":   {string(armor(edit(t, func(b *blob) { b.Signature = ssh.Marshal(ssh.Signature{Format: "ssh-rsa", Blob: []byte{1}}) }))), `made with "ssh-rsa"`},
		"a DSA key":        {string(armor(edit(t, func(b *blob) { b.PublicKey = dsaKey }))), `type "ssh-dss"`},
		"another reserved": {string(armor(edit(t, func(b *blob) { b.Reserved = "x" }))), "of other content"},
	} {
		_, err := Check([]byte(c.text), message)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// edit makes a signature with another field.
func edit(t *testing.T, change func(*blob)) []byte {
	t.Helper()
	s, err := decode([]byte(fromKeygen))
	if err != nil {
		t.Fatal(err)
	}
	b := blob{version, s.key.Marshal(), s.namespace, s.reserved, s.hash, ssh.Marshal(*s.sig)}
	change(&b)
	return append([]byte(magic), ssh.Marshal(b)...)
}

func TestASignatureForSomethingElseIsRefused(t *testing.T) {
	signer, err := ssh.NewSignerFromKey(fixed(1))
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{sha256Name, sha512Name} {
		s := signature{key: signer.PublicKey(), namespace: "file", hash: hash}
		data, err := s.signedData(message)
		if err != nil {
			t.Fatal(err)
		}
		if s.sig, err = signer.Sign(nil, data); err != nil {
			t.Fatal(err)
		}
		_, err = signers(t, "a "+authorized(fixed(1))).Verify(s.encode(), message, now)
		if reason(err) != OtherPurpose || !strings.Contains(err.Error(), `for the namespace "file", not for "satchel-bundle"`) {
			t.Errorf("%s: %v", hash, err)
		}
	}
}

func TestAKeyThatIsNotListedIsNamed(t *testing.T) {
	who, err := signers(t, "other@example.com "+authorized(fixed(2))).Verify([]byte(fromKeygen), message, now)
	public, _ := ssh.NewPublicKey(fixed(1).Public())
	if reason(err) != Unknown || !strings.Contains(err.Error(), ssh.FingerprintSHA256(public)) || who.By != "" {
		t.Errorf("got %+v, %v", who, err)
	}
}
