package archive

import "io"

const (
	relayBuffers    = 4
	relayBufferSize = 256 << 10
)

// relay writes on another goroutine what is written to it, so that whoever makes the
// bytes and whoever takes them work at the same time. It must be closed.
type relay struct {
	cur        []byte // collected, not yet handed over
	work, free chan []byte
	failed     chan struct{}
	done       chan struct{}
	err        error // to be read when failed or done is closed
}

func newRelay(to io.Writer) *relay {
	r := &relay{
		work: make(chan []byte, relayBuffers), free: make(chan []byte, relayBuffers),
		failed: make(chan struct{}), done: make(chan struct{}),
	}
	for range relayBuffers {
		r.free <- make([]byte, 0, relayBufferSize)
	}
	go func() {
		defer close(r.done)
		for buf := range r.work {
			if r.err == nil {
				if _, r.err = to.Write(buf); r.err != nil {
					close(r.failed)
				}
			}
			r.free <- buf[:0]
		}
	}()
	return r
}

// Write fails soon after the writing has failed.
func (r *relay) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if r.cur == nil {
			select {
			case <-r.failed:
				return n, r.err
			case r.cur = <-r.free:
			}
		}
		k := copy(r.cur[len(r.cur):cap(r.cur)], p[n:])
		r.cur = r.cur[:len(r.cur)+k]
		n += k
		if len(r.cur) == cap(r.cur) {
			r.work <- r.cur
			r.cur = nil
		}
	}
	return n, nil
}

// Close waits until all is written, and returns the first error.
func (r *relay) Close() error {
	if r.cur != nil {
		r.work <- r.cur
	}
	close(r.work)
	<-r.done
	return r.err
}
