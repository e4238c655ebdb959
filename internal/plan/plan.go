// Package plan derives everything that a cluster needs from its spec: every
// host's roles, steps and files; every image and every binary. It is pure: no
// network, clock, randomness or file system, and all results are sorted, so
// that the stages after it never sort again. It must not import a later stage.
package plan
