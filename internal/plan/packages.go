package plan

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/spec"
	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// PackageSet are the packages that the bundle brings for the hosts of one operating
// system and one architecture.
type PackageSet struct {
	// Place is the set's directory below packages/, such as "debian-12-amd64".
	Place string
	// Arch is amd64 or arm64.
	Arch string
	// Repositories are sorted by name.
	Repositories []PackageRepository
	// Names are what the hosts' roles need and the spec adds, sorted. What they depend on
	// is found by the lock.
	Names []string
	// Pins are those of the names whose version the spec says.
	Pins []PackagePin
	// Prefer are in the spec's order.
	Prefer []string
	// Baseline is the list of what the hosts have, and nil for a minimal system.
	Baseline []byte
}

// PackageRepository is where packages come from.
type PackageRepository struct {
	Name, URL string
	// Suites, Components and AnyAge are about deb packages.
	Suites, Components []string
	AnyAge             bool
	// SignedMetadata, Unsigned, Modules and ModuleHotfixes are about rpm packages.
	SignedMetadata bool
	Unsigned       bool
	Modules        []string
	ModuleHotfixes bool
	// Keys are ASCII-armored. An unsigned repository has none.
	Keys []byte
}

// KeyFile is where the bundle has the keys of a repository of the set.
func (s *PackageSet) KeyFile(r PackageRepository) string {
	return path.Join("keys", s.Place, r.Name+".asc")
}

// RPM says that the packages are those of rpm, and not of dpkg.
func (s *PackageSet) RPM() bool { return strings.HasPrefix(s.Place, "rhel-") }

// rpmArch are the names that rpm has for architectures.
var rpmArch = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// RPMArch is rpm's name for the architecture.
func (s *PackageSet) RPMArch() string { return rpmArch[s.Arch] }

// PackagePin says a package's version without epoch and revision, as upstream has it.
type PackagePin struct{ Name, Version string }

// Pinned is the version that a name must have, or empty.
func (s *PackageSet) Pinned(name string) string {
	for _, p := range s.Pins {
		if p.Name == name {
			return p.Version
		}
	}
	return ""
}

// HostPackages is what a host gets of the packages of its set.
type HostPackages struct {
	// Place is the set's.
	Place string
	// Names are sorted. Held are NAME=VERSION for those of them that no update of the
	// system may move.
	Names, Held []string
	// URL is the server that has them, or empty where the host has them itself.
	URL string
	// Carried is what of the bundle's packages the host needs in its own copy, as a
	// pattern of paths.
	Carried string
}

// The packages of Kubernetes by their programs (kubernetes/release, cmd/krel/templates).
var kubernetesPackages = []string{"crictl:cri-tools", "kubeadm:kubeadm", "kubectl:kubectl", "kubelet:kubelet"}

// kubernetesPinned are those of them that have the cluster's version.
var kubernetesPinned = []string{"kubeadm", "kubectl", "kubelet"}

// needs are the programs of the runtime's package, where it comes as one.
func (r Runtime) needs() []string {
	if r.Package == "" {
		return nil
	}
	if r.Name == "docker" {
		return []string{"dockerd:" + r.Package, "docker:" + r.Package}
	}
	return []string{"containerd:" + r.Package, "ctr:" + r.Package}
}

// system is the operating system of a host as packages.systems names it.
func (h *Host) system() string { return h.OS + "-" + h.Release }

// addPackages has the host install from the bundle what it needs.
func (h *Host) addPackages(s *spec.Spec, c *Cluster) {
	in, ok := s.Cluster.Packages.Systems[h.system()]
	fromRegistry := s.Cluster.Packages.From == "registry"
	if h.Registry && fromRegistry {
		h.Packages.Carried = "packages/*"
	}
	if !ok {
		return
	}
	p := &h.Packages
	for _, need := range h.Needs {
		_, pkg, _ := strings.Cut(need, ":")
		p.Names = append(p.Names, pkg)
	}
	p.Names = append(p.Names, in.Extra...)
	slices.Sort(p.Names)
	p.Names = slices.Compact(p.Names)
	if len(p.Names) == 0 {
		return
	}
	p.Place = h.system() + "-" + h.Arch
	if h.Node {
		for _, pin := range c.pins {
			p.Held = append(p.Held, pin.Name+"="+pin.Version)
		}
	}
	switch {
	case fromRegistry && !h.Registry:
		p.URL = c.Registry.Scheme + "://" + c.Registry.Address
	case !fromRegistry:
		p.Carried = path.Join("packages", p.Place) + "/*"
	}
	h.add(map[string]string{"debian": "07-packages-deb.sh", "rhel": "07-packages-rpm.sh"}[h.OS])
}

// pins are the versions that the spec says, sorted by name.
func pins(in v1.Cluster, r Runtime) []PackagePin {
	var list []PackagePin
	if in.Kubernetes.From == "packages" {
		for _, name := range kubernetesPinned {
			list = append(list, PackagePin{name, in.Kubernetes.Version})
		}
	}
	if r.Package != "" {
		list = append(list, PackagePin{r.Package, r.Version})
	}
	slices.SortFunc(list, func(a, b PackagePin) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// packageSets are what the hosts of each place need together, sorted by place.
func packageSets(s *spec.Spec, c *Cluster, hosts []Host) []PackageSet {
	sets := map[string]*PackageSet{}
	for i := range hosts {
		h := &hosts[i]
		if h.Packages.Place == "" {
			continue
		}
		set, known := sets[h.Packages.Place]
		if !known {
			set = newPackageSet(s, h)
			sets[set.Place] = set
		}
		set.Names = append(set.Names, h.Packages.Names...)
	}
	var list []PackageSet
	for _, place := range sortedKeys(sets) {
		set := sets[place]
		slices.Sort(set.Names)
		set.Names = slices.Compact(set.Names)
		for _, pin := range c.pins {
			if slices.Contains(set.Names, pin.Name) {
				set.Pins = append(set.Pins, pin)
			}
		}
		list = append(list, *set)
	}
	return list
}

func newPackageSet(s *spec.Spec, h *Host) *PackageSet {
	in := s.Cluster.Packages.Systems[h.system()]
	set := &PackageSet{Place: h.Packages.Place, Arch: h.Arch, Prefer: in.Prefer}
	if in.Baseline != "minimal" {
		set.Baseline = s.PackageFiles[in.Baseline]
	}
	for _, name := range sortedKeys(in.Repositories) {
		r := in.Repositories[name]
		set.Repositories = append(set.Repositories, PackageRepository{
			Name: name, URL: strings.ReplaceAll(strings.TrimRight(r.URL, "/"), "$basearch", set.RPMArch()),
			Suites: r.Suites, Components: r.Components, AnyAge: r.AnyAge,
			SignedMetadata: r.SignedMetadata, Unsigned: r.Unsigned, Modules: r.Modules, ModuleHotfixes: r.ModuleHotfixes,
			Keys: repositoryKeys(s, r),
		})
	}
	return set
}

// repositoryKeys are a repository's keys one after the other.
func repositoryKeys(s *spec.Spec, r v1.PackageRepository) []byte {
	if len(r.Keys) == 0 {
		return nil
	}
	var all [][]byte
	for _, key := range r.Keys {
		all = append(all, bytes.TrimSpace(s.PackageFiles[key]))
	}
	return append(bytes.Join(all, []byte("\n")), '\n')
}
