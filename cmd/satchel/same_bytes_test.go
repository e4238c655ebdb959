package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var bundleNames = [...]string{"b.tar", "b.tar.gz", "b.tar.zst"}

// TestTwoBuildsGiveTheSameBytes builds on what could be two machines: another
// directory, umask, time zone, language, number of processors, mirrors on other
// ports, and a cache that was filled in another order and in another year.
func TestTwoBuildsGiveTheSameBytes(t *testing.T) {
	first := newSite(t)
	first.upstream(func(h http.Handler) http.Handler { return h })
	first.must("lock", "spec")
	other := newSite(t)
	other.upstream(jumble)
	other.write("spec/satchel.lock", string(first.read("spec/satchel.lock")))
	other.program = "sh"
	other.env = append(other.env, "TZ=Pacific/Kiritimati", "LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8", "GOMAXPROCS=1")
	age(t, other.path("spec"))
	for _, name := range bundleNames {
		first.must("build", "spec", "-o", name)
		other.must("-c", `umask 077 && cd spec && exec satchel build -o "../$0"`, name)
		age(t, other.path("cache"))
		if !bytes.Equal(first.read(name), other.read(name)) {
			t.Errorf("%s differs between two machines", name)
		}
	}
}

// TestTheClockLeavesNoTrace builds once now and once in the year 2000, where a
// clock that is not the machine's begins.
func TestTheClockLeavesNoTrace(t *testing.T) {
	s := newSite(t)
	s.upstream(func(h http.Handler) http.Handler { return h })
	s.must("lock", "spec")
	s.must("build", "spec", "-o", "b.tar")
	for _, name := range bundleNames {
		args := []string{"build", s.path("spec"), "--offline", "--cache", s.path("cache"), "-o"}
		var said bytes.Buffer
		if status := run(t.Context(), append(args, s.path("now-"+name)), &said, &said); status != 0 {
			t.Fatal(said.String())
		}
		synctest.Test(t, func(t *testing.T) {
			if year := time.Now().UTC().Year(); year != 2000 {
				t.Fatalf("the clock says %d", year)
			}
			if status := run(t.Context(), append(args, s.path("then-"+name)), &said, &said); status != 0 {
				t.Fatal(said.String())
			}
		})
		if !bytes.Equal(s.read("now-"+name), s.read("then-"+name)) {
			t.Errorf("%s depends on the clock", name)
		}
	}
}

// jumble has every answer come at another time, so that a cache fills in another
// order.
func jumble(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.URL.Path))
		pauseFor(r.Context(), time.Duration(sum[0])*time.Millisecond/4)
		inner.ServeHTTP(w, r)
	})
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// age gives everything below dir a time in another year, each another one.
func age(t *testing.T, dir string) {
	t.Helper()
	year := 1975
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if year++; err != nil {
			return err
		}
		when := time.Date(year%60+1975, 2, 28, 23, 59, 59, 0, time.UTC)
		return os.Chtimes(path, when, when)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMirrorsAndTheirPortsLeaveNoTrace promises that a bundle does not say where
// its content came from.
func TestMirrorsAndTheirPortsLeaveNoTrace(t *testing.T) {
	s := newSite(t)
	server := s.upstream(func(h http.Handler) http.Handler { return h })
	s.must("lock", "spec")
	s.must("build", "spec", "-o", "b.tar")
	host := strings.TrimPrefix(server.URL, "http://")
	for _, name := range []string{"b.tar", "spec/satchel.lock"} {
		if at := bytes.Index(s.read(name), []byte(host)); at >= 0 {
			t.Errorf("%s has the mirror's address at byte %d", name, at)
		}
	}
}
