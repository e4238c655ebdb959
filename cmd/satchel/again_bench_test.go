package main

import (
	"net/http"
	"testing"
)

// BenchmarkBuildAgain builds what is there already, from the start of the process to its
// end. What the output has in bytes does not matter for that: nothing of it is read.
func BenchmarkBuildAgain(b *testing.B) {
	if testing.Short() {
		b.Skip("moves 512 MiB")
	}
	s := newSite(b)
	s.builtProgram()
	layer := newHeavyLayer(b, zeros{}, 512*mib)
	s.upstream(func(inner http.Handler) http.Handler { return heavyImage(b, inner, layer) })
	s.must("lock", "spec")
	s.must("build", "spec", "-o", "b.tar")
	best, peak := 0.0, int64(0)
	for b.Loop() {
		c := s.measure("build", "spec", "-o", "b.tar")
		if best == 0 || c.seconds < best {
			best = c.seconds
		}
		peak = max(peak, c.peak)
	}
	b.ReportMetric(best, "best-s")
	reportPeak(b, peak, maxPeak)
}
