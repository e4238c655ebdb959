//go:build lab && linux

package lab

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Impatient is how long a try may take where the length of an outage counts. A client that
// waits longer gets through what is merely slow.
const Impatient = 300 * time.Millisecond

// Outage is a time in which a client got no answer: from the beginning of the
// first try that failed to the end of the first that succeeded, or to the end
// of the probe.
type Outage struct {
	From, To time.Time
	// Cause is why the first try failed.
	Cause error
}

// Length is how long the outage was.
func (o Outage) Length() time.Duration { return o.To.Sub(o.From) }

// Report is what a probe saw.
type Report struct {
	Tries, Failures int
	// Slowest is how long the slowest answer took.
	Slowest time.Duration
	Outages []Outage
}

// Probe is a client on the bridge that tries again and again.
type Probe struct {
	cancel context.CancelFunc
	report chan Report
}

// Probe begins to try target at that interval, each try as long as patience and with a
// new connection, until Stop is called or ctx ends. target is "tcp://IP:PORT",
// which only has to accept, or an "http://" or "https://" address with an IP,
// which has to answer 200.
func (n *Network) Probe(ctx context.Context, target string, every, patience time.Duration) (*Probe, error) {
	try, err := n.try(target)
	if err != nil {
		return nil, fmt.Errorf("probing %q: %w", target, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &Probe{cancel, make(chan Report, 1)}
	go func() { p.report <- watch(ctx, try, every, patience) }()
	return p, nil
}

// Stop ends the probe; it may be called once.
func (p *Probe) Stop() Report {
	p.cancel()
	return <-p.report
}

func (n *Network) try(target string) (func(context.Context) error, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "tcp":
		return func(ctx context.Context) error { return n.tryTCP(ctx, u.Host) }, nil
	case "http", "https":
		return func(ctx context.Context) error { return n.tryHTTP(ctx, target) }, nil
	}
	return nil, fmt.Errorf("unknown scheme %q, use tcp, http or https", u.Scheme)
}

func (n *Network) tryTCP(ctx context.Context, address string) error {
	conn, err := n.Dial(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

func (n *Network) tryHTTP(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	// The probe asks whether somebody answers, not who: a test cluster's
	// authority is known to nobody here.
	transport := &http.Transport{
		DialContext:       n.Dial,
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", response.Status)
	}
	return nil
}

func watch(ctx context.Context, try func(context.Context) error, every, patience time.Duration) Report {
	var r Report
	var open *Outage
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		begin := time.Now()
		attempt, cancel := context.WithTimeout(ctx, patience)
		err := try(attempt)
		cancel()
		if err != nil && ctx.Err() != nil {
			break // stopped, not failed
		}
		r.Tries++
		if err == nil {
			r.Slowest = max(r.Slowest, time.Since(begin))
		}
		switch {
		case err != nil:
			r.Failures++
			if open == nil {
				open = &Outage{From: begin, Cause: err}
			}
		case open != nil:
			open.To = time.Now()
			r.Outages = append(r.Outages, *open)
			open = nil
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	if open != nil {
		open.To = time.Now()
		r.Outages = append(r.Outages, *open)
	}
	return r
}
