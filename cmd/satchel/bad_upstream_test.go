package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// etcd is the image of which upstreams lie here, and etcdName what a message
// calls it that names a digest.
const (
	etcd     = "registry.k8s.io/etcd:3.5.1-0"
	etcdName = "registry.k8s.io/etcd"
)

// badly answers requests for paths with that part in its own way.
func badly(part string, answer func(w http.ResponseWriter, r *http.Request, inner http.Handler)) func(http.Handler) http.Handler {
	return func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, part) {
				answer(w, r, inner)
				return
			}
			inner.ServeHTTP(w, r)
		})
	}
}

func always(status int) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, "<html>a whole page that nobody wants to see</html>", status)
	}
}

// altered answers as inner does, with the body changed.
func altered(change func(body []byte) []byte) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
		r.Header.Del("Range")
		got := httptest.NewRecorder()
		inner.ServeHTTP(got, r)
		body := got.Body.Bytes()
		w.Header().Set("Content-Type", got.Header().Get("Content-Type"))
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.WriteHeader(got.Code)
		w.Write(change(body))
	}
}

func flipLast(body []byte) []byte {
	body = slices.Clone(body)
	body[len(body)-1] ^= 1
	return body
}

func firstHalf(body []byte) []byte { return body[:len(body)/2] }

// misfortune is an upstream that was good when the lock was made for a build, and
// is bad for the command.
type misfortune struct {
	what, command, part string
	answer              func(http.ResponseWriter, *http.Request, http.Handler)
	// want has the parts of the one line that says all.
	want []string
}

// site has an upstream that turned bad, and the command line to run.
func (c misfortune) site(t *testing.T) (s *site, args []string) {
	t.Helper()
	s = newSite(t)
	bad := &turning{worse: badly(c.part, c.answer)}
	s.upstream(bad.wrap)
	args = []string{"lock", "spec"}
	if c.command == "build" {
		// The build gets an empty cache of its own.
		s.must("lock", "spec", "--cache", "spec/cache", "--lock", "locking.json")
		args = []string{"build", "spec", "-o", "b.tar", "--lock", "locking.json"}
	}
	bad.turned.Store(true)
	return s, args
}

// check looks at the message, and that nothing is left.
func (c misfortune) check(s *site, o outcome, args []string) {
	s.t.Helper()
	s.failed(o, args, c.want...)
	if _, err := os.Stat(s.path("spec/satchel.lock")); err == nil {
		s.t.Error("there is a lock")
	}
	if left := strings.Join(s.list(), " "); left != "" && left != "locking.json" {
		s.t.Errorf("left behind: %s", left)
	}
}

func TestABadUpstreamIsNamedOnOneLine(t *testing.T) {
	for _, c := range []misfortune{
		{"401", "lock", "/etcd/manifests/", always(401), []string{etcd, "http://127.0.0.1:", "/etcd/manifests/3.5.1-0", "401 Unauthorized", "docker login 127.0.0.1:"}},
		{"403 of a file", "lock", "amd64/kubeadm", always(403), []string{"files/amd64/kubeadm", "http://127.0.0.1:", "403 Forbidden", "name a mirror in `sources:`"}},
		{"404 of an image", "lock", "/etcd/manifests/", always(404), []string{etcd, "http://127.0.0.1:", "/etcd/manifests/3.5.1-0", "404 Not Found", "the name or tag does not exist there"}},
		{"404 of a file", "lock", "amd64/kubeadm", always(404), []string{"files/amd64/kubeadm", "http://127.0.0.1:", "404 Not Found", "there is no such file"}},
		{"a manifest with another digest", "lock", "/etcd/manifests/sha256:", altered(flipLast), []string{etcdName, "http://127.0.0.1:", "/etcd/manifests/sha256:", "the manifest has digest"}},
		{"a blob with another digest", "build", "/etcd/blobs/", altered(flipLast), []string{etcdName, "http://127.0.0.1:", "/etcd/blobs/sha256:", "content does not match", "satchel lock"}},
		{"a file with another digest", "build", "amd64/kubeadm", altered(flipLast), []string{"/kubeadm", "http://127.0.0.1:", "content does not match", "satchel lock"}},
		{"a checksum that does not fit", "lock", "amd64/kubeadm.sha256", altered(func([]byte) []byte { return []byte(strings.Repeat("0", 64)) }), []string{"files/amd64/kubeadm", "http://127.0.0.1:", "does not fit its checksum", "kubeadm.sha256"}},
		{"no wanted platform", "lock", "/etcd/manifests/", altered(func(b []byte) []byte {
			return []byte(strings.ReplaceAll(string(b), `"amd64"`, `"mips6"`))
		}), []string{etcd, "platform linux/amd64 is missing", "linux/mips6", "linux/s390x"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			s, args := c.site(t)
			c.check(s, s.run(args...), args)
		})
	}
}

// TestAnUpstreamThatStaysBadIsGivenUp runs all of its cases at once: each takes as
// long as the client is patient.
func TestAnUpstreamThatStaysBadIsGivenUp(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	t.Parallel()
	refuse := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { panic(http.ErrAbortHandler) }
	var all sync.WaitGroup
	for _, c := range []misfortune{
		{"errors", "lock", "/etcd/manifests/", always(500), []string{"satchel: ", etcd, "http://127.0.0.1:", "500 Internal Server Error", "try again later"}},
		{"bodies cut short", "build", "/etcd/blobs/", altered(firstHalf), []string{"satchel: ", etcdName, "http://127.0.0.1:", "the transfer broke off after", "the connection ended early"}},
		{"no answers", "lock", "/", refuse, []string{"satchel: ", "http://127.0.0.1:", "check the network, or name a mirror in `sources:`"}},
	} {
		s, args := c.site(t)
		all.Go(func() {
			o := s.run(args...)
			c.check(s, o, args)
			if !strings.Contains(o.stderr, ", attempt 6 of 6: ") {
				t.Errorf("%s: the attempts are not shown:\n%s", c.what, o.stderr)
			}
		})
	}
	s := newSite(t)
	server := s.upstream(func(h http.Handler) http.Handler { return h })
	s.must("lock", "spec", "--lock", "locking.json")
	server.Close()
	s.fails([]string{"build", "spec", "-o", "b.tar", "--lock", "locking.json"}, "fetching \"", server.URL, "connection refused", "check the network, or name a mirror in `sources:`")
	s.holds("locking.json")
	all.Wait()
}

// turning is a good upstream until it turns into a worse one.
type turning struct {
	turned atomic.Bool
	worse  func(http.Handler) http.Handler
}

func (u *turning) wrap(inner http.Handler) http.Handler {
	worse := u.worse(inner)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u.turned.Load() {
			worse.ServeHTTP(w, r)
		} else {
			inner.ServeHTTP(w, r)
		}
	})
}

func TestARateLimitIsWaitedForAndShown(t *testing.T) {
	s := newSite(t)
	var asked atomic.Int64
	s.upstream(badly("/etcd/manifests/3.5.1-0", func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
		if asked.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "slower", http.StatusTooManyRequests)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	o := s.must("lock", "spec")
	for _, part := range []string{"retrying in 1s, attempt 2 of 6: ", etcd, "429 Too Many Requests", "the server says to wait 1s"} {
		if !strings.Contains(o.stderr, part) {
			t.Errorf("stderr lacks %q:\n%s", part, o.stderr)
		}
	}
}
