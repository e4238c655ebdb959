package main

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
)

// sshKeyCmd is `sshkey FILE [PASSPHRASE]`: it writes an SSH key, always the same for a
// name, and its public key to FILE.pub.
func sshKeyCmd(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: sshkey FILE [PASSPHRASE]")
	}
	ts.Check(writeKey(ts.MkAbs(args[0]), strings.Join(args[1:], "")))
}

func writeKey(path, passphrase string) error {
	seed := sha256.Sum256([]byte(filepath.Base(path)))
	key := ed25519.NewKeyFromSeed(seed[:])
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(path, pem.EncodeToMemory(block), 0o600), os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(public), 0o644))
}

// member is one file of a tar, and where it is.
type member struct {
	name                 string
	header, content, end int64
}

func members(t *testing.T, data []byte) []member {
	t.Helper()
	var all []member
	at := int64(0)
	in := bytes.NewReader(data)
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		m := member{name: h.Name, header: at, content: int64(len(data)) - int64(in.Len()), end: int64(len(data)) - int64(in.Len()) + h.Size}
		at = (m.end + 511) / 512 * 512
		all = append(all, m)
	}
}

// TestNoByteOfASignedBundleCanChange flips a bit in the header, the content and the
// padding of each kind of file that a bundle has, and behind them all.
func TestNoByteOfASignedBundleCanChange(t *testing.T) {
	s := newSite(t)
	if err := errors.Join(writeKey(s.path("release"), ""), writeKey(s.path("other"), "")); err != nil {
		t.Fatal(err)
	}
	s.upstream(func(h http.Handler) http.Handler { return h })
	s.must("lock", "spec")
	s.must("build", "spec", "-o", "b.tar", "--sign", "release")
	s.write("signers", "release@example.com "+string(s.read("release.pub")))
	s.must("verify", "b.tar", "--signers", "signers")
	data := s.read("b.tar")
	all := members(t, data)
	kinds := map[string]bool{}
	for _, m := range all {
		kind := m.name
		for _, folder := range []string{"hosts/", "steps/", "images/blobs/", "files/", "bin/", "sbom/", "units/", "manifests/"} {
			if strings.HasPrefix(m.name, folder) {
				kind = folder
			}
		}
		if kinds[kind] {
			continue
		}
		kinds[kind] = true
		places := []int64{m.header, m.header + 100, m.header + 345} // its name, its mode, what is empty
		if m.content < m.end {
			places = append(places, m.content, m.content+(m.end-m.content)/2, m.end-1)
		}
		if m.end%512 != 0 {
			places = append(places, m.end)
		}
		for _, at := range places {
			s.unverified(data, m.name, at)
		}
	}
	for _, want := range []string{"bundle.json", "SHA256SUMS", "SHA256SUMS.sig", "provenance.json", "sbom/", "install.sh", "hosts/", "images/index.json", "images/blobs/", "files/"} {
		if !kinds[want] {
			t.Errorf("there is no %s in the bundle", want)
		}
	}
	s.unverified(data, "the end", int64(len(data))-1)
}

// unverified makes sure that a bundle with one other bit does not pass.
func (s *site) unverified(data []byte, what string, at int64) {
	s.t.Helper()
	bad := bytes.Clone(data)
	bad[at] ^= 1
	s.write("bad.tar", string(bad))
	var said bytes.Buffer
	if status := run(s.t.Context(), []string{"verify", s.path("bad.tar"), "--signers", s.path("signers")}, &said, &said); status != 1 {
		s.t.Errorf("byte %d, of %s, is another, and the exit status is %d\n%s", at, what, status, &said)
	}
}
