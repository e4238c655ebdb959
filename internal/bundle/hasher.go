package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

const (
	hashBuffers    = 3
	hashBufferSize = 256 << 10
)

// hasher computes SHA-256 on another core while its user goes on reading and
// writing. It is for one user at a time and must be closed.
type hasher struct {
	sum  hash.Hash
	cur  []byte // collected, not yet handed over
	work chan []byte
	free chan []byte
}

func newHasher() *hasher {
	h := &hasher{
		sum:  sha256.New(),
		work: make(chan []byte, hashBuffers),
		free: make(chan []byte, hashBuffers),
	}
	for range hashBuffers {
		h.free <- make([]byte, 0, hashBufferSize)
	}
	go func() {
		for buf := range h.work {
			h.sum.Write(buf)
			h.free <- buf[:0]
		}
	}()
	return h
}

// Close ends the goroutine.
func (h *hasher) Close() { close(h.work) }

// Write never fails.
func (h *hasher) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if h.cur == nil {
			h.cur = <-h.free
		}
		k := min(len(p), cap(h.cur)-len(h.cur))
		h.cur = append(h.cur, p[:k]...)
		p = p[k:]
		if len(h.cur) == cap(h.cur) {
			h.flush()
		}
	}
	return n, nil
}

func (h *hasher) flush() {
	if h.cur != nil {
		h.work <- h.cur
		h.cur = nil
	}
}

// finish returns the hexadecimal digits of all that was written, and starts
// anew. Once every buffer is free again, the goroutine has nothing in hand.
func (h *hasher) finish() string {
	h.flush()
	var idle [hashBuffers][]byte
	for i := range idle {
		idle[i] = <-h.free
	}
	digits := hex.EncodeToString(h.sum.Sum(nil))
	h.sum.Reset()
	for _, buf := range idle {
		h.free <- buf
	}
	return digits
}
