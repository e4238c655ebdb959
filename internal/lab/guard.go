//go:build lab && linux

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Escape is what a host sent to an address outside of the network. It was
// counted and refused.
type Escape struct {
	From, To netip.Addr
	Packets  uint64
}

// guardRules count and refuse what a host sends to the bridge for somebody
// else. Prerouting sees it before the kernel looks for a route, which it would
// not find.
const guardRules = `table inet guard {
	set tried { type ipv4_addr . ipv4_addr; size 65535; flags dynamic; counter; }
	chain outward {
		type filter hook prerouting priority raw;
		iif lo accept
		ip daddr { %s, 224.0.0.0/4, 255.255.255.255 } accept
		ip protocol >= 0 update @tried { ip saddr . ip daddr } reject with icmp type admin-prohibited
	}
}
`

func (n *namespace) guard(ctx context.Context, subnet netip.Prefix) error {
	return n.batch(ctx, fmt.Sprintf(guardRules, subnet), "nft", "-f", "-")
}

// plainBridge keeps frames from host to host away from the guard, which a
// kernel with br_netfilter would show them to.
func (n *namespace) plainBridge() error {
	return n.do(func() error {
		err := os.WriteFile("/proc/sys/net/bridge/bridge-nf-call-iptables", []byte("0"), 0)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// Escapes lists what hosts with a default route tried to send out of the
// network. A host without one cannot send it at all: see Machine.Unrouted.
func (n *Network) Escapes(ctx context.Context) ([]Escape, error) {
	stdout, _, err := n.Exec(ctx, "nft", "--json", "list", "set", "inet", "guard", "tried")
	if err != nil {
		return nil, err
	}
	escapes, err := parseEscapes([]byte(stdout))
	if err != nil {
		return nil, fmt.Errorf("reading the guard of network %q: %w", n.name, err)
	}
	return escapes, nil
}

func parseEscapes(listing []byte) ([]Escape, error) {
	var out struct {
		Objects []struct {
			Set struct {
				Elements []struct {
					Element struct {
						Value struct {
							Pair [2]netip.Addr `json:"concat"`
						} `json:"val"`
						Counter struct{ Packets uint64 }
					} `json:"elem"`
				} `json:"elem"`
			}
		} `json:"nftables"`
	}
	if err := json.Unmarshal(listing, &out); err != nil {
		return nil, err
	}
	var escapes []Escape
	for _, o := range out.Objects {
		for _, e := range o.Set.Elements {
			pair := e.Element.Value.Pair
			escapes = append(escapes, Escape{pair[0], pair[1], e.Element.Counter.Packets})
		}
	}
	return escapes, nil
}

// unrouted is how often the kernel had no route for what a program sent.
func (n *namespace) unrouted() (count uint64, err error) {
	err = n.do(func() error {
		table, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			return err
		}
		count, err = parseUnrouted(string(table))
		return err
	})
	return count, err
}

// parseUnrouted reads OutNoRoutes from the table's two "Ip:" lines, one with
// the names and one with the numbers.
func parseUnrouted(table string) (uint64, error) {
	var names []string
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "Ip:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i, name := range names {
			if name == "OutNoRoutes" && i < len(fields) {
				return strconv.ParseUint(fields[i], 10, 64)
			}
		}
	}
	return 0, errors.New("no OutNoRoutes in the network statistics")
}
