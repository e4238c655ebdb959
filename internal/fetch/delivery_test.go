package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/disk"
	"github.com/satchel-kit/satchel/internal/lock"
)

// gated serves content once it is let go.
func gated(t *testing.T, data []byte) (url string, open func()) {
	t.Helper()
	gate := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-gate:
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func() { close(gate) }
}

// start begins a delivery of what is missing into the cache alone.
func start(t *testing.T, store *cache.Cache, l *lock.Lock, jobs int) *Delivery {
	t.Helper()
	d := New(t.Context(), client(t), store, Missing(store, l), jobs, nil)
	t.Cleanup(d.Stop)
	d.Begin(func(string) *disk.Writer { return nil })
	return d
}

func TestADeliveryIsAwaitedBlobByBlob(t *testing.T) {
	store, _ := open(t)
	early, late := noise(1000), noise(2000)
	earlyURL, openEarly := gated(t, early)
	lateURL, openLate := gated(t, late)
	l := oneFile(earlyURL, early)
	l.Files = append(l.Files, oneFile(lateURL, late).Files...)
	d := start(t, store, l, Jobs)
	openEarly()
	hashed, placed, err := d.Await(t.Context(), l.Files[0].Digest())
	if err != nil || !hashed || placed || !store.Has(l.Files[0].Digest(), 1000) {
		t.Errorf("the early one: hashed %v, %v", hashed, err)
	}
	brief, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := d.Await(brief, l.Files[1].Digest()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the late one came early: %v", err)
	}
	openLate()
	if err := d.Wait(); err != nil || !store.Has(l.Files[1].Digest(), 2000) {
		t.Error(err)
	}
	// What was there before is nobody's to hash but the reader's.
	if hashed, placed, err := d.Await(t.Context(), "sha256:other"); hashed || placed || err != nil {
		t.Errorf("of something else: %v, %v", hashed, err)
	}
}

func TestWhoWaitsForWhatDoesNotComeIsTold(t *testing.T) {
	store, _ := open(t)
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	l := oneFile(s.URL, noise(1000))
	d := start(t, store, l, Jobs)
	_, _, err := d.Await(t.Context(), l.Files[0].Digest())
	if err == nil || !strings.Contains(err.Error(), "404 Not Found") {
		t.Errorf("got %v", err)
	}
	if d.Wait() == nil {
		t.Error("the delivery has no error")
	}
}

// Descriptions are what says what else there is.
func TestSplitTakesManifestsAndConfigsFirst(t *testing.T) {
	first, rest := Split([]lock.Item{{Digest: "a"}, {Digest: "b", Manifest: true}, {Digest: "c", Config: true}, {Digest: "d", URL: "u"}})
	if got := fmt.Sprint(len(first), len(rest), first[0].Digest, first[1].Digest, rest[0].Digest, rest[1].Digest); got != "2 2bcad" {
		t.Errorf("got %s", got)
	}
}

// A server that is out of reach takes no other server's content with it.
func TestWhatAnotherServerHasStillComes(t *testing.T) {
	store, _ := open(t)
	dead := httptest.NewServer(nil)
	dead.Close()
	url, letGo := gated(t, noise(30))
	letGo()
	l := &lock.Lock{Format: lock.Format}
	for i := range 20 {
		l.Files = append(l.Files, oneFile(dead.URL, noise(1000+i)).Files...)
	}
	l.Files = append(l.Files, oneFile(url, noise(30)).Files...)
	err := Fetch(t.Context(), client(t), store, Missing(store, l), 1, nil)
	if err == nil || !strings.Contains(err.Error(), "more were not tried") {
		t.Errorf("got %v", err)
	}
	if !store.Has(l.Files[20].Digest(), 30) {
		t.Error("what the other server has did not come")
	}
}

// Small items do not wait behind large ones, even where only one comes at a time.
func TestSmallItemsComeBesideLargeOnes(t *testing.T) {
	store, _ := open(t)
	large, letGo := gated(t, noise(2<<20))
	small, letSmallGo := gated(t, noise(100))
	letSmallGo()
	l := oneFile(large, noise(2<<20))
	l.Files = append(l.Files, oneFile(small, noise(100)).Files...)
	d := start(t, store, l, 1)
	if _, _, err := d.Await(t.Context(), l.Files[1].Digest()); err != nil {
		t.Error(err)
	}
	letGo()
	if err := d.Wait(); err != nil {
		t.Error(err)
	}
}

// What has a place is there, and in the cache as well unless that is not wanted.
func TestADeliveryWritesToPlaces(t *testing.T) {
	for _, onlyPlaced := range []bool{false, true} {
		store, dir := open(t)
		placed, other := noise(300_000), noise(2000)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(map[string][]byte{"/placed/x": placed, "/other/x": other}[r.URL.Path]))
		}))
		defer s.Close()
		l := oneFile(s.URL+"/placed", placed)
		l.Files = append(l.Files, oneFile(s.URL+"/other", other).Files...)
		// A wrong beginning from an earlier run must not stay in the place either.
		partial := filepath.Join(dir, "partial", "sha256-"+l.Files[0].SHA256)
		if err := os.WriteFile(partial, noise(100), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(t.TempDir(), "bundle"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		d := New(t.Context(), client(t), store, Missing(store, l), Jobs, nil)
		defer d.Stop()
		if onlyPlaced {
			d.OnlyPlaced()
		}
		d.Begin(func(digest string) *disk.Writer {
			if digest == l.Files[0].Digest() {
				return disk.NewWriter(f, 512)
			}
			return nil
		})
		if err := d.Wait(); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(placed))
		if _, err := f.ReadAt(got, 512); err != nil || !bytes.Equal(got, placed) {
			t.Errorf("only placed %v: the place has other bytes, %v", onlyPlaced, err)
		}
		for i, want := range []bool{true, false} {
			digest := l.Files[i].Digest()
			hashed, placed, err := d.Await(t.Context(), digest)
			if err != nil || !hashed || placed != want {
				t.Errorf("only placed %v, file %d: hashed %v, placed %v, %v", onlyPlaced, i, hashed, placed, err)
			}
			if inCache := store.Has(digest, l.Files[i].Size); inCache == (want && onlyPlaced) {
				t.Errorf("only placed %v, file %d: in the cache %v", onlyPlaced, i, inCache)
			}
		}
	}
}

// Once a delivery is stopped nobody writes to its places.
func TestAStoppedDeliveryHasEnded(t *testing.T) {
	store, _ := open(t)
	url, _ := gated(t, noise(1000))
	l := oneFile(url, noise(1000))
	d := start(t, store, l, Jobs)
	d.Stop()
	select {
	case <-d.ended:
	default:
		t.Error("it goes on")
	}
	if err := d.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	New(t.Context(), client(t), store, Missing(store, l), Jobs, nil).Stop() // one that never began
}
