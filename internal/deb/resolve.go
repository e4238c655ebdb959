package deb

import "errors"

// Request is what a host should get.
type Request struct {
	// Names are such as "keepalived", or "kubelet=1.34.4-1.1" for one version.
	Names []string
	// Prefer are names of packages that go first wherever there is a choice.
	Prefer []string
}

// Resolve chooses what has to be added to the installed packages, sorted by name.
func Resolve(indexes []*Index, installed *Installed, req Request) ([]*Package, error) {
	return nil, errors.ErrUnsupported
}
