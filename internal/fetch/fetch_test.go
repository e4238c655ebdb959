package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/standin"
	"github.com/satchel-kit/satchel/internal/upstream"
)

func client(t *testing.T, sources ...plan.Source) *upstream.Client {
	t.Helper()
	c, err := upstream.New(sources, upstream.WithPatience(upstream.Patience{Idle: time.Second, Tries: 2, Pause: time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t *testing.T) (*cache.Cache, string) {
	t.Helper()
	dir := t.TempDir()
	store, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return store, dir
}

func noise(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

// oneFile is a lock of one file with that content.
func oneFile(address string, data []byte) *lock.Lock {
	sum := sha256.Sum256(data)
	return &lock.Lock{Format: lock.Format, Files: []lock.File{{Path: "files/x", URL: address + "/x", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}}}
}

// counting serves data with ranges and counts the bytes. Once it has sent stop of
// them it says so and waits until the client goes away.
type counting struct {
	data []byte
	sent atomic.Int64
	stop atomic.Int64 // 0: never
	hit  chan struct{}
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(&meter{w, c, r}, r, "", time.Time{}, bytes.NewReader(c.data))
}

type meter struct {
	http.ResponseWriter
	c *counting
	r *http.Request
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.ResponseWriter.Write(p)
	if stop := m.c.stop.Load(); m.c.sent.Add(int64(n)) >= stop && stop > 0 {
		http.NewResponseController(m.ResponseWriter).Flush()
		close(m.c.hit)
		<-m.r.Context().Done()
	}
	return n, err
}

func TestEverythingOfALockArrivesOnceAndExactly(t *testing.T) {
	images := []plan.Image{
		{Name: "registry.k8s.io/pause:3.10", Platforms: []string{"linux/amd64", "linux/arm64"}},
		{Name: "docker.io/library/busybox:1.36", Platforms: []string{"linux/amd64"}},
	}
	files := []plan.File{{Path: "files/amd64/kubeadm", URL: "https://dl.k8s.io/kubeadm"}}
	world, err := standin.Serve(t.Context(), images, files)
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	first, _ := open(t)
	c := client(t, world.Sources()...)
	l, err := lock.Resolve(t.Context(), c, first, plan.Supply{Images: images, Files: files}, 4, nil)
	if err != nil {
		t.Fatal(err)
	}

	store, _ := open(t) // an empty one: the lock alone has to do
	var log strings.Builder
	if err := Fetch(t.Context(), c, store, Missing(store, l), Jobs, progress.New(&log)); err != nil {
		t.Fatal(err)
	}
	if left := Missing(store, l); len(left) != 0 {
		t.Errorf("missing: %v", left)
	}
	for _, item := range l.Blobs() {
		f, err := store.Get(item.Digest)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		n, _ := io.Copy(sum, f)
		f.Close()
		if n != item.Size || "sha256:"+hex.EncodeToString(sum.Sum(nil)) != item.Digest {
			t.Errorf("%+v is not what is in the cache", item)
		}
	}
	if got, want := strings.Count(log.String(), ": done, "), len(l.Blobs()); got != want {
		t.Errorf("%d items were fetched, want %d:\n%s", got, want, log.String())
	}

	world.Close() // what is cached needs no server
	if err := Fetch(t.Context(), c, store, Missing(store, l), Jobs, nil); err != nil {
		t.Errorf("a second fetch: %v", err)
	}
}

func TestLargestComesFirst(t *testing.T) {
	store, _ := open(t)
	l := oneFile("https://a.example", noise(10))
	l.Files = append(l.Files, oneFile("https://b.example", noise(1000)).Files...)
	if items := Missing(store, l); len(items) != 2 || items[0].Size != 1000 {
		t.Errorf("got %v", items)
	}
}

func TestFetchGoesOnAfterACancelInAnotherRun(t *testing.T) {
	const size = 16 << 20
	server := &counting{data: noise(size), hit: make(chan struct{})}
	server.stop.Store(size / 2)
	s := httptest.NewServer(server)
	defer s.Close()
	store, dir := open(t)
	l := oneFile(s.URL, server.data)
	ctx, cancel := context.WithCancel(t.Context())
	partial := filepath.Join(dir, "partial", "sha256-"+l.Files[0].SHA256)
	go func() {
		<-server.hit
		for begin := time.Now(); time.Since(begin) < 5*time.Second; time.Sleep(time.Millisecond) {
			if info, err := os.Stat(partial); err == nil && info.Size() >= size/2 {
				break
			}
		}
		cancel()
	}()
	if err := Fetch(ctx, client(t), store, Missing(store, l), Jobs, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if len(Missing(store, l)) != 1 {
		t.Fatal("half a blob counts as a blob")
	}
	server.stop.Store(0)
	store, err := cache.Open(dir) // as the next process would
	if err != nil {
		t.Fatal(err)
	}
	if err := Fetch(t.Context(), client(t), store, Missing(store, l), Jobs, nil); err != nil {
		t.Fatal(err)
	}
	if sent := server.sent.Load(); sent > size*105/100 {
		t.Errorf("%d bytes were sent for %d", sent, size)
	} else {
		t.Logf("%.2f%% of the bytes came twice", 100*float64(sent-size)/size)
	}
}

func TestWrongContentIsAClearErrorAndLeavesNothing(t *testing.T) {
	data := noise(1000)
	wrong := append([]byte{data[0] ^ 1}, data[1:]...)
	for what, served := range map[string][]byte{"other bytes": wrong, "too long": append(data, 0)} {
		s := httptest.NewServer(&counting{data: served})
		store, dir := open(t)
		err := Fetch(t.Context(), client(t), store, Missing(store, oneFile(s.URL, data[:1000])), Jobs, nil)
		s.Close()
		if !errors.Is(err, cache.ErrMismatch) || !strings.Contains(err.Error(), s.URL+"/x") || !strings.Contains(err.Error(), "run `satchel lock`") {
			t.Errorf("%s: got %v", what, err)
		}
		if left, _ := os.ReadDir(filepath.Join(dir, "partial")); len(left) != 0 {
			t.Errorf("%s: %v is left", what, left)
		}
	}
}

func TestDamagedBeginningOfAnEarlierRunIsReplaced(t *testing.T) {
	data := noise(1000)
	s := httptest.NewServer(&counting{data: data})
	defer s.Close()
	store, dir := open(t)
	l := oneFile(s.URL, data)
	partial := filepath.Join(dir, "partial", "sha256-"+l.Files[0].SHA256)
	if err := os.WriteFile(partial, make([]byte, 500), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Fetch(t.Context(), client(t), store, Missing(store, l), Jobs, nil); err != nil {
		t.Fatal(err)
	}
}

func TestBlobThatLostItsEndIsFetchedAgain(t *testing.T) {
	data := noise(1000)
	s := httptest.NewServer(&counting{data: data})
	defer s.Close()
	store, dir := open(t)
	l := oneFile(s.URL, data)
	if err := os.WriteFile(filepath.Join(dir, "blobs", "sha256", l.Files[0].SHA256), data[:10], 0o444); err != nil {
		t.Fatal(err)
	}
	if err := Fetch(t.Context(), client(t), store, Missing(store, l), Jobs, nil); err != nil {
		t.Fatal(err)
	}
	if len(Missing(store, l)) != 0 {
		t.Error("it is still missing")
	}
}

func TestOtherItemsArriveAlthoughOneIsRefused(t *testing.T) {
	data := noise(1000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/x" {
			w.Write(data)
			return
		}
		http.NotFound(w, r)
	}))
	defer s.Close()
	store, _ := open(t)
	l := oneFile(s.URL, data)
	l.Files = append(l.Files, lock.File{Path: "files/y", URL: s.URL + "/y", SHA256: strings.Repeat("0", 64), Size: 5000})
	err := Fetch(t.Context(), client(t), store, Missing(store, l), Jobs, nil)
	if err == nil || !strings.Contains(err.Error(), s.URL+"/y") || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v", err)
	}
	if left := Missing(store, l); len(left) != 1 || left[0].Size != 5000 {
		t.Errorf("missing: %v", left)
	}
}

func TestUnreachableServerEndsTheFetchSoon(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	l := &lock.Lock{Format: lock.Format}
	for i := range 50 {
		l.Files = append(l.Files, oneFile(s.URL, noise(i+1)).Files...)
	}
	store, _ := open(t)
	err := Fetch(t.Context(), client(t), store, Missing(store, l), Jobs, nil)
	if err == nil || !strings.Contains(err.Error(), "more were not tried") || strings.Count(err.Error(), "fetching") > Jobs+smallJobs {
		t.Errorf("got %v", err)
	}
}
