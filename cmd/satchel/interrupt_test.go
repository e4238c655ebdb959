package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const older = "an older bundle, or lock"

var interruptions = [...]syscall.Signal{syscall.SIGINT, syscall.SIGKILL}

// slowSite is a site whose upstream has 24 MiB and a slow line, and the lock.
func slowSite(t *testing.T, layers []heavyLayer) (*site, *meter) {
	t.Helper()
	s, m := newSite(t), &meter{}
	s.upstream(func(inner http.Handler) http.Handler { return m.wrap(heavyImage(t, inner, layers...)) })
	s.must("lock", "spec")
	m.sent.Store(0)
	m.rate.Store(24 << 20)
	return s, m
}

// interrupted starts satchel and sends it the signal as soon as when, which gets a
// channel that is closed at the process's end, returns.
func (s *site) interrupted(sig syscall.Signal, when func(ended <-chan struct{}), args ...string) outcome {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := s.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		when(ended)
		cmd.Process.Signal(sig)
	}()
	cmd.Wait() // what came of it is in the state
	close(ended)
	<-sent
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// appears waits for a name that fits the pattern.
func (s *site) appears(pattern string) func(<-chan struct{}) {
	return func(ended <-chan struct{}) {
		for {
			if found, _ := filepath.Glob(s.path(pattern)); found != nil {
				return
			}
			select {
			case <-ended:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}
}

// served waits until the meter has counted so many bytes from now on.
func served(m *meter, n int64) func(<-chan struct{}) {
	hit := m.reached(n)
	return func(ended <-chan struct{}) {
		select {
		case <-hit:
		case <-ended:
		}
	}
}

// checkInterrupted looks at what an interruption leaves: after SIGINT nothing but
// a message and exit status 1.
func checkInterrupted(t *testing.T, sig syscall.Signal, o outcome) {
	t.Helper()
	if sig == syscall.SIGKILL {
		if o.status != -1 {
			t.Fatalf("it ended with %d before it was killed:\n%s%s", o.status, o.stdout, o.stderr)
		}
		return
	}
	if o.status != 1 || !strings.HasSuffix(o.stderr, "satchel: interrupted; no output was left. Run the same command again to continue\n") {
		t.Errorf("exit status %d\n%s%s", o.status, o.stdout, o.stderr)
	}
}

func TestAnInterruptedBuildGoesOnWhereItWas(t *testing.T) {
	layers := noiseLayers(t, 3, 8<<20)
	calm, m := slowSite(t, layers)
	m.rate.Store(0)
	calm.must("build", "spec", "-o", "b.tar")
	all, want := m.sent.Load(), calm.read("b.tar")
	for _, sig := range interruptions {
		for _, percent := range []int64{5, 50, 95} {
			t.Run(fmt.Sprintf("%v at %d%%", sig, percent), func(t *testing.T) {
				t.Parallel()
				s, m := slowSite(t, layers)
				s.write("b.tar", older)
				o := s.interrupted(sig, served(m, all*percent/100), "build", "spec", "-o", "b.tar")
				m.goOn()
				checkInterrupted(t, sig, o)
				if sig == syscall.SIGINT {
					s.holds("b.tar") // a killed process leaves a temporary file, for the next to sweep
				}
				if string(s.read("b.tar")) != older {
					t.Error("the older bundle is not what it was")
				}
				if sent := m.sent.Load(); sent >= all {
					t.Errorf("nothing was left to do: %d of %d bytes were served", sent, all)
				}
				s.must("build", "spec", "-o", "b.tar")
				s.holds("b.tar")
				if sent := m.sent.Load(); sent > all*105/100 {
					t.Errorf("%d bytes were served for %d", sent, all)
				}
				if !bytes.Equal(s.read("b.tar"), want) {
					t.Error("the bundle differs from that of an undisturbed build")
				}
			})
		}
	}
}

// TestPackingThatIsInterruptedLeavesNothing interrupts after the last byte has
// come. SIGKILL cannot but leave a temporary file; the next build sweeps it.
func TestPackingThatIsInterruptedLeavesNothing(t *testing.T) {
	s, m := slowSite(t, noiseLayers(t, 3, 8<<20))
	m.rate.Store(0)
	s.must("build", "spec", "-o", "b.tar.gz")
	want, all := s.read("b.tar.gz"), m.sent.Load()
	for _, sig := range interruptions {
		s.write("b.tar.gz", older)
		o := s.interrupted(sig, s.appears(".b.tar.gz.*.tmp"), "build", "spec", "-o", "b.tar.gz")
		checkInterrupted(t, sig, o)
		if sig == syscall.SIGINT {
			s.holds("b.tar.gz")
		} else if left := s.list(); len(left) != 2 {
			t.Fatalf("it was killed too late or too early to leave something: %q", left)
		}
		if string(s.read("b.tar.gz")) != older {
			t.Error("the older bundle is not what it was")
		}
		s.must("build", "spec", "-o", "b.tar.gz")
		s.holds("b.tar.gz")
		if !bytes.Equal(s.read("b.tar.gz"), want) {
			t.Error("the bundle differs from that of an undisturbed build")
		}
	}
	if sent := m.sent.Load(); sent != all {
		t.Errorf("%d bytes were fetched again", sent-all)
	}
}

func TestAnInterruptedLockLeavesTheOldOne(t *testing.T) {
	for _, sig := range interruptions {
		s, m := slowSite(t, nil)
		want := s.read("spec/satchel.lock")
		os.RemoveAll(s.path("cache"))
		s.must("lock", "spec")
		all := m.sent.Load()
		m.rate.Store(256 << 10)
		for _, there := range []bool{true, false} {
			if err := os.RemoveAll(s.path("cache")); err != nil {
				t.Fatal(err)
			}
			if !there {
				os.Remove(s.path("spec/satchel.lock"))
			}
			o := s.interrupted(sig, served(m, all/2), "lock", "spec")
			m.goOn()
			checkInterrupted(t, sig, o)
			left, _ := os.ReadFile(s.path("spec/satchel.lock"))
			if there != (left != nil) || there && !bytes.Equal(left, want) {
				t.Errorf("%v: the lock is now\n%s", sig, left)
			}
			if names, _ := filepath.Glob(s.path("spec/*satchel.lock?*")); names != nil {
				t.Errorf("%v: left behind: %q", sig, names)
			}
		}
		s.must("lock", "spec")
		if !bytes.Equal(s.read("spec/satchel.lock"), want) {
			t.Errorf("%v: the lock differs from that of an undisturbed run", sig)
		}
	}
}

func TestAnInterruptedUnpackLeavesNoDirectory(t *testing.T) {
	s, m := slowSite(t, noiseLayers(t, 3, 8<<20))
	m.rate.Store(0)
	s.must("build", "spec", "-o", "b.tar.gz")
	for _, sig := range interruptions {
		o := s.interrupted(sig, s.appears(".site.*.tmp"), "unpack", "b.tar.gz", "-o", "site")
		checkInterrupted(t, sig, o)
		if sig == syscall.SIGINT {
			s.holds("b.tar.gz")
		} else if left := s.list(); len(left) != 2 || slices.Contains(left, "site") {
			t.Fatalf("it was killed too late or too early to leave something: %q", left)
		}
	}
	s.must("unpack", "b.tar.gz", "-o", "site")
	s.must("verify", "site")
	s.holds("b.tar.gz", "site")
	if err := os.Mkdir(s.path("there"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, sig := range interruptions {
		o := s.interrupted(sig, s.appears("there/.satchel.*.tmp"), "unpack", "b.tar.gz", "-o", "there")
		checkInterrupted(t, sig, o)
		left, err := os.ReadDir(s.path("there"))
		if err != nil || len(left) > 0 != (sig == syscall.SIGKILL) {
			t.Fatalf("%v: left are %v, %v", sig, left, err)
		}
	}
	s.must("unpack", "b.tar.gz", "-o", "there")
	s.must("verify", "there")
}
