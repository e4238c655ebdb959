package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// faults is how often each fault happens: a sample, or with SATCHEL_FAULTS=all (make
// faults) so often that hardly any moment is left out.
func faults(sample, all int) int {
	if os.Getenv("SATCHEL_FAULTS") == "all" {
		return all
	}
	return sample
}

// worker is a command that makes one thing, and the thing.
type worker struct {
	name string
	args []string
	// makes is what it leaves, below the site's directory.
	makes string
	// forget removes what earlier runs have left, so that there is everything to do.
	forget []string
}

func workers(registry string) []worker {
	return []worker{
		{"lock", []string{"lock", "spec", "--lock", "out/l.json"}, "out/l.json", []string{"cache"}},
		{"build", []string{"build", "spec", "-o", "out/b.tar", "--lock", "spec/satchel.lock"}, "out/b.tar", []string{"cache"}},
		{"build of what is cached, compressed", []string{"build", "spec", "-o", "out/b.tar.zst"}, "out/b.tar.zst", nil},
		{"unpack", []string{"unpack", "whole.tar", "-o", "out/tree"}, "out/tree", nil},
		{"push", []string{"push", "whole.tar", registry + "/lab:1", "--plain-http"}, "", nil},
		{"push of images", []string{"push", "whole.tar", registry, "--images", "--plain-http"}, "", nil},
	}
}

// clear has everything to do again.
func (s *site) clear(w worker) {
	s.t.Helper()
	for _, name := range append([]string{"out"}, w.forget...) {
		if err := os.RemoveAll(s.path(name)); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := os.MkdirAll(s.path("out"), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

// made is all that a worker has made, as text; empty if there is nothing.
func (s *site) made(w worker) string {
	s.t.Helper()
	if w.makes == "" {
		return ""
	}
	var all bytes.Buffer
	err := filepath.WalkDir(s.path(w.makes), func(path string, d os.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && d.IsDir() {
			return nil
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s %d\n", strings.TrimPrefix(path, s.dir), len(data))
		all.Write(data)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all.String()
}

// TestKilledAtAnyMomentNothingIsLostOrHalfDone kills commands, and runs them again.
func TestKilledAtAnyMomentNothingIsLostOrHalfDone(t *testing.T) {
	registry := realRegistry(t)
	s := newSite(t)
	layers := noiseLayers(t, 3, 2<<20)
	s.upstream(func(inner http.Handler) http.Handler { return heavyImage(t, inner, layers...) })
	s.must("lock", "spec")
	s.must("build", "spec", "-o", "whole.tar")
	for _, w := range workers(registry) {
		t.Run(w.name, func(t *testing.T) {
			s := s.in(t)
			s.clear(w)
			began := time.Now()
			s.must(w.args...)
			took, want := time.Since(began), s.made(w)
			killed := 0
			for n := 0; n < 4*faults(1, 50) && killed < faults(1, 50); n++ {
				s.clear(w)
				if w.makes == "" {
					s.args(&w, n)
				}
				moment, began := time.Duration(rand.Float64()*float64(took)), time.Now()
				o := s.interrupted(syscall.SIGKILL, func(ended <-chan struct{}) {
					select {
					case <-ended:
					case <-time.After(moment):
					}
				}, w.args...)
				if o.status == -1 {
					killed++
				} else {
					took = time.Since(began) // it was faster than before
				}
				if left := s.made(w); left != "" && left != want {
					t.Fatalf("killed after %s of %s it left something else than it should make", moment, took)
				} else if left != "" && w.name == "unpack" {
					continue // it was done, and does not unpack over what is there
				}
				s.must(w.args...)
				if s.made(w) != want {
					t.Fatalf("killed after %s of %s, the next run makes something else", moment, took)
				}
				s.tidy(w)
			}
			t.Logf("%d were killed before they ended, which takes %s", killed, took)
		})
	}
	s.must("cache", "verify")
	s.must("pull", registry+"/again-0:1", "-o", "out/pulled.tar", "--plain-http", "--cache", s.path("other"))
	if !bytes.Equal(s.read("out/pulled.tar"), s.read("whole.tar")) {
		t.Error("what was pushed is not what comes back")
	}
}

// in is the site for a part of a test.
func (s *site) in(t *testing.T) *site {
	part := *s
	part.t = t
	return &part
}

// args has each push go to a place of its own: what is there is not sent again.
func (s *site) args(w *worker, n int) {
	w.args = slices.Clone(w.args)
	at, _, _ := strings.Cut(w.args[2], "/")
	if w.args[2] = fmt.Sprintf("%s/again-%d", at, n); !slices.Contains(w.args, "--images") {
		w.args[2] += ":1"
	}
}

// tidy fails if anything but the result lies in the place for it.
func (s *site) tidy(w worker) {
	s.t.Helper()
	entries, err := os.ReadDir(s.path("out"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if "out/"+e.Name() != w.makes {
			s.t.Errorf("left behind: %s", e.Name())
		}
	}
}

// TestADiskThatIsFullAtAnyByteLosesNothing has less and less room, and then enough.
func TestADiskThatIsFullAtAnyByteLosesNothing(t *testing.T) {
	s := newSite(t)
	layers := noiseLayers(t, 3, 1<<20)
	s.upstream(func(inner http.Handler) http.Handler { return heavyImage(t, inner, layers...) })
	s.must("lock", "spec")
	s.must("build", "spec", "-o", "whole.tar")
	const room = 24 << 20
	s.disk("out", fmt.Sprintf("size=%d", room))
	for _, w := range []worker{
		{"lock", []string{"lock", "spec", "--lock", "out/l.json", "--cache", "out/cache"}, "out/l.json", []string{"out/cache"}},
		{"build", []string{"build", "spec", "-o", "out/b.tar", "--cache", "out/cache"}, "out/b.tar", []string{"out/cache"}},
		{"unpack", []string{"unpack", "whole.tar", "-o", "out/tree"}, "out/tree", nil},
	} {
		t.Run(w.name, func(t *testing.T) {
			s := s.in(t)
			s.empty(w)
			s.must(w.args...)
			want := s.made(w)
			var disk syscall.Statfs_t
			if err := syscall.Statfs(s.path("out"), &disk); err != nil {
				t.Fatal(err)
			}
			used := room - int64(disk.Bfree)*disk.Bsize
			for range faults(1, 20) {
				s.empty(w)
				free := rand.Int64N(used)
				s.write("out/ballast", strings.Repeat("x", int(room-free)))
				o := s.run(w.args...)
				if o.status == 0 {
					continue // pages are larger than what is missing
				}
				if o.status != 1 || !strings.Contains(o.stderr, "no space left on device") {
					t.Errorf("with %d bytes of %d: exit status %d\n%s", free, used, o.status, o.stderr)
				}
				if left := s.made(w); left != "" {
					t.Errorf("with %d bytes of %d it left something", free, used)
				}
				if err := os.Remove(s.path("out/ballast")); err != nil {
					t.Fatal(err)
				}
				s.must(w.args...)
				if s.made(w) != want {
					t.Errorf("after a full disk with %d bytes of %d the next run makes something else", free, used)
				}
			}
			s.empty(w)
		})
	}
}

// empty removes all from the place for results, which is a disk of its own here.
func (s *site) empty(w worker) {
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

// TestFourProcessesShareACache: two builds of one bundle into one file, one of the same
// into another file, and whoever tidies the cache meanwhile.
func TestFourProcessesShareACache(t *testing.T) {
	s := newSite(t)
	layers := noiseLayers(t, 3, 2<<20)
	s.upstream(func(inner http.Handler) http.Handler { return heavyImage(t, inner, layers...) })
	s.must("lock", "spec")
	s.must("build", "spec", "-o", "whole.tar")
	want := s.read("whole.tar")
	for range faults(1, 20) {
		if err := os.RemoveAll(s.path("cache")); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for _, args := range [][]string{
			{"build", "spec", "-o", "same.tar"}, {"build", "spec", "-o", "same.tar"}, {"build", "spec", "-o", "other.tar"},
			{"cache", "prune", "--max", "1M"}, {"cache", "verify"},
		} {
			all.Go(func() {
				if o := s.finish(s.command(args...)); o.status != 0 {
					t.Errorf("satchel %q: exit status %d\n%s", args, o.status, o.stderr)
				}
			})
		}
		all.Wait()
		for _, name := range []string{"same.tar", "other.tar"} {
			if !bytes.Equal(s.read(name), want) {
				t.Errorf("%s differs", name)
			}
		}
		s.must("cache", "verify")
		s.holds("other.tar", "same.tar", "whole.tar")
	}
}
