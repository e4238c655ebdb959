package archive

import "io"

// prefetcher reads on another goroutine what is read from it next, so that whoever
// makes the bytes and whoever takes them work at the same time. Closing it ends the
// goroutine, and closes what it reads from.
type prefetcher struct {
	from       io.ReadCloser
	full       chan chunk
	free       chan []byte
	stop, done chan struct{}
	cur        chunk
	buf        []byte // of cur, to be given back
}

type chunk struct {
	data []byte
	err  error
}

func prefetch(from io.ReadCloser) *prefetcher {
	r := &prefetcher{
		from: from, full: make(chan chunk, relayBuffers), free: make(chan []byte, relayBuffers),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	for range relayBuffers {
		r.free <- make([]byte, relayBufferSize)
	}
	go r.run()
	return r
}

func (r *prefetcher) run() {
	defer close(r.done)
	for {
		var buf []byte
		select {
		case <-r.stop:
			return
		case buf = <-r.free:
		}
		n, err := r.from.Read(buf)
		r.full <- chunk{buf[:n], err}
		if err != nil {
			return
		}
	}
}

func (r *prefetcher) Read(p []byte) (int, error) {
	for len(r.cur.data) == 0 {
		if r.cur.err != nil {
			return 0, r.cur.err
		}
		if r.buf != nil {
			r.free <- r.buf
		}
		r.cur = <-r.full
		r.buf = r.cur.data[:cap(r.cur.data)]
	}
	n := copy(p, r.cur.data)
	r.cur.data = r.cur.data[n:]
	return n, nil
}

func (r *prefetcher) Close() error {
	close(r.stop)
	<-r.done
	return r.from.Close()
}
