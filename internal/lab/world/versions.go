//go:build lab && linux

package world

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/satchel-kit/satchel/internal/spec"
)

// Versions are the releases of the inputs, for a spec that fits them.
type Versions struct {
	// Kubernetes, Flannel, Containerd, Runc and CNI are as in a spec: "1.34.4".
	Kubernetes, Flannel, Containerd, Runc, CNI string
	// Etcd, CoreDNS and Pause are image tags as in the catalogue: "3.6.5-0", "v1.12.1".
	Etcd, CoreDNS, Pause string
	// Crictl is the release that the catalogue asks for.
	Crictl string
	// Docker and CRIDockerd are as in a spec; empty before AddDocker.
	Docker, CRIDockerd string
	// FlannelImage and FlannelPlugin are whole image names.
	FlannelImage, FlannelPlugin string
}

// aSpec is the least that makes the catalogue answer for a release.
const aSpec = `package cluster

name: "lab"
kubernetes: version: %q
network: hosts:      "10.0.0.0/24"
runtime: name:       "containerd"
registry: mode:      "preload"
hosts: cp1: {address: "10.0.0.11", roles: ["control-plane"]}
`

// choose asks the catalogue what goes with a release.
func choose(kubernetes string) (*spec.Spec, error) {
	dir, err := os.MkdirTemp("", "satchel-world-")
	if err != nil {
		return nil, fmt.Errorf("asking the catalogue: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "cluster.cue")
	if err := os.WriteFile(file, fmt.Appendf(nil, aSpec, kubernetes), 0o644); err != nil {
		return nil, fmt.Errorf("asking the catalogue: %w", err)
	}
	s, err := spec.Load(file)
	if err != nil {
		return nil, fmt.Errorf("asking the catalogue: %w", err)
	}
	return s, nil
}

// versions are those of the catalogue and of the modules.
func versions(s *spec.Spec, mods []module) Versions {
	v := Versions{
		Kubernetes:    s.Cluster.Kubernetes.Version,
		Flannel:       s.Cluster.Network.Flannel.Version,
		Etcd:          s.Release.Etcd,
		CoreDNS:       s.Release.Coredns,
		Pause:         s.Release.Pause,
		Crictl:        s.Release.Crictl,
		FlannelImage:  s.Flannel.Image,
		FlannelPlugin: s.Flannel.CniPlugin,
	}
	of := map[string]*string{"containerd": &v.Containerd, "runc": &v.Runc, "cniplugins": &v.CNI}
	for _, m := range mods {
		if field, ok := of[m.dir]; ok {
			*field = strings.TrimPrefix(m.version, "v")
		}
	}
	return v
}
