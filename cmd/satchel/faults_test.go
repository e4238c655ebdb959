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
	// makes is what it leaves, a pattern below the site's directory.
	makes string
	// forget removes what earlier runs have left, so that there is everything to do.
	forget []string
	// arrived checks that a registry has all that it makes there, in place of makes, or
	// where it may have been cut off, that no name is there without all that it names.
	arrived func(s *site, place string, cutOff bool)
}

func workers(registry string) []worker {
	return []worker{
		{name: "lock", args: []string{"lock", "spec", "--lock", "out/l.json"}, makes: "out/l.json", forget: []string{"cache"}},
		{name: "build", args: []string{"build", "spec", "-o", "out/b.tar", "--lock", "spec/satchel.lock"}, makes: "out/b.tar", forget: []string{"cache"}},
		{name: "build of what is cached, compressed", args: []string{"build", "spec", "-o", "out/b.tar.zst"}, makes: "out/b.tar.zst"},
		{name: "unpack", args: []string{"unpack", "whole.tar", "-o", "out/tree"}, makes: "out/tree"},
		{name: "push", args: []string{"push", "whole.tar", registry + "/lab:1", "--plain-http"}, arrived: (*site).bundleArrived},
		{name: "push of images", args: []string{"push", "whole.tar", registry, "--images", "--plain-http"}, arrived: (*site).imagesArrived},
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
	found, err := filepath.Glob(s.path(w.makes))
	if err != nil {
		s.t.Fatal(err)
	}
	var all bytes.Buffer
	for _, top := range found {
		err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			fmt.Fprintf(&all, "%s %d\n", strings.TrimPrefix(path, s.dir), len(data))
			all.Write(data)
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return all.String()
}

// TestKilledAtAnyMomentNothingIsLostOrHalfDone kills commands, and runs them again.
func TestKilledAtAnyMomentNothingIsLostOrHalfDone(t *testing.T) {
	registry := realRegistry(t)
	s := newSite(t)
	s.write("spec/attestations.cue", "package cluster\n\nattestations: \"keep\"\n")
	layers := noiseLayers(t, 3, 2<<20)
	s.upstream(func(inner http.Handler) http.Handler { return signedImage(t, inner, layers...) })
	s.must("lock", "spec")
	s.must("build", "spec", "-o", "whole.tar")
	for _, w := range workers(registry) {
		t.Run(w.name, func(t *testing.T) { s.in(t).survives(w) })
	}
	s.must("cache", "verify")
	s.must("pull", registry+"/again-0:1", "-o", "out/pulled.tar", "--plain-http", "--cache", s.path("other"))
	if !bytes.Equal(s.read("out/pulled.tar"), s.read("whole.tar")) {
		t.Error("what was pushed is not what comes back")
	}
}

// survives kills a command as often as faults says, and runs it again each time.
func (s *site) survives(w worker) {
	s.clear(w)
	began := time.Now()
	s.must(w.args...)
	took, want, kills := time.Since(began), s.made(w), faults(1, 50)
	if w.arrived != nil {
		w.arrived(s, w.args[2], false)
	} else if want == "" {
		s.t.Fatal("it makes nothing")
	}
	killed := 0
	// A moment may come after the end; what took long once is faster then.
	for n := 0; n < 4*kills+20 && killed < kills; n++ {
		s.clear(w)
		if w.arrived != nil {
			s.args(&w, n)
		}
		moment, began := time.Duration(rand.Float64()*float64(took)), time.Now()
		o := s.interrupted(syscall.SIGKILL, func(ended <-chan struct{}) {
			select {
			case <-ended:
			case <-time.After(moment):
			}
		}, w.args...)
		switch o.status {
		case -1:
			killed++
		case 0:
			took = time.Since(began)
		default:
			s.t.Fatalf("to be killed after %s of %s it ended with %d\n%s", moment, took, o.status, o.stderr)
		}
		if w.arrived != nil {
			w.arrived(s, w.args[2], true)
		}
		if left := s.made(w); left != "" && left != want {
			s.t.Fatalf("killed after %s of %s it left something else than it should make", moment, took)
		} else if left != "" && w.name == "unpack" {
			continue // it was done, and does not unpack over what is there
		}
		s.must(w.args...)
		if w.arrived != nil {
			w.arrived(s, w.args[2], false)
		} else if s.made(w) != want {
			s.t.Fatalf("killed after %s of %s, the next run makes something else", moment, took)
		}
		s.tidy(w)
		if s.t.Failed() {
			s.t.Fatalf("that was after %s of %s", moment, took)
		}
	}
	if s.t.Logf("%d were killed before they ended, which takes %s", killed, took); killed < kills {
		s.t.Errorf("only %d of %d kills came before the end", killed, kills)
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
		if mine, err := filepath.Match(w.makes, "out/"+e.Name()); !mine || err != nil {
			s.t.Errorf("left behind: %s", e.Name())
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
