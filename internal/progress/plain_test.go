package progress

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// plain runs f with a clock of its own, in which waiting takes no time, and
// compares the lines.
func plain(t *testing.T, want string, f func(*Bars)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		bars := New(&out)
		f(bars)
		bars.Wait()
		time.Sleep(time.Hour) // nothing comes after the end
		if out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", out.String(), want)
		}
	})
}

func TestAQuickItemIsOneLine(t *testing.T) {
	plain(t, "kubeadm: done, 50.0 MB\nkubelet: failed\n", func(bars *Bars) {
		bar := bars.Start("kubeadm", 50_000_000)
		for range 100 {
			bar.Add(500_000)
		}
		time.Sleep(4 * time.Second)
		bar.Done(nil)
		bar.Done(errors.New("the second call does not count"))
		bars.Start("kubelet", -1).Done(errors.New("404"))
	})
}

func TestASlowItemIsAnnouncedAfterFiveSeconds(t *testing.T) {
	plain(t, "a: started, 1.0 kB\nb: started\nb: done, 0 B\na: done, 7 B\n", func(bars *Bars) {
		a := bars.Start("a", 1000)
		time.Sleep(time.Second)
		b := bars.Start("b", 0)
		a.Add(7)
		time.Sleep(6 * time.Second)
		b.Done(nil)
		a.Done(nil)
	})
}

func TestALargeItemIsAnnouncedAtOnce(t *testing.T) {
	plain(t, "layer: started, 67.1 MB\nnow\nlayer: done, 0 B\n", func(bars *Bars) {
		bar := bars.Start("layer", 64<<20)
		bars.Note("%s", "now")
		bar.Done(nil)
	})
}

func TestTheTotalIsSaidEveryTenSeconds(t *testing.T) {
	want := "a: done, 1.0 kB\n" +
		"c: started, 4.0 MB\n" +
		"so far: 1 done, 1 under way, 2.0 MB\n" +
		"so far: 1 done, 1 under way, 2.0 MB\n" +
		"c: done, 4.0 MB\n"
	plain(t, want, func(bars *Bars) {
		a := bars.Start("a", 1000)
		a.Add(1000)
		time.Sleep(3 * time.Second)
		a.Done(nil)
		c := bars.Start("c", 4_000_000)
		c.Add(2_000_000)
		time.Sleep(18 * time.Second)
		c.Add(2_000_000)
		c.Done(nil)
	})
}

func TestTotalsComeAgainAfterAPause(t *testing.T) {
	want := "a: done, 0 B\nb: started\nso far: 1 done, 1 under way, 5 B\nb: done, 5 B\n"
	plain(t, want, func(bars *Bars) {
		bars.Start("a", 0).Done(nil)
		time.Sleep(time.Minute)
		b := bars.Start("b", 0)
		b.Add(5)
		time.Sleep(11 * time.Second)
		b.Done(nil)
	})
}
