package progress

import (
	"errors"
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

func TestPlainLinesSayStartAndEndOnly(t *testing.T) {
	var out strings.Builder
	bars := New(&out)
	bar := bars.Start("kubeadm", 75_000_000)
	for range 100 {
		bar.Add(750_000)
	}
	bar.Done(nil)
	bar.Done(errors.New("the second call does not count"))
	bars.Start("kubelet", -1).Done(errors.New("404"))
	bars.Wait()
	want := "kubeadm: started, 75.0 MB\nkubeadm: done, 75.0 MB\nkubelet: started\nkubelet: failed\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
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
		if line != "x: started, 10 B\n" && line != "x: done, 10 B\n" {
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
