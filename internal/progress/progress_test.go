package progress

import (
	"strings"
	"sync"
	"testing"
)

func TestNilIsSilent(t *testing.T) {
	var bars *Bars
	bar := bars.Start("x", 1)
	bar.Add(1)
	bar.Done(nil)
	bars.Wait()
}

func TestManyItemsAtOnceDoNotMixTheirLines(t *testing.T) {
	var out strings.Builder
	bars := New(&out)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			bar := bars.Start("x", 10)
			bar.Add(10)
			bar.Done(nil)
		})
	}
	all.Wait()
	for line := range strings.Lines(out.String()) {
		if line != "x: done, 10 B\n" {
			t.Fatalf("mixed line %q", line)
		}
	}
}

func TestBytesAreForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_999: "1.0 MB", 75_300_000: "75.3 MB", 1 << 62: "4.6 EB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestLongNamesKeepTheirEnd(t *testing.T) {
	if got := shorten("registry.k8s.io/kube-apiserver:v1.34.2", 12); got != "…ver:v1.34.2" {
		t.Errorf("got %q", got)
	}
}
