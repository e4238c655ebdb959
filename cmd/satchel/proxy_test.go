package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// proxyTo hands requests on to a host.
func proxyTo(host string) http.Handler {
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	p.ErrorLog = log.New(io.Discard, "", 0) // clients that go away are what tests are about
	return p
}

// meter counts the bytes of bodies that pass, slows them down to rate bytes a
// second (0: no limit) over all answers together, and calls hit once at bytes.
type meter struct {
	sent atomic.Int64
	rate int64
	at   int64
	hit  func()

	once sync.Once
	mu   sync.Mutex
	free time.Time // when the line is free again
}

// reset has the meter count anew.
func (m *meter) reset() {
	m.sent.Store(0)
	m.once = sync.Once{}
}

func (m *meter) wrap(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(&metered{w, m}, r)
	})
}

type metered struct {
	http.ResponseWriter
	m *meter
}

func (w *metered) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write passes small pieces on, each in its time, so that what was sent is what
// has arrived.
func (w *metered) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		piece := p[done:min(done+8<<10, len(p))]
		w.m.wait(len(piece))
		n, err := w.ResponseWriter.Write(piece)
		done += n
		if sent := w.m.sent.Add(int64(n)); w.m.hit != nil && sent >= w.m.at {
			w.m.once.Do(w.m.hit)
		}
		if err != nil {
			return done, err
		}
		if w.m.rate > 0 {
			http.NewResponseController(w.ResponseWriter).Flush()
		}
	}
	return done, nil
}

func (m *meter) wait(n int) {
	if m.rate == 0 {
		return
	}
	m.mu.Lock()
	now := time.Now()
	if m.free.Before(now) {
		m.free = now
	}
	m.free = m.free.Add(time.Duration(n) * time.Second / time.Duration(m.rate))
	until := m.free
	m.mu.Unlock()
	time.Sleep(time.Until(until))
}
