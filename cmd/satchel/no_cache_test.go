package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cached is the bytes of the blobs in a site's cache, and of the beginnings of some.
func (s *site) cached() int64 {
	s.t.Helper()
	var sum int64
	err := filepath.WalkDir(s.path("cache"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return sum
}

func TestABuildWithoutACacheGivesTheSameBytesAndKeepsNone(t *testing.T) {
	const layers = 3 * 8 << 20
	s, m := slowSite(t, noiseLayers(t, 3, 8<<20))
	m.rate.Store(0)
	s.must("build", "spec", "-o", "b.tar", "--no-cache")
	if n := s.cached(); n > layers/10 {
		t.Errorf("the cache has %d bytes", n)
	}
	first := m.sent.Load()
	s.must("build", "spec", "-o", "again.tar", "--no-cache")
	if sent := m.sent.Load() - first; sent < layers {
		t.Errorf("%d bytes were fetched again, of %d that no cache has", sent, layers)
	}
	s.must("build", "spec", "-o", "b.tar", "--no-cache") // it is there: nothing to bring
	if sent := m.sent.Load() - first; sent > first+first/10 {
		t.Errorf("%d bytes were fetched for what was there", sent-first)
	}
	s.must("build", "spec", "-o", "cached.tar")
	s.must("verify", "b.tar")
	for _, name := range []string{"again.tar", "cached.tar"} {
		if !bytes.Equal(s.read("b.tar"), s.read(name)) {
			t.Errorf("%s has other bytes", name)
		}
	}
	for _, args := range [][]string{{"-o", "b.tar.gz"}, {"-o", "p.tar", "--split", "20MiB"}} {
		o := s.run(append([]string{"build", "spec", "--no-cache"}, args...)...)
		if o.status != 2 || !strings.Contains(o.stderr, "--no-cache needs an output in one plain .tar") {
			t.Errorf("%v: exit status %d\n%s", args, o.status, o.stderr)
		}
	}
}

func TestABuildWithoutACacheGoesOnAfterResets(t *testing.T) {
	s := newSite(t)
	server := s.upstream(func(inner http.Handler) http.Handler { return heavyImage(t, inner, noiseLayers(t, 3, 8<<20)...) })
	host := strings.TrimPrefix(server.URL, "http://")
	n := newBadNetwork(t, host, 20*time.Millisecond, 2<<20)
	n.pass(s, host)
	s.must("lock", "spec")
	n.sent.Store(0)
	s.must("build", "spec", "-o", "b.tar", "--no-cache")
	if sent, most := n.sent.Load(), int64(24<<20)*105/100; sent > most || n.resets.Load() < 9 {
		t.Errorf("%d bytes came, %d should do; %d resets", sent, most, n.resets.Load())
	}
	s.must("verify", "b.tar")
}

func TestABuildWithoutACacheIsInterrupted(t *testing.T) {
	layers := noiseLayers(t, 3, 8<<20)
	calm, m := slowSite(t, layers)
	m.rate.Store(0)
	calm.must("build", "spec", "-o", "b.tar")
	all, want := m.sent.Load(), calm.read("b.tar")
	for _, sig := range interruptions {
		t.Run(fmt.Sprint(sig), func(t *testing.T) {
			t.Parallel()
			s, m := slowSite(t, layers)
			s.write("b.tar", older)
			o := s.interrupted(sig, served(m, all/2), "build", "spec", "-o", "b.tar", "--no-cache")
			m.goOn()
			checkInterrupted(t, sig, o)
			if string(s.read("b.tar")) != older {
				t.Error("the older bundle is not what it was")
			}
			if sig == syscall.SIGINT {
				s.holds("b.tar")
			}
			s.must("build", "spec", "-o", "b.tar", "--no-cache")
			s.holds("b.tar")
			if !bytes.Equal(s.read("b.tar"), want) {
				t.Error("the bundle differs from that of an undisturbed build")
			}
		})
	}
}

// A beginning that an earlier run left in the cache goes to its place with the rest.
func TestWhatTheCacheBeganIsPlacedToo(t *testing.T) {
	layers := noiseLayers(t, 3, 8<<20)
	calm, m := slowSite(t, layers)
	m.rate.Store(0)
	calm.must("build", "spec", "-o", "b.tar")
	all, want := m.sent.Load(), calm.read("b.tar")
	s, m := slowSite(t, layers)
	s.interrupted(syscall.SIGKILL, served(m, all/2), "build", "spec", "-o", "b.tar")
	m.goOn()
	if left, err := filepath.Glob(s.path("cache/partial/sha256-*")); err != nil || len(left) == 0 {
		t.Fatalf("there are no beginnings: %v", err)
	}
	s.must("build", "spec", "-o", "b.tar")
	if !bytes.Equal(s.read("b.tar"), want) {
		t.Error("the bundle differs from that of an undisturbed build")
	}
}
