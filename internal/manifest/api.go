package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// API says from which minor release to which a kind of Kubernetes' own is served.
type API struct {
	// Group is empty for Kubernetes' first kinds, such as Pod.
	Group, Version, Kind string
	// From and To are releases 1.From and 1.To. From is 0 where nobody asks since
	// when, To is 0 while it is still served.
	From, To int
	// Instead is the apiVersion to use instead, such as policy/v1.
	Instead string
}

func (a API) apiVersion() string { return strings.TrimPrefix(a.Group+"/"+a.Version, "/") }

func (a API) served(minor int) bool { return a.From <= minor && (a.To == 0 || minor <= a.To) }

// Check names the objects whose API a release does not serve. known are
// Kubernetes' own kinds. A group that it does not have belongs to custom resources
// or to another API server, and is not judged; nor is an unknown kind on a release
// newer than all that known speaks of.
//
// What a server has only on request, such as an alpha version, counts as served:
// the cluster's own flags decide, and they are not in a manifest.
func (f *File) Check(release string, known []API) []Problem {
	minor, err := minorOf(release)
	if err != nil {
		return []Problem{{f.Path, 1, 1, err.Error()}}
	}
	c := checker{release: release, minor: minor, known: known}
	var problems []Problem
	for _, d := range f.Documents {
		if message := c.check(d); message != "" {
			problems = append(problems, Problem{f.Path, d.line, d.column, message})
		}
	}
	return sorted(problems)
}

func minorOf(release string) (int, error) {
	parts := strings.Split(release, ".")
	if len(parts) >= 2 && parts[0] == "1" {
		if minor, err := strconv.Atoi(parts[1]); err == nil && minor >= 0 {
			return minor, nil
		}
	}
	return 0, fmt.Errorf("%q is no Kubernetes release; write it like 1.34.2", release)
}

// checker judges objects for one release.
type checker struct {
	release string
	minor   int
	known   []API
}

// check is what is wrong with an object's API, or "".
func (c checker) check(d Document) string {
	group, version, ok := strings.Cut(d.APIVersion, "/")
	if !ok {
		group, version = "", d.APIVersion
	}
	ours := c.filter(func(a API) bool { return a.Group == group })
	if len(ours) == 0 {
		return ""
	}
	rows := c.filter(func(a API) bool { return a.Group == group && a.Version == version && a.Kind == d.Kind })
	switch {
	case len(rows) == 0 && c.minor > c.newest():
		return ""
	case len(rows) == 0:
		return c.unknown(group, version, d)
	case slices.ContainsFunc(rows, func(a API) bool { return a.served(c.minor) }):
		return ""
	}
	return c.elsewhen(rows[0], d)
}

// elsewhen is about a kind that other releases serve under this apiVersion.
func (c checker) elsewhen(a API, d Document) string {
	message := fmt.Sprintf("Kubernetes %s does not serve %s %s: ", c.release, d.APIVersion, d.Kind)
	advice := "nothing replaces it, so leave the object out"
	if a.To != 0 && a.To < c.minor {
		message += fmt.Sprintf("1.%d was the last that did; ", a.To)
	} else {
		message += fmt.Sprintf("1.%d is the first that does; ", a.From)
		advice = "leave the object out, or choose a newer release"
	}
	if other, ok := c.instead(a); ok {
		advice = "use " + c.describe(other)
	}
	return message + advice
}

// unknown is about a kind that no release serves under this apiVersion.
func (c checker) unknown(group, version string, d Document) string {
	kind := shorten(d.Kind)
	if other, ok := c.instead(API{Group: group, Version: version, Kind: d.Kind}); ok {
		return fmt.Sprintf("there is no %s in %s; use %s", kind, d.APIVersion, c.describe(other))
	}
	served := c.filter(func(a API) bool { return a.served(c.minor) })
	if near, ok := nearest(served, group, version, d.Kind); ok {
		return fmt.Sprintf("there is no %s in %s; did you mean %s in %s?", kind, d.APIVersion, near.Kind, near.apiVersion())
	}
	var kinds, versions []string
	for _, a := range served {
		if a.Group == group && a.Version == version {
			kinds = append(kinds, a.Kind)
		}
		if a.Group == group && !slices.Contains(versions, a.apiVersion()) {
			versions = append(versions, a.apiVersion())
		}
	}
	switch {
	case len(kinds) > 0:
		return fmt.Sprintf("there is no %s in %s; it has %s", kind, d.APIVersion, strings.Join(kinds, ", "))
	case len(versions) > 0:
		return fmt.Sprintf("there is no %s in %s; Kubernetes %s serves %s of that group", kind, d.APIVersion, c.release, strings.Join(versions, ", "))
	}
	return fmt.Sprintf("there is no %s in %s, and Kubernetes %s serves nothing of that group", kind, d.APIVersion, c.release)
}

// instead is the API that the release serves in place of another: the one that
// Kubernetes' authors name, else one of the same group, else any of that kind,
// the most stable and newest first.
func (c checker) instead(gone API) (API, bool) {
	others := c.filter(func(a API) bool { return a.Kind == gone.Kind && a.served(c.minor) })
	if len(others) == 0 {
		return API{}, false
	}
	return slices.MinFunc(others, func(a, b API) int {
		return cmp.Or(
			first(a.apiVersion() == gone.Instead, b.apiVersion() == gone.Instead),
			first(a.Group == gone.Group, b.Group == gone.Group),
			-compareVersions(a.Version, b.Version),
		)
	}), true
}

// describe adds to an API what a cluster has to be told for it: since 1.24 beta
// versions are off unless asked for, as alpha versions always were.
func (c checker) describe(a API) string {
	if stability(a.Version) == alpha || stability(a.Version) == beta && a.From >= 24 {
		return a.apiVersion() + ", which the API server may have to switch on with --runtime-config"
	}
	return a.apiVersion()
}

func (c checker) filter(keep func(API) bool) []API {
	var some []API
	for _, a := range c.known {
		if keep(a) {
			some = append(some, a)
		}
	}
	return some
}

// newest is the newest release that the table speaks of.
func (c checker) newest() int {
	newest := 0
	for _, a := range c.known {
		newest = max(newest, a.From, a.To)
	}
	return newest
}

func first(a, b bool) int {
	switch {
	case a && !b:
		return -1
	case b && !a:
		return 1
	}
	return 0
}
