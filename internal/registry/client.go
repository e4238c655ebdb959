// Package registry is how satchel speaks with OCI registries, and with servers of plain
// files: logins, connections that no server can hold for ever, attempts that are
// repeated, transfers that go on where they broke off, and errors that say what was
// asked and what to do.
//
// upstream reads with it and push writes with it. It does not choose whom to ask, trusts
// no answer more than the digest that it was asked for, stores nothing, and knows of no
// flag and no spec: what its users can do about a failure it is told by those who call
// (Advice).
package registry

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Settings are how a client behaves.
type Settings struct {
	Patience Patience
	// Keychain has the credentials.
	Keychain authn.Keychain
	// Roots are the certificate authorities to trust; nil for the system's.
	Roots *x509.CertPool
	// Notice is called before each wait for another attempt, from any goroutine.
	Notice func(Retry)
}

// Patience says how long a client puts up with a server.
type Patience struct {
	// Idle is how long a server may send, or take, next to nothing.
	Idle time.Duration
	// Answer is how long a server may think before it answers; 0 for Idle.
	Answer time.Duration
	// Tries is how many attempts in a row may fail without progress.
	Tries int
	// Pause is the first wait between attempts; it doubles from one to the next.
	Pause time.Duration
	// Longest is the longest wait that a server may ask for (Retry-After).
	Longest time.Duration
}

// Defaults are the settings that suit most. Credentials come from the docker
// configuration and its helpers (DockerLogins), proxies and additional CAs always from the environment
// (HTTPS_PROXY, SSL_CERT_FILE).
func Defaults() Settings {
	return Settings{
		Patience: Patience{Idle: time.Minute, Tries: 6, Pause: 500 * time.Millisecond, Longest: 2 * time.Minute},
		Keychain: DockerLogins(),
		Notice:   func(Retry) {},
	}
}

// Client makes sessions. It may be used from many goroutines.
type Client struct {
	settings Settings
	base     http.RoundTripper

	mu     sync.Mutex
	logins map[string]*login
}

// New makes a client, without asking anybody anything.
func New(s Settings) *Client {
	return &Client{settings: s, base: newTransport(s.Patience, s.Roots), logins: map[string]*login{}}
}

// Roots are the system's certificate authorities and those in a file of PEM.
func Roots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the CA: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without any
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the CA in %q: there is no certificate in PEM form in it", file)
	}
	return pool, nil
}
