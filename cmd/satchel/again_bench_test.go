package main

import (
	"testing"
)

// BenchmarkBuildAgain builds what is there already, the images of [BenchmarkMirror], from
// the start of the process to its end. What the output has in bytes does not matter for
// that: nothing of it is read.
func BenchmarkBuildAgain(b *testing.B) {
	w := newMirrorWorld(b, mirrorSize(b))
	w.must("lock", "spec")
	w.must("build", "spec", "-o", "b.tar")
	best, peak := 0.0, int64(0)
	for b.Loop() {
		c := w.measure("build", "spec", "-o", "b.tar")
		if best == 0 || c.seconds < best {
			best = c.seconds
		}
		peak = max(peak, c.peak)
	}
	b.ReportMetric(best, "best-s")
	reportPeak(b, peak, maxPeak)
}
