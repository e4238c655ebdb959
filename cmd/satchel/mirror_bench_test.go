package main

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// mirrorSize is how much the images of the benchmark have: little by default, and what
// SATCHEL_BENCH_SIZE says, such as 3GiB.
func mirrorSize(b *testing.B) int64 {
	b.Helper()
	text := os.Getenv("SATCHEL_BENCH_SIZE")
	if text == "" {
		text = "300MiB"
	}
	size, err := parseSize(text)
	if err != nil {
		b.Fatalf("SATCHEL_BENCH_SIZE: %v", err)
	}
	return size
}

// mirrorRounds is how often each program runs; the best of its runs counts, as whatever
// else the machine does only ever adds.
const mirrorRounds = 3

// BenchmarkMirror brings 30 images with shared layers from a registry on the loopback
// interface into one archive file, from nothing, and has the peers that are installed do
// the same, in turns. Peers keep nothing but the archive, which is --no-cache; with a
// cache, satchel writes everything twice, and goes on where it was the next time.
func BenchmarkMirror(b *testing.B) {
	w := newMirrorWorld(b, mirrorSize(b))
	b.SetBytes(w.unique)
	best := map[string]cost{}
	for b.Loop() {
		for range mirrorRounds {
			keep(best, "satchel", w.mirror(b, "--no-cache"))
			keep(best, "satchel with a cache", w.mirror(b))
			for _, p := range peers {
				if p.installed() {
					keep(best, p.name, p.mirror(b, w, w.registry))
				}
			}
		}
	}
	own, cached := best["satchel"], best["satchel with a cache"]
	b.ReportMetric(own.seconds, "best-s")
	b.ReportMetric(cached.seconds, "cached-s")
	for _, p := range peers {
		if c, ran := best[p.name]; ran {
			b.ReportMetric(own.seconds/c.seconds, "x-"+p.name)
			b.ReportMetric(cached.seconds/c.seconds, "cached-x-"+p.name)
			b.ReportMetric(float64(c.peak)/mib, "MiB-"+p.name)
		}
	}
	reportPeak(b, max(own.peak, cached.peak), maxPeak)
}

// BenchmarkMirrorBadNetwork is the same over a line on which everything comes 20 ms late,
// and every connection is reset after 64 MiB.
func BenchmarkMirrorBadNetwork(b *testing.B) {
	w := newMirrorWorld(b, mirrorSize(b))
	n := newBadNetwork(b, w.registry, 20*time.Millisecond, 64*mib)
	n.pass(w.site, w.registry)
	b.SetBytes(w.unique)
	var own cost
	for b.Loop() {
		n.sent.Store(0)
		own = w.mirror(b)
	}
	b.ReportMetric(own.seconds, "s")
	b.ReportMetric(float64(n.resets.Load())/float64(b.N), "resets")
	twice := float64(n.sent.Load()-w.unique) / float64(w.unique) * 100
	b.ReportMetric(twice, "%-twice")
	if twice > 5 {
		b.Errorf("%.1f %% of the bytes came twice, want 5 at most", twice)
	}
	reportPeak(b, own.peak, maxPeak)
}

func keep(best map[string]cost, name string, c cost) {
	if c.seconds == 0 {
		return // it failed
	}
	was, ran := best[name]
	if !ran || c.seconds < was.seconds {
		was.seconds = c.seconds
	}
	was.peak = max(was.peak, c.peak)
	best[name] = was
}

// mirror locks and builds from nothing.
func (w *mirrorWorld) mirror(b *testing.B, flags ...string) cost {
	b.Helper()
	w.remove("cache", "b.tar", "spec/satchel.lock")
	syscall.Sync()
	lock := w.measure("lock", "spec")
	build := w.measure(append([]string{"build", "spec", "-o", "b.tar"}, flags...)...)
	return cost{lock.seconds + build.seconds, max(lock.peak, build.peak)}
}
