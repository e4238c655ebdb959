// Package plan derives everything that a cluster needs from its spec: every
// host's roles, steps and files; every image and every binary. It is pure: no
// network, clock, randomness or file system, and all results are sorted, so
// that the stages after it never sort again. It must not import a later stage.
package plan

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/satchel-kit/satchel/internal/spec"
	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// Plan is what a bundle for a cluster holds and what each host does with it.
type Plan struct {
	Cluster Cluster
	// Hosts are sorted by name.
	Hosts []Host
	// Manifests are the files in manifests/, in the order in which they are applied.
	Manifests []Manifest
	// Units are the paths below units/ that any host uses, sorted.
	Units []string
	Supply
	// Programs are the architectures for which the bundle carries satchel itself,
	// sorted.
	Programs []string
	// Sources are sorted by prefix.
	Sources []Source
	// SpecDigest is "sha256:…" of the resolved spec.
	SpecDigest string
	// Guide is nil where the cluster has none; a kit has that of its first seat.
	Guide *Guide
	// Seats are the clusters of a kit, by number. The kit itself has no hosts; its images,
	// files and programs are those of all seats, and of Cluster it has name and version.
	Seats []*Plan
	// Seat is set for the cluster of one seat.
	Seat *spec.Seat
}

// Supply is all that a bundle takes from elsewhere.
type Supply struct {
	// Images are sorted by name, Files by path, Packages by place.
	Images   []Image
	Files    []File
	Packages []PackageSet
}

// New derives the plan of a valid spec.
func New(s *spec.Spec) *Plan {
	if len(s.Seats) > 0 {
		return newKit(s)
	}
	p := &Plan{
		Cluster:    newCluster(s),
		SpecDigest: s.Digest,
		Seat:       s.Seat,
	}
	p.Manifests = manifests(s, &p.Cluster)
	for _, name := range sortedKeys(s.Cluster.Hosts) {
		p.Hosts = append(p.Hosts, newHost(s, p, name))
	}
	p.Guide = newGuide(s.Cluster, p)
	p.Units = units(&p.Cluster, p.Hosts)
	p.Images = images(s, p.Hosts)
	p.Files = files(&p.Cluster, p.Hosts)
	p.Packages = packageSets(s, &p.Cluster, p.Hosts)
	p.Programs = programs(p.Hosts)
	for _, prefix := range sortedKeys(s.Cluster.Sources) {
		p.Sources = append(p.Sources, Source{Prefix: prefix, Mirror: s.Cluster.Sources[prefix]})
	}
	return p
}

// endpoints are the hosts of a role, sorted by name.
func endpoints(hosts map[string]v1.Host, role v1.Role) []Endpoint {
	var list []Endpoint
	for _, name := range sortedKeys(hosts) {
		if slices.Contains(hosts[name].Roles, role) {
			list = append(list, Endpoint{Name: name, Address: hosts[name].Address})
		}
	}
	return list
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// compareAddresses orders addresses by number, names after them.
func compareAddresses(a, b string) int {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	if errX != nil || errY != nil {
		return cmp.Or(cmp.Compare(kind(errX), kind(errY)), cmp.Compare(a, b))
	}
	return x.Compare(y)
}

func kind(err error) int {
	if err != nil {
		return 1
	}
	return 0
}
