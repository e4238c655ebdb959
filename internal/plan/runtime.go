package plan

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/spec"
	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// Runtime is the container runtime of the nodes.
type Runtime struct {
	// Name is docker or containerd; Runc is empty with docker, which brings its own.
	Name, Version, Runc string
	// Package is the operating system's package that it comes as, or empty.
	Package string
	// CRIDockerd is its release where Docker needs it.
	CRIDockerd string
	// CRISocket is what kubeadm writes for the node. For Docker below 1.24 it is
	// the bare path by which kubeadm recognises the dockershim.
	CRISocket string
	// Endpoint is the same socket as a URL, for crictl.
	Endpoint string
	// Config is the name of the template of the runtime's configuration.
	Config string
	// RestrictOOMScoreAdj goes into containerd's configuration.
	RestrictOOMScoreAdj bool
	// SandboxImage is the pause image of cri-dockerd's unit.
	SandboxImage string
	// DaemonJSON is Docker's daemon.json, also on a host whose Docker runs Harbor.
	DaemonJSON string
	// Docker is the release of the Docker that runs containers on nodes, or Harbor.
	Docker string
}

const (
	dockerBefore24 = "20.10.17"
	dockerToday    = "28.5.2"
)

func newRuntime(s *spec.Spec, registry Registry) Runtime {
	in, minor := s.Cluster.Runtime, minor(s.Cluster.Kubernetes.Version)
	r := Runtime{Name: in.Name, DaemonJSON: daemonJSON(in, registry), Docker: dockerToday}
	if minor <= 23 {
		r.Docker = dockerBefore24
	}
	if in.From == "packages" {
		r.Package = orDefault(in.Package, map[string]string{"docker": "docker.io", "containerd": "containerd"}[in.Name])
	}
	if in.Name == "docker" {
		r.Version = orDefault(in.Version, r.Docker)
		r.Docker = r.Version
		r.Config = "daemon.json.tmpl"
		r.CRISocket, r.Endpoint = "/var/run/dockershim.sock", "unix:///var/run/dockershim.sock"
		if minor >= 24 {
			r.CRIDockerd = in.CRIDockerd
			r.CRISocket = "unix:///var/run/cri-dockerd.sock"
			r.Endpoint = r.CRISocket
		}
		return r
	}
	r.Version, r.Runc = orDefault(in.Version, s.Containerd.Containerd), orDefault(in.Runc, s.Containerd.Runc)
	if r.Package != "" {
		r.Runc = "" // the package depends on its own
	}
	r.CRISocket = "unix:///var/run/containerd/containerd.sock"
	r.Endpoint = r.CRISocket
	r.Config = "config.v3.toml.tmpl"
	r.RestrictOOMScoreAdj = in.RestrictOOMScoreAdj
	// containerd 1 does not know version 3 of its configuration, and silently
	// ignores the keys of one version in the other.
	if strings.HasPrefix(r.Version, "1.") {
		r.Config = "config.v2.toml.tmpl"
	}
	return r
}

// daemonJSON is the whole daemon.json (https://docs.docker.com/reference/cli/dockerd/).
// kubeadm's kubelets use systemd cgroups, which Docker must match.
func daemonJSON(in v1.Runtime, registry Registry) string {
	config := struct {
		ExecOpts           []string          `json:"exec-opts"`
		InsecureRegistries []string          `json:"insecure-registries,omitempty"`
		RegistryMirrors    []string          `json:"registry-mirrors,omitempty"`
		StorageDriver      string            `json:"storage-driver"`
		LogDriver          string            `json:"log-driver"`
		LogOpts            map[string]string `json:"log-opts"`
	}{
		ExecOpts:           []string{"native.cgroupdriver=systemd"},
		InsecureRegistries: insecureRegistries(in, registry),
		RegistryMirrors:    in.RegistryMirrors,
		StorageDriver:      "overlay2",
		LogDriver:          "json-file",
		LogOpts:            map[string]string{"max-size": "100m", "max-file": "3"},
	}
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		panic(err) // strings and maps of strings always encode
	}
	return string(text)
}

func insecureRegistries(in v1.Runtime, registry Registry) []string {
	list := slices.Clone(in.InsecureRegistries)
	if registry.Host != "" && registry.Scheme == "http" {
		list = append(list, registry.Host)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
