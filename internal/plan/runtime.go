package plan

import (
	"encoding/json"
	"slices"
	"strings"

	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// Runtime is the container runtime of the nodes.
type Runtime struct {
	Name, Version string
	// CRISocket is what kubeadm writes for the node. For Docker below 1.24 it is
	// the bare path by which kubeadm recognises the dockershim.
	CRISocket string
	// Endpoint is the same socket as a URL, for crictl.
	Endpoint string
	// Config is the name of the template of the runtime's configuration.
	Config string
	// RestrictOOMScoreAdj goes into containerd's configuration.
	RestrictOOMScoreAdj bool
	// DaemonJSON is Docker's daemon.json; empty for containerd.
	DaemonJSON string
}

func newRuntime(in v1.Runtime, registry string) Runtime {
	if in.Name == "docker" {
		return Runtime{
			Name: "docker", Version: orDefault(in.Version, "20.10.17"),
			CRISocket:  "/var/run/dockershim.sock",
			Endpoint:   "unix:///var/run/dockershim.sock",
			Config:     "daemon.json.tmpl",
			DaemonJSON: daemonJSON(in, registry),
		}
	}
	r := Runtime{
		Name: "containerd", Version: orDefault(in.Version, "1.7.34"),
		CRISocket: "unix:///var/run/containerd/containerd.sock",
		Endpoint:  "unix:///var/run/containerd/containerd.sock",
		Config:    "config.v3.toml.tmpl",

		RestrictOOMScoreAdj: in.RestrictOOMScoreAdj,
	}
	// containerd 1 does not know version 3 of its configuration, and silently
	// ignores the keys of one version in the other.
	if strings.HasPrefix(r.Version, "1.") {
		r.Config = "config.v2.toml.tmpl"
	}
	return r
}

// daemonJSON is the whole daemon.json (https://docs.docker.com/reference/cli/dockerd/).
// kubeadm's kubelets use systemd cgroups, which Docker must match.
func daemonJSON(in v1.Runtime, registry string) string {
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

func insecureRegistries(in v1.Runtime, registry string) []string {
	list := slices.Clone(in.InsecureRegistries)
	if registry != "" {
		list = append(list, registry)
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
