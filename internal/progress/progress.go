// Package progress shows what is under way: bars on a terminal, and elsewhere (a
// log, a dumb terminal) one line at the end of each item, one at the start of
// those that take long, and one now and then about everything so far. It writes
// where it is told, which is never standard output, uses no colour (so NO_COLOR
// needs no case), and knows nothing of what it counts.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// Bars shows any number of items at once. A nil *Bars is silent.
type Bars struct {
	container *mpb.Progress // nil where there is no terminal

	mu                sync.Mutex
	w                 io.Writer
	running, finished int
	total             int64
	summary           *time.Timer // nil while none is due
}

// Bar is one item. A nil *Bar is silent.
type Bar struct {
	all  *Bars
	name string
	bar  *mpb.Bar
	once sync.Once

	// These are under the mutex of all.
	n     int64
	ended bool
	late  *time.Timer
}

// New shows bars if w is a capable terminal and plain lines otherwise.
func New(w io.Writer) *Bars {
	b := &Bars{w: w}
	f, ok := w.(*os.File)
	if ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		b.container = mpb.New(mpb.WithOutput(f), mpb.WithWidth(64))
	}
	return b
}

// Start begins an item. A size of 0 or less means that it is not known.
func (b *Bars) Start(name string, size int64) *Bar {
	if b == nil {
		return nil
	}
	bar := &Bar{all: b, name: name}
	if b.container != nil {
		bar.bar = b.draw(name, size)
	} else {
		b.begin(bar, size)
	}
	return bar
}

func (b *Bars) draw(name string, size int64) *mpb.Bar {
	bar, err := b.container.Add(0, mpb.BarStyle().Build(), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(shorten(name, 48), decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.CountersKiloByte("% .1f / % .1f")))
	if err != nil {
		return nil // after Wait nothing is drawn any more
	}
	// Set here and not above: a bar that is added with a total completes itself
	// when it reaches it, and only Done may end an item.
	bar.SetTotal(max(size, 0), false)
	return bar
}

// Add counts n more bytes; a negative n takes bytes back.
func (bar *Bar) Add(n int64) {
	if bar == nil {
		return
	}
	bar.all.mu.Lock()
	defer bar.all.mu.Unlock()
	bar.n += n
	bar.all.total += n
	if bar.bar != nil {
		bar.bar.SetCurrent(bar.n)
	}
}

// Done ends the item. Only the first call counts, so that it can be deferred.
func (bar *Bar) Done(err error) {
	if bar != nil {
		bar.once.Do(func() { bar.done(err) })
	}
}

func (bar *Bar) done(err error) {
	switch {
	case bar.bar != nil && err != nil:
		bar.bar.Abort(true)
	case bar.bar != nil:
		bar.bar.SetTotal(-1, true)
	case bar.all.container == nil:
		bar.all.end(bar, err)
	}
}

// Note shows a line beside the items, such as why one of them has to wait.
func (b *Bars) Note(format string, args ...any) {
	switch {
	case b == nil:
	case b.container != nil:
		fmt.Fprintf(b.container, format+"\n", args...)
	default:
		b.mu.Lock()
		defer b.mu.Unlock()
		b.line(format, args...)
	}
}

// Wait draws the last state and returns once every item is done.
func (b *Bars) Wait() {
	if b != nil && b.container != nil {
		b.container.Wait()
	}
}

// Bytes writes a number of bytes for people.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	x, units := float64(n), "kMGTPE"
	for x = x / 1000; x >= 999.95; x /= 1000 {
		units = units[1:]
	}
	return fmt.Sprintf("%.1f %cB", x, units[0])
}

// shorten keeps the end, which is where names of one kind differ.
func shorten(name string, n int) string {
	runes := []rune(name)
	if len(runes) <= n {
		return name
	}
	return "…" + string(runes[len(runes)-n+1:])
}
