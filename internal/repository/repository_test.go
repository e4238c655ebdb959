package repository

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

func TestFileNamesStayInTheRepository(t *testing.T) {
	for _, bad := range []string{"", ".", "/etc/passwd", "..", "../a", "a/../../b", "a\\b", "a\nb"} {
		if clean, err := CleanFile(bad); err == nil {
			t.Errorf("%q is taken, as %q", bad, clean)
		}
	}
	if got, err := CleanFile("./pool/a_1%3a2_all.deb"); err != nil || got != "pool/a_1%3a2_all.deb" {
		t.Errorf("got %q (%v)", got, err)
	}
	if got := Join("http://a.example/debian/", "pool/a_1%3a2 b.deb"); got != "http://a.example/debian/pool/a_1%253a2%20b.deb" {
		t.Errorf("got %s", got)
	}
}

func TestDecompressHasLimits(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := io.Copy(w, strings.NewReader(strings.Repeat("a", 1000))); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	all := func(r io.Reader) error {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	gz := Formats[1]
	if err := gz.Decompress(zipped.Bytes(), 1001, all); err != nil {
		t.Error(err)
	}
	if err := gz.Decompress(zipped.Bytes(), 1000, all); err == nil || !strings.Contains(err.Error(), "more than 1000 bytes") {
		t.Errorf("got %v", err)
	}
	if err := gz.Decompress(zipped.Bytes()[:zipped.Len()-9], 1001, all); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

func FuzzInRelease(f *testing.F) {
	f.Add([]byte("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: Debian\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"))
	moment := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, content []byte) {
		// No key is known, so nothing may be accepted.
		if _, by, err := (Keys{}).VerifyClear(content, moment); err == nil {
			t.Errorf("signed by %v", by)
		}
		if _, err := (Keys{}).VerifyDetached([]byte("text"), content, moment); err == nil {
			t.Error("a signature of nobody was accepted")
		}
		_, _ = ReadKeys(content)
	})
}
