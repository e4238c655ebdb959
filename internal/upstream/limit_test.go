package upstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/registry"
)

// A server sends so many large contents at once and no more, and small ones beside them.
func TestAServerIsNotAskedForTooMuchAtOnce(t *testing.T) {
	var now, most atomic.Int64
	let := make(chan struct{})
	data := noise(large)
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/small") {
			w.Write([]byte("small"))
			return
		}
		n := now.Add(1)
		defer now.Add(-1)
		for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
		}
		<-let
		whole(data, "")(w, r)
	})
	c := f.client(t, WithPatience(Patience{Idle: time.Minute, Tries: 1, Pause: time.Millisecond}))
	var all sync.WaitGroup
	for range 3 * perHost {
		all.Go(func() {
			if err := c.File(t.Context(), "https://files.example/large", large, &memory{limit: large}); err != nil {
				t.Error(err)
			}
		})
	}
	for begin := time.Now(); now.Load() < perHost && time.Since(begin) < 10*time.Second; time.Sleep(time.Millisecond) {
	}
	if err := c.File(t.Context(), "https://files.example/small", 5, &memory{limit: 5}); err != nil {
		t.Error(err)
	}
	close(let)
	all.Wait()
	if most.Load() != perHost {
		t.Errorf("%d came at once, want %d", most.Load(), perHost)
	}
}

// The date of Retry-After is that of the server's clock, whatever this machine's says.
func TestRetryAfterADateIsByTheServersClock(t *testing.T) {
	for what, ahead := range map[string]time.Duration{"ahead": 10 * time.Hour, "behind": -10 * time.Hour} {
		date := time.Now().Add(ahead)
		f := newFake(t,
			status(429, "Date", date.UTC().Format(http.TimeFormat), "Retry-After", date.Add(time.Second).UTC().Format(http.TimeFormat)),
			manifest(ociDoc, ociType))
		begin := time.Now()
		if _, err := f.client(t).Manifest(t.Context(), image1); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if waited := time.Since(begin); waited < time.Second {
			t.Errorf("%s: waited %s, want 1s", what, waited)
		}
	}
}

// secure is a server with a certificate of its own making that is good for so long.
func secure(t *testing.T, from, to time.Time) (host, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(manifest(ociDoc, ociType))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	ca = filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(s.URL, "https://"), ca
}

func TestACAOfOnesOwnIsTrustedWhenNamed(t *testing.T) {
	now := time.Now()
	for what, test := range map[string]struct {
		from, to time.Time
		want     string
	}{
		"good":    {now.Add(-time.Hour), now.Add(time.Hour), ""},
		"too old": {now.Add(-2 * time.Hour), now.Add(-time.Hour), "the clock of this machine is wrong; it says " + now.UTC().Format("2006-01-02")},
		"too new": {now.Add(time.Hour), now.Add(2 * time.Hour), "the clock of this machine is wrong"},
	} {
		host, ca := secure(t, test.from, test.to)
		roots, err := registry.Roots(ca)
		if err != nil {
			t.Fatal(err)
		}
		c, err := New([]plan.Source{{Prefix: "registry.example", Mirror: host}}, quick(), WithRoots(roots))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Manifest(t.Context(), image1)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}
