package bundle

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

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

func TestMemoryOfPartsAndDeltasDoesNotGrowWithSizes(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 512 MiB")
	}
	in := huge(t, 128*mib)
	newer := next(t, in)
	dir := t.TempDir()
	old, delta, site := filepath.Join(dir, "old.tar"), filepath.Join(dir, "delta.tar.zst"), filepath.Join(dir, "site")
	grown := peak(t, func() {
		err := writeParts(t.Context(), in, old, 40*mib)
		if err == nil {
			err = Write(t.Context(), delta, since(t, newer, old), nil)
		}
		if err == nil {
			err = Merge(t.Context(), []string{old, delta}, site, "")
		}
		if err != nil {
			t.Fatal(err)
		}
		if found := problems(t, old); len(found) > 0 {
			t.Error(found)
		}
	})
	if grown > maxPeak {
		t.Errorf("memory grew by %d MiB", grown/mib)
	}
	if found := problems(t, site); len(found) > 0 {
		t.Error(found)
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

// typical is the sample with files that compress as badly as layers do, of sizes
// that are as uneven as theirs.
func typical(b *testing.B, total int64) Input {
	b.Helper()
	in := sample(b)
	rnd := rand.NewChaCha8([32]byte{1})
	for i := 0; total > 0; i++ {
		data := make([]byte, min(total, int64(4+12*(i%5))*mib))
		if _, err := rnd.Read(data); err != nil {
			b.Fatal(err)
		}
		addFile(b, &in, fmt.Sprintf("files/amd64/large%d", i), data)
		total -= int64(len(data))
	}
	return in
}

var archiveNames = [...]string{"a.tar", "a.tar.gz", "a.tar.zst"}

// benchSize is enough that the disk is what counts, and little enough for any disk.
func benchSize() int64 {
	if testing.Short() {
		return 32 * mib
	}
	return 384 * mib
}

// contentFiles are the files that the cache has of the bundle's contents.
func contentFiles(b *testing.B, in Input) []string {
	b.Helper()
	var paths []string
	for _, it := range must(assemble(in)) {
		if it.inCache() {
			f := must(in.Cache.Get(it.digest()))
			paths = append(paths, f.Name())
			f.Close()
		}
	}
	return paths
}

// best is the time of the fastest run: on a machine that does other things too, the one
// that was disturbed least.
type best time.Duration

func (d *best) of(f func()) {
	begin := time.Now()
	f()
	if took := best(time.Since(begin)); *d == 0 || took < *d {
		*d = took
	}
}

// share is how much of the speed of other this is, in percent.
func (d *best) share(other best) float64 { return 100 * float64(other) / float64(*d) }

func run(b *testing.B, program string, stdout io.Writer, args ...string) {
	b.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdout = stdout
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s: %v", program, err)
	}
}

// BenchmarkPack packs what the cache has, and compares a plain tar with cat, which only
// copies the same bytes to the same disk. Both bring them to the disk.
func BenchmarkPack(b *testing.B) {
	in := typical(b, benchSize())
	paths := contentFiles(b, in)
	for _, name := range archiveNames {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			var pack, cat best
			grown := int64(0)
			b.SetBytes(must(Size(in)))
			b.ReportAllocs()
			for b.Loop() {
				out := filepath.Join(dir, name)
				grown = max(grown, peak(b, func() {
					pack.of(func() {
						if err := Write(b.Context(), out, in, nil); err != nil {
							b.Fatal(err)
						}
					})
				}))
				b.StopTimer()
				os.Remove(out)
				if name == "a.tar" {
					copied := must(os.Create(filepath.Join(dir, "copied")))
					cat.of(func() {
						run(b, "cat", copied, paths...)
						if err := copied.Sync(); err != nil {
							b.Fatal(err)
						}
					})
					copied.Close()
					os.Remove(copied.Name())
				}
				b.StartTimer()
			}
			if cat > 0 {
				b.ReportMetric(pack.share(cat), "%-of-cat")
			}
			reportPeak(b, grown)
		})
	}
}

func reportPeak(b *testing.B, grown int64) {
	b.Helper()
	b.ReportMetric(float64(grown)/mib, "peak-MiB")
	if grown > maxPeak {
		b.Errorf("memory grew by %d MiB", grown/mib)
	}
}

// BenchmarkVerify compares a plain tar with hashing as many bytes on all cores: with
// what hashes the same few bytes over and over and reads nothing, which no reader can
// reach, and with a program that reads and hashes the files.
func BenchmarkVerify(b *testing.B) {
	in := typical(b, benchSize())
	paths := contentFiles(b, in)
	for _, name := range archiveNames {
		b.Run(name, func(b *testing.B) {
			path := build(b, in, name)
			size := must(Size(in))
			var verify, hash, program best
			grown := int64(0)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				grown = max(grown, peak(b, func() {
					verify.of(func() {
						if report, err := Verify(b.Context(), path); err != nil || report.Err() != nil {
							b.Fatal(report, err)
						}
					})
				}))
				b.StopTimer()
				if name == "a.tar" {
					hash.of(func() { hashOnAllCores(size) })
					program.of(func() { sumOnAllCores(b, paths) })
				}
				b.StartTimer()
			}
			if hash > 0 {
				b.ReportMetric(verify.share(hash), "%-of-sha256")
				b.ReportMetric(verify.share(program), "%-of-"+hashProgram()[0])
			}
			reportPeak(b, grown)
		})
	}
}

func hashOnAllCores(size int64) {
	var all sync.WaitGroup
	cores := int64(runtime.GOMAXPROCS(0))
	for range cores {
		all.Go(func() {
			sum, data := sha256.New(), make([]byte, mib)
			for left := size / cores; left > 0; left -= mib {
				sum.Write(data[:min(left, mib)])
			}
		})
	}
	all.Wait()
}

// hashProgram is the fastest that is there.
func hashProgram() []string {
	if _, err := exec.LookPath("openssl"); err == nil {
		return []string{"openssl", "dgst", "-sha256"}
	}
	return []string{"sha256sum"}
}

func sumOnAllCores(b *testing.B, paths []string) {
	b.Helper()
	var all sync.WaitGroup
	next := make(chan string, len(paths))
	for _, path := range paths {
		next <- path
	}
	close(next)
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for path := range next {
				program := hashProgram()
				run(b, program[0], nil, append(program[1:], path)...)
			}
		})
	}
	all.Wait()
}

// BenchmarkRebuild is a build of what is there already: everything about the bundle is
// found out anew, and its programs are hashed, but nothing of the contents is read.
func BenchmarkRebuild(b *testing.B) {
	in := typical(b, benchSize())
	addProgram(b, &in, "bin/satchel-arm64", make([]byte, 40*mib))
	for what, part := range map[string]int64{"whole": 0, "parts": benchSize() / 5} {
		b.Run(what, func(b *testing.B) {
			out := Output{filepath.Join(b.TempDir(), "a.tar"), part}
			d := must(Prepare(in))
			if err := d.Write(b.Context(), out, nil); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(d.Size())
			var again best
			for b.Loop() {
				again.of(func() {
					if !must(Prepare(in)).Current(b.Context(), out) {
						b.Fatal("it would be packed again")
					}
				})
			}
			b.ReportMetric(time.Duration(again).Seconds(), "best-s")
		})
	}
}

func BenchmarkUnpack(b *testing.B) {
	in := typical(b, benchSize())
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
