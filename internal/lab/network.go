//go:build lab && linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
)

// Network is a bridge that leads nowhere, with the hosts plugged into it. It is
// also the place of a client: what its methods run or dial stands on the bridge.
type Network struct {
	name   string
	subnet netip.Prefix
	bridge *namespace
	run    *run

	mu       sync.Mutex
	machines map[string]*Machine
	ports    int

	// booting is held for reading by each boot, for writing by Close: nothing
	// is made while everything is removed. alive ends the boots early.
	booting sync.RWMutex
	alive   context.Context
	die     context.CancelFunc

	closing  sync.Once
	closeErr error
}

// NewNetwork makes a network. Its first address belongs to the bridge. When
// ctx ends the network is closed, with all hosts.
func NewNetwork(ctx context.Context, name string, subnet netip.Prefix) (*Network, error) {
	if err := Possible(); err != nil {
		return nil, fmt.Errorf("making network %q: %w", name, err)
	}
	if !subnet.Addr().Is4() || subnet.Bits() > 29 {
		return nil, fmt.Errorf("making network %q: subnet %q must be IPv4 and no smaller than a /29", name, subnet)
	}
	r, err := newRun(ctx)
	if err != nil {
		return nil, fmt.Errorf("making network %q: %w", name, err)
	}
	n := &Network{name: name, subnet: subnet.Masked(), run: r, machines: map[string]*Machine{}}
	n.alive, n.die = context.WithCancel(ctx)
	if err := n.build(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("making network %q: %w", name, err), n.Close())
	}
	context.AfterFunc(n.alive, func() { _ = n.Close() }) // Close tells its next caller
	return n, nil
}

// Gateway is the bridge's own address.
func (n *Network) Gateway() netip.Addr { return n.subnet.Addr().Next() }

func (n *Network) build(ctx context.Context) (err error) {
	if n.bridge, err = newNamespace(); err != nil {
		return err
	}
	script := fmt.Sprintf(`link set lo up
link add br0 type bridge forward_delay 0
addr add %s/%d dev br0
link set br0 up
`, n.Gateway(), n.subnet.Bits())
	if err := n.bridge.batch(ctx, script, "ip", "-batch", "-"); err != nil {
		return err
	}
	if err := n.bridge.plainBridge(); err != nil {
		return err
	}
	return n.bridge.guard(ctx, n.subnet)
}

// Boot boots a new host and waits until it is up.
func (n *Network) Boot(ctx context.Context, h Host) (*Machine, error) {
	n.booting.RLock()
	defer n.booting.RUnlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.alive, cancel)()
	m, err := n.add(h)
	if err != nil {
		return nil, fmt.Errorf("booting host %q: %w", h.Name, err)
	}
	if err := m.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("booting host %q: %w", h.Name, err), m.Close())
	}
	if err := m.Start(ctx); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (n *Network) add(h Host) (*Machine, error) {
	if err := h.check(n); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.alive.Err() != nil {
		return nil, fmt.Errorf("network %q is closed", n.name)
	}
	if n.machines[h.Name] != nil {
		return nil, errors.New("a host of that name exists")
	}
	n.ports++
	m := &Machine{host: h, net: n, port: fmt.Sprintf("port%d", n.ports), dir: filepath.Join(n.run.dir, h.Name)}
	n.machines[h.Name] = m
	return m, nil
}

// Exec runs a program of this machine on the bridge, as a client of the hosts.
func (n *Network) Exec(ctx context.Context, command ...string) (stdout, stderr string, err error) {
	return n.bridge.output(ctx, fmt.Sprintf("network %q", n.name), nil, command...)
}

// Dial connects from the bridge; address is an IP address with a port. It fits
// http.Transport.DialContext.
func (n *Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return n.bridge.dial(ctx, network, address)
}

// Close cuts the power of all hosts and removes everything, also after the
// context has ended. Further calls give the first one's result.
func (n *Network) Close() error {
	n.closing.Do(func() { n.closeErr = n.close() })
	return n.closeErr
}

func (n *Network) close() error {
	n.die()
	n.booting.Lock()
	defer n.booting.Unlock()
	n.mu.Lock()
	machines := slices.Collect(maps.Values(n.machines))
	n.mu.Unlock()

	errs := make([]error, len(machines))
	var closing sync.WaitGroup
	for i, m := range machines {
		closing.Go(func() { errs[i] = m.Close() })
	}
	closing.Wait()
	if n.bridge != nil {
		errs = append(errs, n.bridge.close())
	}
	if err := errors.Join(append(errs, n.run.remove(context.Background()))...); err != nil {
		return fmt.Errorf("closing network %q: %w", n.name, err)
	}
	return nil
}

// forget gives a removed host's name free.
func (n *Network) forget(m *Machine) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.machines, m.host.Name)
}
