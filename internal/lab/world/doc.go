// Package world is the outside world of a cluster lab: a registry and a file
// server that have the real Kubernetes under the upstream names, for machines
// that reach Go modules and Debian and nothing else. With it `satchel lock` and
// `satchel build` run as they do for a user, and the bundle installs a cluster.
//
// Programs are compiled from the modules in testdata/lab, which pin every byte of
// source by their go.sum; images and archives are made from the programs and from
// Debian's packages. All of it is cached. Everything but this comment is behind
// the build tag "lab".
//
// What differs from upstream: images hold a static program and, where it needs
// them, busybox and Debian's packet filter tools, in place of upstream's base
// images; crictl is the release of its module, whatever release is asked for; the
// flannel CNI plugin is the one that the CNI project had until its release 0.9; and
// flannel has no back end for Tencent's cloud.
//
// The package must not know how a cluster is installed, and nothing outside tests
// may import it.
package world
