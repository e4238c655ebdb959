package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
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
