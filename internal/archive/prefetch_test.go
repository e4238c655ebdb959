package archive

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

func TestPrefetchingAndRelayingChangeNothing(t *testing.T) {
	data := make([]byte, 5*relayBufferSize+77)
	rand.NewChaCha8([32]byte{}).Read(data)
	for _, size := range []int{0, 1, relayBufferSize, relayBufferSize + 1, len(data)} {
		r := prefetch(io.NopCloser(iotest.HalfReader(bytes.NewReader(data[:size]))))
		got, err := io.ReadAll(iotest.OneByteReader(io.LimitReader(r, 100)))
		rest, restErr := io.ReadAll(r)
		if got = append(got, rest...); err != nil || restErr != nil || !bytes.Equal(got, data[:size]) {
			t.Errorf("prefetch: got %d of %d bytes, %v, %v", len(got), size, err, restErr)
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("prefetch: after the end: %d, %v", n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		var out bytes.Buffer
		w := newRelay(&out)
		if n, err := io.Copy(w, struct{ io.Reader }{bytes.NewReader(data[:size])}); n != int64(size) || err != nil {
			t.Errorf("relay: %d, %v", n, err)
		}
		if err := w.Close(); err != nil || !bytes.Equal(out.Bytes(), data[:size]) {
			t.Errorf("relay: %d of %d bytes, %v", out.Len(), size, err)
		}
	}
}

// closing tells whether it was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestPrefetchingEndsWithItsReader(t *testing.T) {
	c := &closing{Reader: zeros{}}
	r := prefetch(c)
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil || !c.closed {
		t.Errorf("closed: %v, %v", c.closed, err)
	}
	boom := errors.New("boom")
	r = prefetch(io.NopCloser(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(boom))))
	defer r.Close()
	for range 2 {
		if got, err := io.ReadAll(r); !errors.Is(err, boom) || len(got) > 3 {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestARelayTellsTheFirstFailure(t *testing.T) {
	w := newRelay(&limited{left: relayBufferSize})
	_, err := io.CopyN(w, zeros{}, 100*relayBufferSize)
	if closed := w.Close(); !errors.Is(err, errFull) || !errors.Is(closed, errFull) {
		t.Errorf("Write: %v, Close: %v", err, closed)
	}
	w = newRelay(&limited{left: 10})
	_, err = w.Write(make([]byte, 11))
	if closed := w.Close(); err != nil || !errors.Is(closed, errFull) {
		t.Errorf("Write: %v, Close: %v", err, closed)
	}
}
