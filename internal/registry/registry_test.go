package registry

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// sink keeps what it takes.
type sink struct{ bytes.Buffer }

func (s *sink) Offset() int64  { return int64(s.Len()) }
func (s *sink) Restart() error { s.Reset(); return nil }

func client() *Client {
	s := Defaults()
	s.Keychain = authn.NewMultiKeychain()
	s.Patience = Patience{Idle: 2 * time.Second, Tries: 2, Pause: time.Millisecond, Longest: 3 * time.Second}
	return New(s)
}

// session is one with a registry that answers like this, beside the question whether
// it is one.
func session(t *testing.T, answer http.HandlerFunc, action string, a Advice) *Session {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			answer(w, r)
		}
	}))
	t.Cleanup(server.Close)
	repo, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://")+"/team/app", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if a.Status == nil {
		a.Status = func(int, string) string { return "" }
	}
	return client().Session(repo, action, a)
}

func TestHTTPSIsNeverLeftForPlainHTTP(t *testing.T) {
	secure, _ := http.NewRequest(http.MethodGet, "https://a.example/", nil)
	plain := &http.Request{URL: &url.URL{Scheme: "http", Host: "b.example"}}
	if err := checkRedirect(plain, []*http.Request{secure}); err == nil {
		t.Error("a redirect from https to http is followed")
	}
	if err := checkRedirect(secure, []*http.Request{plain}); err != nil {
		t.Error(err)
	}
}

// TestOnlyFilesAreReadFromThisMachine has a directory as a server of files, and a
// registry that wants to have a file of this machine read in its place.
func TestOnlyFilesAreReadFromThisMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, []byte("private"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := &sink{}
	if err := client().Files(Advice{}).Copy(t.Context(), "file://"+path, -1, got); err != nil || got.String() != "private" {
		t.Errorf("a directory as a mirror: %q, %v", got, err)
	}
	s := session(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "file://"+path)
		w.WriteHeader(http.StatusFound)
	}, Pull, Advice{Away: "go away"})
	for what, err := range map[string]error{
		"a redirect": s.Copy(t.Context(), s.URL("blobs/x"), -1, &sink{}),
		"an address": s.Copy(t.Context(), "file://"+path, -1, &sink{}),
	} {
		if err == nil {
			t.Errorf("%s of a registry has a file read", what)
		}
	}
	if err := s.Copy(t.Context(), s.URL("blobs/x"), -1, &sink{}); err == nil || !strings.Contains(err.Error(), "redirects to a file: address (go away)") {
		t.Errorf("got %v", err)
	}
}

func TestAManifestThatIsAskedForByDigestHasIt(t *testing.T) {
	data := []byte(`{"schemaVersion":2}`)
	own := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
	other := "sha256:" + strings.Repeat("0", 64)
	for what, test := range map[string]struct {
		ref, header string
		good        bool
	}{
		"a tag":                               {"1", own, true},
		"a tag of which nothing is said":      {"1", "", true},
		"a tag with a digest of another kind": {"1", "sha512:00", true},
		"a tag with a wrong digest":           {"1", other, false},
		"its digest":                          {own, "", true},
		"its digest, and a wrong header":      {own, other, true},
		"another digest, and its header":      {other, own, false},
		"a digest of another kind":            {"sha512:00", own, false},
	} {
		s := session(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(DigestHeader, test.header)
			w.Write(data)
		}, Pull, Advice{Wrong: "what is it?"})
		m, err := s.Manifest(t.Context(), test.ref)
		switch {
		case test.good && (err != nil || m.Digest != own || !bytes.Equal(m.Bytes, data)):
			t.Errorf("%s: got %v", what, err)
		case !test.good && (err == nil || !strings.Contains(err.Error(), "has digest "+own) || !strings.Contains(err.Error(), "(what is it?)")):
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// TestErrorsAreInTheWordsOfWhoAsked promises that an error names the question and the
// hint of the one who asked, whoever shares the login.
func TestErrorsAreInTheWordsOfWhoAsked(t *testing.T) {
	s := session(t, http.NotFound, Push, Advice{})
	mine := Advice{
		Asked:  func(address string) string { return "looking at " + address },
		Status: func(status int, _ string) string { return fmt.Sprint("mine for ", status) },
	}
	other := s.client.Session(s.Repo, Push, mine)
	if other.login != s.login {
		t.Error("two sessions for one purpose log in twice")
	}
	if s.client.Session(s.Repo, Pull, mine).login == s.login {
		t.Error("a session for reading has a login for writing")
	}
	address := s.URL("blobs/x")
	_, err := s.Ask(t.Context(), http.MethodHead, address+"?state=s3cret", nil, http.StatusOK)
	if want := "HEAD " + address + ": 404 Not Found"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = other.Ask(t.Context(), http.MethodGet, address, nil, http.StatusOK)
	if want := "looking at " + address + ": 404 Not Found (mine for 404)"; err == nil || err.Error() != want || !NotFound(err) || Temporary(err) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestAFullSinkIsNoFaultOfTheServer promises that it is not asked again for what cannot
// be stored.
func TestAFullSinkIsNoFaultOfTheServer(t *testing.T) {
	asked := 0
	s := session(t, func(w http.ResponseWriter, r *http.Request) { asked++; w.Write([]byte("content")) }, Pull, Advice{})
	full := errors.New("the disk is full")
	err := s.Copy(t.Context(), s.URL("blobs/x"), 7, &fullSink{err: full})
	if !errors.Is(err, full) || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

type fullSink struct {
	sink
	err error
}

func (f *fullSink) Write([]byte) (int, error) { return 0, f.err }

func TestAFileWithoutACertificateIsNoCA(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + "/missing"} {
		if _, err := Roots(file); err == nil || !strings.Contains(err.Error(), "reading the CA") {
			t.Errorf("%s: got %v", file, err)
		}
	}
}

func TestRetryAfterADateThatHasPassedIsNoWait(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for after, want := range map[string]time.Duration{
		"7": 7 * time.Second, "-7": 0, "": 0, "soon": 0, "0": 0,
		now.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		resp := &http.Response{Header: http.Header{"Retry-After": {after}, "Date": {now.Format(http.TimeFormat)}}}
		if got := retryAfter(resp); got != want {
			t.Errorf("%q: got %s, want %s", after, got, want)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("https://u:p@h/x?k=v#f")
	f.Add("http://[::@")
	f.Fuzz(func(t *testing.T, address string) {
		shown := Redact(address)
		if u, err := url.Parse(shown); err == nil && u.Host != "" && (u.User != nil || u.RawQuery != "") {
			t.Errorf("%q is shown as %q", address, shown)
		}
	})
}
