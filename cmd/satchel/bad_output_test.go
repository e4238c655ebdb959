package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// builtSite is a site with a lock, a full cache, and b.tar, b.tar.gz, b.tar.zst.
func builtSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.upstream(func(h http.Handler) http.Handler { return h })
	s.must("lock", "spec")
	for _, name := range bundleNames {
		s.must("build", "spec", "-o", name)
	}
	return s
}

// disk mounts a file system of its own at a name of the site.
func (s *site) disk(name, options string) {
	s.t.Helper()
	dir := s.path(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Mount("satchel-test", dir, "tmpfs", 0, options); err != nil {
		s.t.Skipf("mounting needs root: %v", err)
	}
	s.t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			s.t.Error(err)
		}
	})
}

// readOnly has no more written to a mounted disk.
func (s *site) readOnly(name string) {
	s.t.Helper()
	if err := syscall.Mount("", s.path(name), "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) emptyDir(name string) {
	s.t.Helper()
	entries, err := os.ReadDir(s.path(name))
	if err != nil || len(entries) > 0 {
		s.t.Errorf("%s: left behind: %v, %v", name, entries, err)
	}
}

func TestAFullDiskLeavesNothingAndSaysHowMuchIsNeeded(t *testing.T) {
	s := builtSite(t)
	s.disk("disk", "size=256k")
	full := "no space left on device"
	s.fails([]string{"build", "spec", "-o", "disk/b.tar"}, `writing bundle "disk/b.tar"`, full, "are needed in", "free them or choose another place")
	s.emptyDir("disk")
	s.fails([]string{"unpack", "b.tar", "-o", "disk/site"}, `unpacking "b.tar" to "disk/site"`, full, "are needed in", "free them or choose another place")
	s.emptyDir("disk")
	s.fails([]string{"unpack", "b.tar", "-o", "disk"}, `unpacking "b.tar" to "disk"`, full, "are needed in", `/disk"; free them`)
	s.emptyDir("disk")
	o := s.fails([]string{"build", "spec", "-o", "c.tar", "--cache", "disk/cache"}, "to the cache: write disk/cache/", full, "--cache")
	if n := strings.Count(o.stderr, full); n != 1 {
		t.Errorf("the same is said %d times:\n%s", n, o.stderr)
	}
	if err := os.RemoveAll(s.path("disk/cache")); err != nil {
		t.Fatal(err)
	}
	s.write("disk/ballast", strings.Repeat("x", 250<<10))
	s.fails([]string{"lock", "spec", "--lock", "l", "--cache", "disk/cache"}, "disk/cache", full, "--cache")
	s.holds("b.tar", "b.tar.gz", "b.tar.zst", "disk")
}

// TestALockThatDoesNotFitLeavesTheOldOne has a disk with room for one lock only,
// and an upstream that moved since.
func TestALockThatDoesNotFitLeavesTheOldOne(t *testing.T) {
	s := newSite(t)
	s.upstream(func(h http.Handler) http.Handler { return h })
	s.must("lock", "spec")
	digest := []byte(`"digest": "sha256:`)
	fresh := s.read("spec/satchel.lock")
	at := bytes.Index(fresh, digest) + len(digest)
	old := string(fresh[:at]) + strings.Repeat("0", 64) + string(fresh[at+64:])
	s.disk("disk", fmt.Sprintf("size=%d", (len(old)+4095)/4096*4096+4096))
	s.write("disk/satchel.lock", old)
	s.fails([]string{"lock", "spec", "--lock", "disk/satchel.lock"}, `writing lock "disk/satchel.lock"`, "no space left on device")
	if string(s.read("disk/satchel.lock")) != old {
		t.Error("the old lock is not what it was")
	}
	if entries, err := os.ReadDir(s.path("disk")); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestAReadOnlyPlaceIsNamed(t *testing.T) {
	s := builtSite(t)
	s.disk("disk", "size=4m")
	s.write("disk/b.tar", older)
	s.readOnly("disk")
	ro := "read-only file system"
	s.fails([]string{"build", "spec", "-o", "disk/b.tar"}, `writing bundle "disk/b.tar"`, ro)
	s.fails([]string{"unpack", "b.tar", "-o", "disk/site"}, `unpacking "b.tar" to "disk/site"`, ro)
	s.disk("empty", "size=4m")
	s.readOnly("empty")
	s.fails([]string{"unpack", "b.tar", "-o", "empty"}, `unpacking "b.tar" to "empty"`, ro)
	s.fails([]string{"lock", "spec", "--lock", "disk/satchel.lock"}, `writing lock "disk/satchel.lock"`, ro)
	s.fails([]string{"build", "spec", "-o", "c.tar", "--cache", "disk/cache"}, `"disk/cache"`, ro)
	if string(s.read("disk/b.tar")) != older {
		t.Error("the older bundle is not what it was")
	}
	s.holds("b.tar", "b.tar.gz", "b.tar.zst", "disk", "empty")
}

func TestAnOutputThatCannotBeIsNamed(t *testing.T) {
	s := builtSite(t)
	s.write("dir.tar/kept", "")
	s.write("file", "")
	s.fails([]string{"build", "spec", "-o", "dir.tar"}, `"dir.tar"`, "is not a file")
	s.fails([]string{"build", "spec", "-o", "nowhere/b.tar"}, `"nowhere/b.tar"`, "no such file or directory")
	s.fails([]string{"build", "spec", "-o", "file/b.tar"}, `"file/b.tar"`, "not a directory")
	s.fails([]string{"build", "spec", "-o", "c.tar", "--cache", "file"}, `"file"`, "not a directory")
	s.fails([]string{"unpack", "b.tar", "-o", "file"}, `"file"`, "not a directory")
	s.fails([]string{"unpack", "b.tar", "-o", "dir.tar"}, `"dir.tar"`, "not empty")
	s.fails([]string{"unpack", "b.tar", "-o", "nowhere/site"}, `"nowhere/site"`, "no such file or directory")
	s.fails([]string{"lock", "spec", "--lock", "dir.tar"}, "dir.tar", "is a directory")
	s.read("dir.tar/kept")
	s.holds("b.tar", "b.tar.gz", "b.tar.zst", "dir.tar", "file")
}

// TestAnArchiveCutShortIsNamed promises it for every command that reads one, and
// for cuts in the middle, just before the end, and at the very beginning.
func TestAnArchiveCutShortIsNamed(t *testing.T) {
	s := builtSite(t)
	for _, name := range bundleNames {
		whole := s.read(name)
		for _, n := range []int{0, 1, 600, len(whole) / 2, len(whole) - 1} {
			short := "short-" + name
			s.write(short, string(whole[:n]))
			s.fails([]string{"unpack", short, "-o", "site"}, short, "cut short")
			o := s.fails([]string{"verify", short}, "cut short")
			if !strings.Contains(o.stdout+o.stderr, short) {
				t.Errorf("%s of %d bytes is not named:\n%s%s", short, n, o.stdout, o.stderr)
			}
			if n < 2000 { // where bundle.json is not whole
				s.fails([]string{"inspect", short}, short, "cut short")
			}
			if err := os.Remove(s.path(short)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.holds("b.tar", "b.tar.gz", "b.tar.zst")
}

// idle tells whether no reader makes anything of the difference between two bundles: what
// is inside is the same. Such bits are, of a gzip header, a flag for text, a date and the
// system (RFC 1952, 2.3); of zstd, how much memory to set aside, and what fills up the last
// byte of a table (RFC 8878, 3.1.1.1.2 and 4.1.1); of a tar, what ends the digits of a
// header's checksum (POSIX.1, pax, ustar).
func idle(t *testing.T, name string, a, b []byte, at int) bool {
	t.Helper()
	if strings.HasSuffix(name, ".tar") {
		field := at % 512
		return field >= 148 && field < 156 && reflect.DeepEqual(entriesOf(t, a), entriesOf(t, b))
	}
	return bytes.Equal(inside(t, name, a), inside(t, name, b))
}

// entriesOf are the headers of a tar, each followed by its content.
func entriesOf(t *testing.T, data []byte) (all []any) {
	t.Helper()
	for in := tar.NewReader(bytes.NewReader(data)); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, *header, content)
	}
}

func inside(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	var in io.Reader
	var err error
	if strings.HasSuffix(name, ".gz") {
		in, err = gzip.NewReader(bytes.NewReader(data))
	} else {
		in, err = zstd.NewReader(bytes.NewReader(data))
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err = io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestEveryFlippedBitIsFound flips a bit of each of the first bytes of a bundle, and
// of others all over it.
func TestEveryFlippedBitIsFound(t *testing.T) {
	s := builtSite(t)
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range bundleNames {
		data := s.read(name)
		path := s.path("flipped-" + name)
		for i := range 200 {
			at := random.IntN(len(data))
			if i < 20 {
				at = i // the headers
			}
			flipped := bytes.Clone(data)
			flipped[at] ^= 1 << random.IntN(8)
			if err := os.WriteFile(path, flipped, 0o600); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			status := run(t.Context(), []string{"verify", path}, &said, &said)
			if status == 0 && idle(t, name, data, flipped, at) {
				continue
			}
			if status == 0 {
				t.Errorf("%s: byte %d is another, %02x for %02x, and it verifies", name, at, flipped[at], data[at])
			} else if !strings.Contains(said.String(), path) || status != 1 {
				t.Errorf("%s: byte %d is another: status %d\n%s", name, at, status, said.String())
			}
		}
	}
}
