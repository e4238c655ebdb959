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

// meter counts the bytes of bodies that pass, and slows them down to rate bytes a
// second (0: no limit) over all answers together.
type meter struct {
	sent, rate atomic.Int64

	mu   sync.Mutex
	free time.Time     // when the line is free again
	at   int64         // where hit is closed
	hit  chan struct{} // nil once it is
	hold chan struct{} // nil or what keeps the line still
}

// reached is closed when so many bytes were sent, counted from now. The line then
// stands still until goOn, so that what happens at this point does not depend on
// how fast the machine is.
func (m *meter) reached(n int64) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent.Store(0)
	m.at, m.hit = n, make(chan struct{})
	return m.hit
}

func (m *meter) goOn() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hold != nil {
		close(m.hold)
		m.hold = nil
	}
}

func (m *meter) passed(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if sent := m.sent.Add(int64(n)); m.hit != nil && sent >= m.at {
		close(m.hit)
		m.hit, m.hold = nil, make(chan struct{})
	}
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
		w.m.passed(n)
		if err != nil {
			return done, err
		}
		if w.m.rate.Load() > 0 {
			http.NewResponseController(w.ResponseWriter).Flush()
		}
	}
	return done, nil
}

func (m *meter) wait(n int) {
	m.mu.Lock()
	hold := m.hold
	m.mu.Unlock()
	if hold != nil {
		<-hold
	}
	rate := m.rate.Load()
	if rate == 0 {
		return
	}
	m.mu.Lock()
	if now := time.Now(); m.free.Before(now) {
		m.free = now
	}
	m.free = m.free.Add(time.Duration(n) * time.Second / time.Duration(rate))
	until := m.free
	m.mu.Unlock()
	time.Sleep(time.Until(until))
}
