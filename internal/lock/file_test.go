package lock

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/plan"
)

// shelf is a server with one file, beside which there is no checksum.
type shelf struct {
	*httptest.Server
	mu       sync.Mutex
	data     []byte
	etag     string
	modified time.Time
	breakAt  int // answers end there; 0 for never
	asked    []string
	sent     int
}

func newShelf(t *testing.T, size int) *shelf {
	s := &shelf{data: bytes.Repeat([]byte("0123456789abcdef"), size/16), etag: `"1"`}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := r.Header.Get("Range")
	for _, name := range []string{"If-Range", "If-None-Match", "If-Modified-Since"} {
		if r.Header.Get(name) != "" {
			asked += " " + name
		}
	}
	s.asked = append(s.asked, strings.TrimSpace(asked))
	if s.etag != "" {
		w.Header().Set("ETag", s.etag)
	}
	http.ServeContent(&metered{w, s}, r, "", s.modified, bytes.NewReader(s.data))
}

// questions are those since it was last asked, with how many bytes it has sent.
func (s *shelf) questions() (asked string, sent int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked, sent = strings.Join(s.asked, ", "), s.sent
	s.asked, s.sent = nil, 0
	return asked, sent
}

// metered counts what is sent, and breaks off.
type metered struct {
	http.ResponseWriter
	s *shelf
}

func (m *metered) Write(p []byte) (int, error) {
	if m.s.breakAt > 0 && m.s.sent+len(p) > m.s.breakAt {
		m.ResponseWriter.Write(p[:m.s.breakAt-m.s.sent])
		m.s.sent = m.s.breakAt
		http.NewResponseController(m.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	m.s.sent += len(p)
	return m.ResponseWriter.Write(p)
}

// lock is what a run of satchel lock finds, with its own hold on the cache.
func (s *shelf) lock(t *testing.T, dir string) (File, error) {
	t.Helper()
	store, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	want := plan.File{Path: "files/amd64/docker.tgz", URL: "https://download.docker.com/docker.tgz"}
	sources := []plan.Source{{Prefix: "https://download.docker.com", Mirror: s.URL}}
	l, err := Resolve(t.Context(), client(t, sources), store, plan.Supply{Files: []plan.File{want}}, 1, nil)
	if err != nil {
		return File{}, err
	}
	return l.Files[0], nil
}

// right checks that a run found what the server has.
func (s *shelf) right(t *testing.T, dir, what string) {
	t.Helper()
	got, err := s.lock(t, dir)
	want := fmt.Sprintf("%x", sha256.Sum256(s.data))
	if err != nil || got.SHA256 != want || got.Size != int64(len(s.data)) {
		t.Fatalf("%s: got %+v, %v, want %s", what, got, err, want)
	}
	blob, err := os.ReadFile(filepath.Join(dir, "blobs", "sha256", want))
	if err != nil || !bytes.Equal(blob, s.data) {
		t.Fatalf("%s: the cache has something else: %v", what, err)
	}
}

func TestAFileWithoutAChecksumIsDownloadedOnce(t *testing.T) {
	old := time.Now().Add(-time.Hour)
	for what, c := range map[string]struct {
		etag     string
		modified time.Time
		want     string
	}{
		"an ETag":             {`"1"`, time.Time{}, "If-None-Match"},
		"a time":              {"", old, "If-Modified-Since"},
		"a weak ETag":         {`W/"1"`, time.Time{}, ""},
		"a time that is new":  {"", time.Now(), ""},
		"neither":             {"", time.Time{}, ""},
		"an ETag and a time":  {`"1"`, old, "If-None-Match"},
		"a weak one and time": {`W/"1"`, old, "If-Modified-Since"},
	} {
		s, dir := newShelf(t, 1<<20), t.TempDir()
		s.etag, s.modified = c.etag, c.modified
		s.right(t, dir, what)
		if got, _ := s.questions(); got != "" {
			t.Errorf("%s: at first it asks with %q", what, got)
		}
		s.right(t, dir, what)
		if got, sent := s.questions(); got != c.want || (sent == 0) != (c.want != "") {
			t.Errorf("%s: it asks with %q, and gets %d bytes", what, got, sent)
		}
	}
}

func TestAFileThatChangedIsDownloadedAgain(t *testing.T) {
	s, dir := newShelf(t, 1<<20), t.TempDir()
	s.right(t, dir, "at first")
	s.data, s.etag = append(s.data, "more"...), `"2"`
	s.right(t, dir, "another version")
	s.questions()
	s.right(t, dir, "once more")
	if got, sent := s.questions(); got != "If-None-Match" || sent != 0 {
		t.Errorf("it asks with %q, and gets %d bytes", got, sent)
	}
}

// TestTheNoteOfADownloadIsNotTakenForTheBytes has a disk that loses some of them, and a
// cache that was tidied up.
func TestTheNoteOfADownloadIsNotTakenForTheBytes(t *testing.T) {
	s, dir := newShelf(t, 1<<20), t.TempDir()
	s.right(t, dir, "at first")
	blob := filepath.Join(dir, "blobs", "sha256", fmt.Sprintf("%x", sha256.Sum256(s.data)))
	if err := os.Chmod(blob, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(blob, make([]byte, len(s.data)), 0o644); err != nil {
		t.Fatal(err)
	}
	s.questions()
	s.right(t, dir, "damaged")
	if got, _ := s.questions(); got != "If-None-Match, " {
		t.Errorf("for what is damaged it asks with %q", got)
	}
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	s.right(t, dir, "gone")
	if got, _ := s.questions(); got != "" {
		t.Errorf("for what is gone it asks with %q", got)
	}
}

// broken is a shelf of which an earlier run got the first half.
func broken(t *testing.T, etag string) (s *shelf, dir string) {
	t.Helper()
	s, dir = newShelf(t, 4<<20), t.TempDir()
	s.etag, s.breakAt = etag, len(s.data)/2
	if _, err := s.lock(t, dir); err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Fatalf("got %v", err)
	}
	s.questions()
	s.breakAt = 0
	return s, dir
}

func leftover(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "partial", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestADownloadGoesOnInTheNextRun(t *testing.T) {
	s, dir := broken(t, `"1"`)
	s.right(t, dir, "the next run")
	if got, sent := s.questions(); got != "bytes=2097152- If-Range" || sent != len(s.data)/2 {
		t.Errorf("it asks with %q, and gets %d bytes of %d", got, sent, len(s.data))
	}
	if left := leftover(t, dir); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	s.right(t, dir, "the one after it")
	if got, _ := s.questions(); got != "If-None-Match" {
		t.Errorf("then it asks with %q", got)
	}
}

func TestTwoVersionsAreNeverPutTogetherAcrossRuns(t *testing.T) {
	s, dir := broken(t, `"1"`)
	s.data, s.etag = bytes.Repeat([]byte("another version "), len(s.data)/16), `"2"`
	s.right(t, dir, "another version")

	s, dir = broken(t, `"1"`)
	lies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("If-Range") // and sends a part of the version that there is
		s.ServeHTTP(w, r)
	}))
	defer lies.Close()
	s.data, s.etag = bytes.Repeat([]byte("another version "), len(s.data)/16), `"2"`
	s.URL = lies.URL
	s.right(t, dir, "a server that does not look at If-Range")
}

func TestABeginningThatNobodyVouchesForIsDropped(t *testing.T) {
	_, dir := broken(t, `W/"1"`)
	if left := leftover(t, dir); len(left) != 0 {
		t.Errorf("of a version that nobody can tell from others is left: %q", left)
	}
	s, dir := broken(t, `"1"`)
	left := leftover(t, dir)
	if len(left) != 1 {
		t.Fatalf("left behind: %q", left)
	}
	// What a power failure leaves has the length, and zeros.
	info, err := os.Stat(left[0])
	if err != nil || info.Size() != int64(len(s.data)/2) {
		t.Fatalf("%d bytes are left, %v", info.Size(), err)
	}
	if err := os.WriteFile(left[0], make([]byte, info.Size()), 0o600); err != nil {
		t.Fatal(err)
	}
	s.right(t, dir, "a damaged beginning")
	if got, _ := s.questions(); got != "" {
		t.Errorf("it asks with %q", got)
	}
}

func TestSeveralRunsAtOnceDownloadAFileOnce(t *testing.T) {
	s, dir := newShelf(t, 4<<20), t.TempDir()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			got, err := s.lock(t, dir)
			if err != nil || got.Size != int64(len(s.data)) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	all.Wait()
	if got, sent := s.questions(); sent != len(s.data) {
		t.Errorf("%d bytes were sent, of a file of %d: %q", sent, len(s.data), got)
	}
}
