//go:build lab && linux

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
)

// cable is a host's network card, plugged into the bridge. It is made new at
// every power on: an address that keepalived had added is gone then, as it is
// on a real host.
type cable struct {
	card *namespace
}

// plug makes the host's card with its address, and the bridge's port.
func (m *Machine) plug(ctx context.Context) (*cable, error) {
	card, err := newNamespace()
	if err != nil {
		return nil, err
	}
	c := &cable{card: card}
	port := fmt.Sprintf("link add %s type veth peer name eth0 netns %s\nlink set %s master br0 up\n", m.port, card.path(), m.port)
	inside := fmt.Sprintf("link set lo up\naddr add %s/%d brd + dev eth0\nlink set eth0 up\n", m.host.Address, m.net.subnet.Bits())
	if m.host.Address6.IsValid() {
		// Nobody else has it, so it need not be asked for first.
		inside += fmt.Sprintf("addr add %s/64 dev eth0 nodad\n", m.host.Address6)
	}
	if m.host.Gateway {
		inside += fmt.Sprintf("route add default via %s\n", m.net.Gateway())
	}
	err = m.net.bridge.batch(ctx, port, "ip", "-batch", "-")
	if err == nil {
		err = card.batch(ctx, inside, "ip", "-batch", "-")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("plugging in: %w", err), m.unplug(ctx, c))
	}
	return c, nil
}

// unplug removes the port at once; with the namespace it would go some time
// later only.
func (m *Machine) unplug(ctx context.Context, c *cable) error {
	count, err := c.card.unrouted()
	m.unrouted.Add(count)
	return errors.Join(err,
		m.net.bridge.batch(ctx, "link del "+m.port+"\n", "ip", "-force", "-batch", "-"),
		c.card.close())
}

// CutOff pulls the host's network cable.
func (m *Machine) CutOff(ctx context.Context) error { return m.setPort(ctx, "down") }

// Reconnect plugs the cable in again.
func (m *Machine) Reconnect(ctx context.Context) error { return m.setPort(ctx, "up") }

func (m *Machine) setPort(ctx context.Context, state string) error {
	if err := m.net.bridge.batch(ctx, "link set "+m.port+" "+state+"\n", "ip", "-batch", "-"); err != nil {
		return fmt.Errorf("setting the cable of host %q %s: %w", m.host.Name, state, err)
	}
	return nil
}

// Addresses are the addresses on the host's card now, a virtual one too.
func (m *Machine) Addresses(ctx context.Context) ([]netip.Prefix, error) {
	c := m.cable.Load()
	if c == nil {
		return nil, fmt.Errorf("reading the addresses of host %q: it is off", m.host.Name)
	}
	stdout, _, err := c.card.output(ctx, fmt.Sprintf("host %q", m.host.Name), nil, "ip", "-json", "-4", "addr", "show", "dev", "eth0")
	if err != nil {
		return nil, err
	}
	var links []struct {
		Info []struct {
			Local     netip.Addr
			Prefixlen int
		} `json:"addr_info"`
	}
	if err := json.Unmarshal([]byte(stdout), &links); err != nil {
		return nil, fmt.Errorf("reading the addresses of host %q: %w", m.host.Name, err)
	}
	var addresses []netip.Prefix
	for _, link := range links {
		for _, a := range link.Info {
			addresses = append(addresses, netip.PrefixFrom(a.Local, a.Prefixlen))
		}
	}
	return addresses, nil
}

// Unrouted is how often programs of the host sent something that the host had
// no route for, since it was first booted.
func (m *Machine) Unrouted() (uint64, error) {
	total := m.unrouted.Load()
	c := m.cable.Load()
	if c == nil {
		return total, nil
	}
	count, err := c.card.unrouted()
	return total + count, err
}
