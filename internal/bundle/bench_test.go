package bundle

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/lock"
)

const mib = 1 << 20

// huge is the sample with one more file, of which the disk holds only zeros
// that take no place.
func huge(t testing.TB, size int64) Input {
	t.Helper()
	in := sample(t)
	sum := sha256.New()
	if _, err := io.CopyN(sum, zeros{}, size); err != nil {
		t.Fatal(err)
	}
	digits := fmt.Sprintf("%x", sum.Sum(nil))
	known := must(in.Cache.Get("sha256:" + in.Lock.Files[0].SHA256))
	known.Close()
	path := filepath.Join(filepath.Dir(known.Name()), digits)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	in.Lock.Files = append(in.Lock.Files, lock.File{Path: "files/amd64/huge", SHA256: digits, Size: size})
	return in
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// peak runs f and returns by how much the process grew at its highest, in bytes.
func peak(t testing.TB, f func()) int64 {
	t.Helper()
	debug.FreeOSMemory()
	// This makes the kernel forget the peak so far; see proc_pid_clear_refs(5).
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600); err != nil {
		t.Skipf("the peak of memory cannot be measured here: %v", err)
	}
	before := status(t, "VmRSS:")
	f()
	return status(t, "VmHWM:") - before
}

func status(t testing.TB, field string) int64 {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(must(os.ReadFile("/proc/self/status"))))
	for lines.Scan() {
		if rest, found := strings.CutPrefix(lines.Text(), field); found {
			var kib int64
			if _, err := fmt.Sscan(rest, &kib); err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Skipf("the system does not tell %s", field)
	return 0
}

// maxPeak is what packing and checking may take, whatever the sizes.
const maxPeak = 64 * mib

func packAndVerify(t testing.TB, in Input) {
	t.Helper()
	path := build(t, in, "a.tar")
	if found := problems(t, path); len(found) > 0 {
		t.Fatal(found)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestMemoryDoesNotGrowWithSizes(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 256 MiB")
	}
	in := huge(t, 256*mib)
	if grown := peak(t, func() { packAndVerify(t, in) }); grown > maxPeak {
		t.Errorf("memory grew by %d MiB", grown/mib)
	}
}

func BenchmarkTwoGiB(b *testing.B) {
	if testing.Short() {
		b.Skip("writes 2 GiB")
	}
	in := huge(b, 2048*mib)
	b.SetBytes(2 * must(Size(in))) // packed, then verified
	b.ReportAllocs()
	grown := peak(b, func() {
		for b.Loop() {
			packAndVerify(b, in)
		}
	})
	b.ReportMetric(float64(grown)/mib, "peak-MiB")
	if grown > maxPeak {
		b.Errorf("memory grew by %d MiB", grown/mib)
	}
}

// typical is the sample with 64 MiB that compress as badly as layers do.
func typical(b *testing.B) Input {
	in := sample(b)
	data := make([]byte, 64*mib)
	rnd := rand.NewChaCha8([32]byte{1})
	if _, err := rnd.Read(data); err != nil {
		b.Fatal(err)
	}
	addFile(b, &in, "files/amd64/large", data)
	return in
}

var archiveNames = [...]string{"a.tar", "a.tar.gz", "a.tar.zst"}

func BenchmarkWrite(b *testing.B) {
	in := typical(b)
	for _, name := range archiveNames {
		b.Run(name, func(b *testing.B) {
			out := filepath.Join(b.TempDir(), name)
			b.SetBytes(must(Size(in)))
			b.ReportAllocs()
			for b.Loop() {
				if err := Write(b.Context(), out, in, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	in := typical(b)
	for _, name := range archiveNames {
		b.Run(name, func(b *testing.B) {
			path := build(b, in, name)
			b.SetBytes(must(Size(in)))
			b.ReportAllocs()
			for b.Loop() {
				if report, err := Verify(b.Context(), path); err != nil || report.Err() != nil {
					b.Fatal(report, err)
				}
			}
		})
	}
}

func BenchmarkUnpack(b *testing.B) {
	in := typical(b)
	path := build(b, in, "a.tar")
	b.SetBytes(must(Size(in)))
	b.ReportAllocs()
	for b.Loop() {
		dir := filepath.Join(b.TempDir(), "site")
		if err := Unpack(b.Context(), path, dir, ""); err != nil {
			b.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
	}
}
