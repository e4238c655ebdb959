package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// emptyLock is one that names nothing: what is built since it has everything.
const emptyLock = "{\n  \"lock\": 1,\n  \"images\": [],\n  \"files\": []\n}\n"

// TestAnInterruptedDeltaOrSplitBuildLeavesNothing interrupts while the output is
// written under another name.
func TestAnInterruptedDeltaOrSplitBuildLeavesNothing(t *testing.T) {
	s, m := slowSite(t, noiseLayers(t, 3, 8<<20))
	m.rate.Store(0)
	s.write("empty.lock", emptyLock)
	for what, flags := range map[string][]string{
		"delta": {"--since", "empty.lock"},
		"split": {"--split", "5M"},
		"both":  {"--since", "empty.lock", "--split", "5M"},
	} {
		t.Run(what, func(t *testing.T) {
			args := append([]string{"build", "spec", "-o", "b.tar.gz", "--force"}, flags...)
			s.must(args...)
			want := s.outputs()
			for _, sig := range interruptions {
				o := s.interrupted(sig, s.appears(".b.tar.gz.*.tmp"), args...)
				checkInterrupted(t, sig, o)
				if got := s.outputs(); !same(got, want) {
					t.Errorf("%v: of the older output %d of %d files are there", sig, len(got), len(want))
				}
				left, _ := filepath.Glob(s.path(".b.tar.gz.*"))
				if sig == syscall.SIGINT && left != nil {
					t.Errorf("left behind: %q", left)
				} else if sig == syscall.SIGKILL && left == nil {
					t.Fatal("it was killed too late or too early to leave something")
				}
				s.remove(s.outputNames()...)
				o = s.interrupted(sig, s.appears(".b.tar.gz.*.tmp"), args...)
				checkInterrupted(t, sig, o)
				if got := s.outputNames(); len(got) > 0 {
					t.Errorf("%v: there are %q", sig, got)
				}
				s.must(args...)
				if got := s.outputs(); !same(got, want) {
					t.Error("the output differs from that of an undisturbed build")
				}
				if left, _ := filepath.Glob(s.path(".b.tar.gz.*")); left != nil {
					t.Errorf("not swept: %q", left)
				}
			}
			s.remove(s.outputNames()...)
		})
	}
}

func (s *site) outputNames() []string {
	found, _ := filepath.Glob(s.path("b.tar.gz*"))
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	return found
}

func (s *site) outputs() map[string][]byte {
	all := map[string][]byte{}
	for _, name := range s.outputNames() {
		all[name] = s.read(name)
	}
	return all
}

func same(a, b map[string][]byte) bool {
	for name, data := range a {
		if !bytes.Equal(data, b[name]) {
			return false
		}
	}
	return len(a) == len(b) && len(a) > 0
}

func TestAnInterruptedMergeLeavesNoDirectory(t *testing.T) {
	s, m := slowSite(t, noiseLayers(t, 3, 8<<20))
	m.rate.Store(0)
	s.must("build", "spec", "-o", "old.tar.gz")
	text := string(s.read("spec/cluster.cue"))
	s.write("spec/cluster.cue", strings.Replace(text, "package cluster\n", "package cluster\n\nversion: \"0.2.0\"\n", 1))
	s.must("build", "spec", "-o", "delta.tar", "--since", "old.tar.gz")
	s.must("build", "spec", "-o", "new.tar")
	for _, sig := range interruptions {
		o := s.interrupted(sig, s.appears(".site.*.tmp"), "unpack", "old.tar.gz", "delta.tar", "-o", "site")
		checkInterrupted(t, sig, o)
		left := s.list()
		if slices.Contains(left, "site") {
			t.Errorf("%v: the directory has its name", sig)
		}
		if temp, _ := filepath.Glob(s.path(".site.*")); (temp != nil) != (sig == syscall.SIGKILL) {
			t.Errorf("%v: left behind: %q", sig, temp)
		}
	}
	s.must("unpack", "old.tar.gz", "delta.tar", "-o", "site")
	s.must("unpack", "new.tar", "-o", "whole")
	s.must("verify", "site")
	if temp, _ := filepath.Glob(s.path(".site.*")); temp != nil {
		t.Errorf("not swept: %q", temp)
	}
	for _, name := range []string{"bundle.json", "SHA256SUMS", "install.sh"} {
		if !bytes.Equal(s.read("site/"+name), s.read("whole/"+name)) {
			t.Errorf("%s is another", name)
		}
	}
	delta, err := os.Stat(s.path("delta.tar"))
	if err != nil || delta.Size() > 4<<20 {
		t.Errorf("the delta has %d bytes, %v", delta.Size(), err)
	}
}
