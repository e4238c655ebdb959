package deb

import (
	"errors"
	"io"
)

// Installed are the packages that a host has.
type Installed struct {
	packages []*Package
}

// ReadInstalled reads what a host has: its /var/lib/dpkg/status, or lines of a name, a
// version and an architecture.
func ReadInstalled(r io.Reader) (*Installed, error) {
	return nil, errors.ErrUnsupported
}

// Minimal is the baseline of a minimal system.
func Minimal(indexes []*Index) (*Installed, error) {
	return nil, errors.ErrUnsupported
}
