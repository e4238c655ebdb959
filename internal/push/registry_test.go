package push

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// need finds a program that others wrote. Where it is missing the test is left out,
// unless SATCHEL_TOOLS says that it must not be.
func need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil && os.Getenv("SATCHEL_TOOLS") == "required" {
		t.Fatalf("SATCHEL_TOOLS is \"required\", and %s is not installed", program)
	}
	if err != nil {
		t.Skipf("%s is not installed", program)
	}
	return path
}

// realRegistry starts the reference registry over an empty directory. The registry
// chooses its port, so that nobody can take it.
func realRegistry(t testing.TB, config string) (host string) {
	t.Helper()
	program := need(t, "docker-registry")
	file := filepath.Join(t.TempDir(), "config.yml")
	text := "version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\nhttp: {addr: \"127.0.0.1:0\"}\n" +
		"storage: {filesystem: {rootdirectory: " + t.TempDir() + "}}\n" + config
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "serve", file)
	said := &saying{want: regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`), found: make(chan string, 1)}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	select {
	case host = <-said.found:
	case <-time.After(20 * time.Second):
		t.Fatalf("the registry does not come up:\n%s", said)
	}
	return host
}

// saying is a program's output that is searched for one thing.
type saying struct {
	want  *regexp.Regexp
	found chan string
	mu    sync.Mutex
	text  bytes.Buffer
}

func (s *saying) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *saying) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	if m := s.want.FindSubmatch(s.text.Bytes()); m != nil {
		select {
		case s.found <- string(m[1]):
		default: // it was said before
		}
	}
	return len(p), nil
}

// front is a proxy before a registry that counts, and fails where it is told to.
type front struct {
	*httptest.Server
	mu sync.Mutex
	// requests counts by method and kind, such as "PATCH blobs", and sent the bytes
	// that came in and went out in blobs.
	requests map[string]int
	sent     map[string]int64
	mounted  int
	now, top int // uploads and downloads of blobs at the same time
	// fault answers in place of the registry if it returns true.
	fault func(w http.ResponseWriter, r *http.Request) bool
	// spoil changes the registry's answers.
	spoil func(*http.Response)
}

func before(t testing.TB, registry string) *front {
	t.Helper()
	f := &front{}
	f.forget()
	f.Server = httptest.NewServer(f.handler(registry))
	t.Cleanup(f.Close)
	t.Cleanup(f.CloseClientConnections)
	return f
}

func (f *front) handler(registry string) http.Handler {
	target := &url.URL{Scheme: "http", Host: registry}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host; r.SetXForwarded() },
		ModifyResponse: func(resp *http.Response) error {
			f.mu.Lock()
			if resp.StatusCode == http.StatusCreated && resp.Request.URL.Query().Has("mount") {
				f.mounted++
			}
			spoil := f.spoil
			f.mu.Unlock()
			if spoil != nil {
				spoil(resp)
			}
			return nil
		},
		ErrorLog:     log.New(io.Discard, "", 0),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := kindOf(r)
		f.mu.Lock()
		f.requests[kind]++
		if moving := kind == "PATCH blobs" || kind == "GET blobs"; moving {
			f.now++
			f.top = max(f.top, f.now)
			defer func() { f.mu.Lock(); f.now--; f.mu.Unlock() }()
		}
		fault := f.fault
		f.mu.Unlock()
		r.Body = &counted{r.Body, f, kind}
		if fault != nil && fault(w, r) {
			return
		}
		proxy.ServeHTTP(&countedAnswer{w, f, kind}, r)
	})
}

// kindOf is "PATCH blobs" and the like.
func kindOf(r *http.Request) string {
	for _, kind := range []string{"blobs", "manifests"} {
		if strings.Contains(r.URL.Path, "/"+kind+"/") {
			return r.Method + " " + kind
		}
	}
	return r.Method
}

func (f *front) host() string { return strings.TrimPrefix(f.URL, "http://") }

func (f *front) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests, f.sent, f.mounted, f.top = map[string]int{}, map[string]int64{}, 0, 0
}

// failing sets the fault.
func (f *front) failing(fault func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// count is the number of requests of a kind.
func (f *front) count(kind string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[kind]
}

func (f *front) bytes(kind string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent[kind]
}

func (f *front) add(kind string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent[kind] += int64(n)
}

type counted struct {
	io.ReadCloser
	front *front
	kind  string
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.front.add(c.kind, n)
	return n, err
}

type countedAnswer struct {
	http.ResponseWriter
	front *front
	kind  string
}

func (c *countedAnswer) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.front.add(c.kind, n)
	return n, err
}

func (c *countedAnswer) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// times is a fault that hits the first n requests that are meant.
func times(n int, meant func(*http.Request) bool, answer http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		hit := n > 0 && meant(r)
		if hit {
			n--
		}
		mu.Unlock()
		if hit {
			answer(w, r)
		}
		return hit
	}
}

func kind(wanted string) func(*http.Request) bool {
	return func(r *http.Request) bool { return kindOf(r) == wanted }
}

// says answers with a status and an error in the registry's form.
func says(status int, code, message string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, `{"errors":[{"code":"`+code+`","message":"`+message+`"}]}`)
	}
}

// breaks takes some of a request's content and ends the connection.
func breaks(after int64) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		io.CopyN(io.Discard, r.Body, after)
		panic(http.ErrAbortHandler)
	}
}

// hasty gives up soon.
var hasty = Patience{Idle: 2 * time.Second, Answer: 5 * time.Second, Tries: 4, Pause: 5 * time.Millisecond, Longest: 2 * time.Second}

func client(t testing.TB, host string, options ...Option) *Client {
	t.Helper()
	c, err := New(host, append([]Option{WithPatience(hasty), WithPlainHTTP()}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func target(t testing.TB, text string) Target {
	t.Helper()
	to, err := ParseTarget(text)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// pushImages pushes a bundle's images, which must succeed.
func pushImages(t testing.TB, bundle, to string, options ...Option) *Images {
	t.Helper()
	at := target(t, to)
	result, err := client(t, at.Host, options...).Images(t.Context(), bundle, at, Jobs, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// fails checks that an error has all parts on one line.
func fails(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for line := range strings.Lines(err.Error()) {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if all {
			return
		}
	}
	t.Errorf("no line of the error has all of %q:\n%v", parts, err)
}
