package upstream

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/satchel-kit/satchel/internal/plan"
)

const image1 = "registry.example/team/app:1"

// fake is a registry that answers in turn with the given handlers; the last one
// answers all further requests. Pings do not count.
type fake struct {
	*httptest.Server
	asked atomic.Int64 // requests other than pings
	sent  atomic.Int64 // bytes of bodies
	mu    sync.Mutex
	next  []http.HandlerFunc
}

func newFake(t *testing.T, handlers ...http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{next: handlers}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.CloseClientConnections)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/" {
		return
	}
	f.asked.Add(1)
	f.mu.Lock()
	handle := f.next[0]
	if len(f.next) > 1 {
		f.next = f.next[1:]
	}
	f.mu.Unlock()
	handle(&counted{w, &f.sent}, r)
}

type counted struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n.Add(int64(n))
	return n, err
}

func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		fmt.Fprint(w, `{"errors":[{"code":"CODE","message":"in words\u001b[31m"}]}`)
	}
}

func manifest(text, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, text)
	}
}

// whole serves data with ranges, as a good server does.
func whole(data []byte, etag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if etag != "" {
			w.Header().Set("ETag", etag)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}

// torn serves as inner does, but breaks the connection after n bytes.
func torn(inner http.HandlerFunc, n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		inner(&tearing{w, n}, r)
	}
}

type tearing struct {
	http.ResponseWriter
	left int
}

func (t *tearing) Write(p []byte) (int, error) {
	n, err := t.ResponseWriter.Write(p[:min(len(p), t.left)])
	if t.left -= n; t.left == 0 {
		http.NewResponseController(t.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func noise(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

func quick() Option {
	return WithPatience(Patience{Idle: 250 * time.Millisecond, Tries: 3, Pause: time.Millisecond, Longest: 3 * time.Second})
}

// client asks the fake for everything of registry.example and files.example.
func (f *fake) client(t *testing.T, options ...Option) *Client {
	t.Helper()
	options = append([]Option{quick(), WithKeychain(authn.NewMultiKeychain())}, options...)
	c, err := New([]plan.Source{
		{Prefix: "registry.example", Mirror: "http://" + f.host() + "/mirror"},
		{Prefix: "https://files.example", Mirror: f.URL + "/files"},
	}, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *fake) host() string { return strings.TrimPrefix(f.URL, "http://") }

// one is a keychain that has credentials for one host.
type one struct{ host, user, password string }

func (o one) Resolve(r authn.Resource) (authn.Authenticator, error) {
	if r.RegistryStr() != o.host {
		return authn.Anonymous, nil
	}
	return &authn.Basic{Username: o.user, Password: o.password}, nil
}
