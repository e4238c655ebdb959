package bundle

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/satchel-kit/satchel/internal/sign"
)

// keyOf makes a key, always the same for a name, and its line in a list of signers.
func keyOf(t *testing.T, name string) (key *sign.Key, line string) {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte(name[:1]), ed25519.SeedSize))
	block := must(ssh.MarshalPrivateKey(private, ""))
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	public := must(ssh.NewPublicKey(private.Public()))
	return must(sign.OpenKey(t.Context(), path, nil)), name + " " + string(ssh.MarshalAuthorizedKey(public))
}

// TestOneGoodSignatureIsEnough goes through what can be in a bundle and beside it.
func TestOneGoodSignatureIsEnough(t *testing.T) {
	release, line := keyOf(t, "release")
	other, otherLine := keyOf(t, "other")
	signers := must(sign.ParseSigners("signers", []byte(line)))
	sums := must(Sums(t.Context(), build(t, sample(t), "a.tar")))
	good, foreign, moved := must(release.Sign(sums)), must(other.Sign(sums)), must(release.Sign(append(sums, 'x')))
	for _, c := range []struct {
		what           string
		inside, beside []byte
		signers        *sign.Signers
		want           Signature
	}{
		{"nothing", nil, nil, nil, Signature{State: Unsigned}},
		{"nothing, to be signed", nil, nil, signers, Signature{State: Unsigned, File: "SHA256SUMS.sig", Reason: sign.Missing}},
		{"inside", good, nil, signers, Signature{State: Accepted, File: "SHA256SUMS.sig", By: "release"}},
		{"beside", nil, good, signers, Signature{State: Accepted, File: "a.tar.sig", By: "release"}},
		{"beside, after a foreign one", foreign, good, signers, Signature{State: Accepted, File: "a.tar.sig", By: "release"}},
		{"beside, after a moved one", moved, good, signers, Signature{State: Accepted, File: "a.tar.sig", By: "release"}},
		{"inside, before nonsense", good, []byte("x"), signers, Signature{State: Accepted, File: "SHA256SUMS.sig", By: "release"}},
		{"both foreign", foreign, foreign, signers, Signature{State: Refused, File: "SHA256SUMS.sig", Reason: sign.Unknown}},
		{"both wrong", moved, foreign, signers, Signature{State: Refused, File: "SHA256SUMS.sig", Reason: sign.OtherContent}},
		{"empty", []byte{}, nil, signers, Signature{State: Refused, File: "SHA256SUMS.sig", Reason: sign.Malformed}},
		{"anybody's", foreign, nil, nil, Signature{State: Intact, File: "SHA256SUMS.sig"}},
		{"moved, anybody's", moved, nil, nil, Signature{State: Refused, File: "SHA256SUMS.sig", Reason: sign.OtherContent}},
		{"empty, anybody's", nil, []byte{}, nil, Signature{State: Refused, File: "a.tar.sig", Reason: sign.Malformed}},
	} {
		r := &Report{Bundle: filepath.Join(t.TempDir(), "a.tar"), Sums: sums, Signature: c.inside}
		if c.beside != nil {
			if err := WriteDetached(t.Context(), r.Bundle, c.beside); err != nil {
				t.Fatal(err)
			}
		}
		got, err := r.CheckSignature(c.signers, time.Now())
		got.Key = ""
		if err != nil || got != c.want || (len(r.Problems) > 0) != (c.want.Reason != "") {
			t.Errorf("%s: got %+v, %v, problems %v, want %+v", c.what, got, err, r.Problems, c.want)
		}
	}
	both := must(sign.ParseSigners("signers", []byte(otherLine+line)))
	r := &Report{Bundle: "a.tar", Sums: sums, Signature: foreign}
	if got, err := r.CheckSignature(both, time.Now()); err != nil || got.By != "other" || !strings.HasPrefix(got.Key, "ED25519 key SHA256:") {
		t.Errorf("got %+v, %v", got, err)
	}
}
