package push

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"
)

// content is what is stored as one blob: bytes that can be read again and again.
type content struct {
	digest string
	size   int64
	// use says what the bytes are, for messages.
	use  string
	open func() (io.ReadCloser, error)
}

// title is the use without the quotes that it has in messages.
func (c content) title() string { return strings.Trim(c.use, `"`) }

// errClosed is what a reading gives that was closed.
var errClosed = errors.New("it is closed")

// reading is a content that is hashed while it is read. What is not as promised
// ends with an error in place of the last bytes, so that nobody has all of it.
type reading struct {
	body  io.ReadCloser
	of    content
	watch func(int64)

	// A connection may close what it still reads, and an answer may come before
	// all is read: so these are under the mutex.
	mu     sync.Mutex
	sum    hash.Hash
	n      int64
	told   int64
	closed bool
	err    error
}

// read opens the content. watch, if not nil, is told how many bytes were read, and
// by a negative number when they are given back.
func (c content) read(watch func(int64)) (*reading, error) {
	body, err := c.open()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", c.use, err)
	}
	if watch == nil {
		watch = func(int64) {}
	}
	return &reading{body: body, of: c, sum: sha256.New(), watch: watch}, nil
}

func (r *reading) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return 0, errClosed
	case r.err == nil:
		r.err = r.check(p[:n], err)
	}
	if r.err != nil {
		return 0, r.err
	}
	r.told += int64(n)
	r.watch(int64(n))
	return n, err
}

func (r *reading) check(p []byte, err error) error {
	r.sum.Write(p)
	r.n += int64(len(p))
	ended := errors.Is(err, io.EOF)
	switch {
	case r.n > r.of.size:
		return r.damaged("it is longer than the %d bytes listed", r.of.size)
	case ended && r.n < r.of.size:
		return r.damaged("it has %d bytes, not the %d listed", r.n, r.of.size)
	case err != nil && !ended:
		return fmt.Errorf("reading %s: %w", r.of.use, err)
	case r.n == r.of.size && (ended || len(p) > 0) && r.digest() != r.of.digest:
		return r.damaged("it has the digest %s, not the %s listed", r.digest(), r.of.digest)
	}
	return nil
}

func (r *reading) digest() string { return fmt.Sprintf("sha256:%x", r.sum.Sum(nil)) }

func (r *reading) damaged(format string, args ...any) error {
	return fmt.Errorf("%s is damaged: %s; %w", r.of.use, fmt.Sprintf(format, args...), errDamaged)
}

// failed is the content's own failure, to tell it from that of a connection.
func (r *reading) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// giveBack ends a reading that was in vain.
func (r *reading) giveBack() {
	r.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watch(-r.told)
	r.told = 0
}

// Close ends the reading; what was not read stays unchecked.
func (r *reading) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	return r.body.Close()
}
