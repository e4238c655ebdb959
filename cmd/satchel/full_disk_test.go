package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// room is the size of the disk for results.
const room = 24 << 20

// TestADiskThatIsFullAtAnyByteLosesNothing has less and less room, and then enough.
func TestADiskThatIsFullAtAnyByteLosesNothing(t *testing.T) {
	registry := realRegistry(t)
	s := newSite(t)
	layers := noiseLayers(t, 3, 1<<20)
	s.upstream(func(inner http.Handler) http.Handler { return heavyImage(t, inner, layers...) })
	s.must("lock", "spec")
	s.must("build", "spec", "-o", "whole.tar")
	s.must("push", "whole.tar", registry+"/lab:1", "--plain-http")
	s.write("empty.lock", emptyLock)
	s.disk("out", fmt.Sprintf("size=%d", room))
	cached := []string{"--cache", "out/cache"}
	for _, w := range []worker{
		{name: "lock", args: append([]string{"lock", "spec", "--lock", "out/l.json"}, cached...), makes: "out/l.json"},
		{name: "build", args: append([]string{"build", "spec", "-o", "out/b.tar"}, cached...), makes: "out/b.tar"},
		{name: "build in parts", args: append([]string{"build", "spec", "-o", "out/b.tar", "--split", "1M"}, cached...), makes: "out/b.tar*"},
		{name: "delta", args: append([]string{"build", "spec", "-o", "out/d.tar.zst", "--since", "empty.lock"}, cached...), makes: "out/d.tar.zst"},
		{name: "pull", args: append([]string{"pull", registry + "/lab:1", "-o", "out/p.tar", "--plain-http"}, cached...), makes: "out/p.tar"},
		{name: "unpack", args: []string{"unpack", "whole.tar", "-o", "out/tree"}, makes: "out/tree"},
	} {
		t.Run(w.name, func(t *testing.T) { s.in(t).fits(w) })
	}
}

// fits runs a command on a disk that is too small as often as faults says, and then on
// one that is not.
func (s *site) fits(w worker) {
	s.empty()
	s.must(w.args...)
	want := s.made(w)
	if want == "" {
		s.t.Fatal("it makes nothing")
	}
	used, full, wanted := s.used(), 0, faults(1, 20)
	for n := 0; n < 4*wanted+20 && full < wanted; n++ {
		s.empty()
		free := rand.Int64N(used)
		s.write("out/ballast", strings.Repeat("x", int(room-free)))
		o := s.run(w.args...)
		if o.status == 0 && s.made(w) == want {
			continue // pages are larger than what is missing
		}
		if full++; o.status != 1 || !strings.Contains(o.stderr, "no space left on device") {
			s.t.Errorf("with %d bytes of %d: exit status %d\n%s", free, used, o.status, o.stderr)
		}
		if left := s.made(w); left != "" {
			s.t.Errorf("with %d bytes of %d it left something", free, used)
		}
		if err := os.Remove(s.path("out/ballast")); err != nil {
			s.t.Fatal(err)
		}
		s.must(w.args...)
		if s.made(w) != want {
			s.t.Errorf("after a full disk with %d bytes of %d the next run makes something else", free, used)
		}
	}
	if s.t.Logf("%d ran out of room, of which it takes %d bytes", full, used); full < wanted {
		s.t.Errorf("only %d of %d ran out of room", full, wanted)
	}
	s.empty()
}

// used is how much of the disk for results is taken.
func (s *site) used() int64 {
	s.t.Helper()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(s.path("out"), &disk); err != nil {
		s.t.Fatal(err)
	}
	return room - int64(disk.Bfree)*disk.Bsize
}

// empty removes all from the place for results, which is a disk of its own here.
func (s *site) empty() {
	s.t.Helper()
	entries, err := os.ReadDir(s.path("out"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(s.path("out"), e.Name())); err != nil {
			s.t.Fatal(err)
		}
	}
}
