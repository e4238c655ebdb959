package progress

import (
	"fmt"
	"time"
)

const (
	// large is the size from which on an item is announced at once, and patience
	// the time after which every other one is: small items end before anybody
	// could ask what is going on.
	large    = 64 << 20
	patience = 5 * time.Second
	// period is the time between two lines about everything so far.
	period = 10 * time.Second
)

// begin announces a large item now, and a small one if it takes long.
func (b *Bars) begin(bar *Bar, size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running++
	if b.summary == nil {
		b.summary = time.AfterFunc(period, b.summarize)
	}
	if size >= large {
		b.started(bar, size)
		return
	}
	bar.late = time.AfterFunc(patience, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !bar.ended {
			b.started(bar, size)
		}
	})
}

func (b *Bars) started(bar *Bar, size int64) {
	if size > 0 {
		b.line("%s: started, %s", bar.name, Bytes(size))
	} else {
		b.line("%s: started", bar.name)
	}
}

func (b *Bars) end(bar *Bar, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bar.ended = true
	if bar.late != nil {
		bar.late.Stop()
	}
	b.running--
	if err != nil {
		b.line("%s: failed", bar.name) // why is for the error itself to say
		return
	}
	b.finished++
	b.line("%s: done, %s", bar.name, Bytes(bar.n))
}

// summarize says how far everything is, again and again while something runs.
func (b *Bars) summarize() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running == 0 {
		b.summary = nil
		return
	}
	b.line("so far: %d done, %d under way, %s", b.finished, b.running, Bytes(b.total))
	b.summary.Reset(period)
}

// line needs the mutex.
func (b *Bars) line(format string, args ...any) {
	fmt.Fprintf(b.w, format+"\n", args...)
}
