package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// shapeOf is a cluster without what differs from seat to seat in a usual kit: its names
// and addresses, which #AddressRules are about. Clusters of one shape keep or break all
// other rules together. Hosts are told by their place in the order of names.
func shapeOf(c v1.Cluster) (string, error) {
	c.Name, c.Kit = "", nil
	if c.Domain != "" {
		c.Domain = "a"
	}
	places := map[string]string{}
	for i, name := range slices.Sorted(maps.Keys(c.Hosts)) {
		places[name] = fmt.Sprintf("%04d", i)
	}
	hosts := map[string]v1.Host{}
	for name, h := range c.Hosts {
		h.Address = ""
		if h.Address6 != "" {
			h.Address6 = "a"
		}
		hosts[places[name]] = h
	}
	c.Hosts = hosts
	vips := map[string]v1.VIP{}
	for name, v := range c.LoadBalancer.VIPs {
		v.Address = ""
		v.RouterID = min(v.RouterID, 1)
		if place, ok := places[v.Preferred]; ok {
			v.Preferred = place
		}
		vips[name] = v
	}
	if c.LoadBalancer.VIPs != nil {
		c.LoadBalancer.VIPs = vips
	}
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("comparing seats: %w", err)
	}
	return string(text), nil
}
