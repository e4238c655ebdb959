package rpm

import (
	"errors"
	"fmt"
	"slices"
)

// smallest are the packages of a minimal system of a distribution whose repositories have
// no group "core": those without which there is none.
var smallest = []string{
	"basesystem", "bash", "coreutils", "cronie", "curl", "dnf", "filesystem", "glibc", "hostname", "iproute", "iputils",
	"less", "openssh-server", "procps-ng", "rootfiles", "rpm", "setup", "sudo", "systemd", "util-linux", "yum",
}

// Minimal is the baseline of a minimal system: the mandatory packages of the group "core"
// of the repositories (comps.xml), or a short list where they have no such group, and
// all that these require. What the list has and the repositories lack is passed over, as
// installers do.
//
// Of each package it is the oldest version that the indexes have: a host may have been
// installed before updates came out. So an update that something requires is added,
// though a host may have it already; one package too many is harmless, one too few is
// not.
func Minimal(indexes []*Index) (*Installed, error) {
	p, err := newPool(indexes, nil)
	if err != nil {
		return nil, fmt.Errorf("finding the minimal system: %w", err)
	}
	p.oldest = true
	names := slices.Clone(smallest)
	for _, x := range indexes {
		if len(x.core) > 0 {
			names = nil
			break
		}
	}
	for _, x := range indexes {
		names = append(names, x.core...)
	}
	slices.Sort(names)
	var roots []Relation
	for _, name := range slices.Compact(names) {
		if len(p.versions(name)) > 0 {
			roots = append(roots, Relation{Name: name, itself: true})
		}
	}
	if len(p.versions("filesystem")) == 0 || len(p.versions("glibc")) == 0 || len(roots) == 0 {
		return nil, errors.New("finding the minimal system: no repository has the packages filesystem and glibc, so none is that of a distribution")
	}
	list, err := p.resolve(&Installed{}, roots)
	if err != nil {
		return nil, fmt.Errorf("finding the minimal system for %s: %w", p.arch, err)
	}
	return newInstalled(list)
}
