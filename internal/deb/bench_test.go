package deb

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/satchel-kit/satchel/internal/repository"
)

var tenRoots = append([]string{"nginx", "postgresql"}, roots...)

// BenchmarkDebian reads all of Debian's main, as a mirror has it, and resolves ten names
// on a minimal system. Then it measures how long this machine's apt takes for the same
// simulation, first without a cache of an earlier run, as here, then with it. (apt reads
// the lists of security and updates as well, which are a twentieth of main.)
func BenchmarkDebian(b *testing.B) {
	text := realIndex(b)
	var mirror bytes.Buffer
	w := gzip.NewWriter(&mirror)
	if _, err := w.Write(text); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	peak := peakMemory(b)
	var minimal *Installed
	var n int
	for b.Loop() {
		x := newIndex(base, "amd64")
		gz := repository.Formats[1]
		if err := gz.Decompress(mirror.Bytes(), repository.MaxIndex, x.add); err != nil {
			b.Fatal(err)
		}
		var err error
		if minimal, err = Minimal([]*Index{x}); err != nil {
			b.Fatal(err)
		}
		n = len(resolve(b, []*Index{x}, minimal, tenRoots...))
	}
	own := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(peak(), "peak-MiB")
	b.ReportMetric(float64(n), "packages")
	if testing.Short() {
		return
	}
	apt := machineApt(b, minimal)
	for _, name := range []string{"apt-times", "warm-apt-times"} {
		began := time.Now()
		simulated(b, apt, tenRoots...)
		b.ReportMetric(time.Since(began).Seconds()/own.Seconds(), name)
	}
}

// BenchmarkResolve is the resolving alone, of ten names and of a whole desktop.
func BenchmarkResolve(b *testing.B) {
	x := readIndex(b, bytes.NewReader(realIndex(b)), base, "amd64")
	minimal, err := Minimal([]*Index{x})
	if err != nil {
		b.Fatal(err)
	}
	for name, ask := range map[string][]string{"cluster": tenRoots, "desktop": {"gnome", "kde-full"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n = len(resolve(b, []*Index{x}, minimal, ask...))
			}
			b.ReportMetric(float64(n), "packages")
		})
	}
}

func BenchmarkCompare(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Compare("1:2.2.7-1+b2", "1:2.2.7-1+deb12u1")
	}
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakMemory gives the most memory that this process held since, in MiB.
func peakMemory(b *testing.B) func() float64 {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Log("the peak is of the whole run: ", err)
	}
	return func() float64 {
		status, err := os.ReadFile(filepath.Join("/proc/self", "status"))
		if err != nil {
			return 0
		}
		m := highWater.FindSubmatch(status)
		if m == nil {
			return 0
		}
		kib, _ := strconv.ParseFloat(string(m[1]), 64)
		return kib / 1024
	}
}
