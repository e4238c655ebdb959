package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// badNetwork is a line to a server on which everything arrives late, and every
// connection is reset after so many bytes.
type badNetwork struct {
	address string // for clients
	server  string
	delay   time.Duration
	resetAt int64
	sent    atomic.Int64 // bytes to clients
	resets  atomic.Int64
}

func newBadNetwork(t testing.TB, server string, delay time.Duration, resetAt int64) *badNetwork {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	n := &badNetwork{address: l.Addr().String(), server: server, delay: delay, resetAt: resetAt}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go n.carry(c.(*net.TCPConn))
		}
	}()
	return n
}

// chunk is what is on the line, until it arrives.
type chunk struct {
	data []byte
	due  time.Time
}

func (n *badNetwork) carry(client *net.TCPConn) {
	defer client.Close()
	server, err := net.Dial("tcp", n.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() { // requests are small: they share the delay of the answers
		io.Copy(server, client)
		server.(*net.TCPConn).CloseWrite()
	}()
	line := make(chan chunk, 64)
	go func() {
		defer close(line)
		for {
			data := make([]byte, 64<<10)
			got, err := server.Read(data)
			if got > 0 {
				line <- chunk{data[:got], time.Now().Add(n.delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	n.deliver(client, line)
	server.Close()
	for range line { // lets the reader end
	}
}

func (n *badNetwork) deliver(client *net.TCPConn, line <-chan chunk) {
	// What the kernel holds at a reset is lost, and yet counted here.
	client.SetWriteBuffer(64 << 10)
	var sent int64
	for c := range line {
		time.Sleep(time.Until(c.due))
		data := c.data[:min(int64(len(c.data)), n.resetAt-sent)]
		if _, err := client.Write(data); err != nil {
			return
		}
		sent += int64(len(data))
		n.sent.Add(int64(len(data)))
		if sent == n.resetAt {
			n.resets.Add(1)
			client.SetLinger(0) // so that closing resets
			return
		}
	}
}

// pass has the images of a site come over the bad network.
func (n *badNetwork) pass(s *site, registry string) {
	text := strings.ReplaceAll(string(s.read("spec/sources.cue")), "http://"+registry, "http://"+n.address)
	s.write("spec/sources.cue", text)
}

func TestABadNetworkCostsLittleTwice(t *testing.T) {
	s := newSite(t)
	server := s.upstream(func(inner http.Handler) http.Handler { return heavyImage(t, inner, noiseLayers(t, 3, 8<<20)...) })
	host := strings.TrimPrefix(server.URL, "http://")
	n := newBadNetwork(t, host, 20*time.Millisecond, 2<<20)
	n.pass(s, host)
	s.must("lock", "spec")
	n.sent.Store(0)
	s.must("build", "spec", "-o", "b.tar")
	if sent, most := n.sent.Load(), int64(24<<20)*105/100; sent > most || n.resets.Load() < 9 {
		t.Errorf("%d bytes came, %d should do; %d resets", sent, most, n.resets.Load())
	}
	s.must("verify", "b.tar")
}
