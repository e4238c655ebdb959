package plan

import (
	"path"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/spec"
)

// cniPlugins is the release of the CNI plugins: flannel needs bridge, host-local,
// loopback and portmap of it and brings its own.
const cniPlugins = "1.9.1"

const github = "https://github.com/"

// upstreamFile is a file that a node needs, with %V and %A for version and
// architecture in its addresses.
type upstreamFile struct {
	name, version, url, checksum string
}

func upstreamFiles(s *spec.Spec, r Runtime) []upstreamFile {
	k := s.Cluster.Kubernetes.Version
	list := []upstreamFile{
		kubernetesBinary("kubeadm", k), kubernetesBinary("kubectl", k), kubernetesBinary("kubelet", k),
		{
			name: "crictl.tar.gz", version: s.Release.Crictl,
			url:      github + "kubernetes-sigs/cri-tools/releases/download/v%V/crictl-v%V-linux-%A.tar.gz",
			checksum: ".sha256",
		},
		{
			name: "cni-plugins.tgz", version: cniPlugins,
			url:      github + "containernetworking/plugins/releases/download/v%V/cni-plugins-linux-%A-v%V.tgz",
			checksum: ".sha256",
		},
	}
	return append(list, runtimeFiles(s, r)...)
}

func kubernetesBinary(name, version string) upstreamFile {
	return upstreamFile{
		name: name, version: version,
		url: "https://dl.k8s.io/release/v%V/bin/linux/%A/" + name, checksum: ".sha256",
	}
}

func runtimeFiles(s *spec.Spec, r Runtime) []upstreamFile {
	if r.Name == "docker" {
		// Docker publishes no checksum beside its static archives.
		return []upstreamFile{{
			name: "docker.tgz", version: r.Version,
			url: "https://download.docker.com/linux/static/stable/%M/docker-%V.tgz",
		}}
	}
	return []upstreamFile{
		{
			name: "containerd.tar.gz", version: r.Version,
			url:      github + "containerd/containerd/releases/download/v%V/containerd-static-%V-linux-%A.tar.gz",
			checksum: ".sha256sum",
		},
		{
			name: "runc", version: s.Cluster.Runtime.Runc,
			url:      github + "opencontainers/runc/releases/download/v%V/runc.%A",
			checksum: "/runc.sha256sum",
		},
	}
}

// files lists the binaries for each architecture of the nodes.
func files(c *Cluster, hosts []Host) []File {
	var list []File
	for _, arch := range architectures(hosts) {
		for _, f := range c.files {
			list = append(list, f.on(arch))
		}
	}
	slices.SortFunc(list, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return list
}

func (f upstreamFile) on(arch string) File {
	// Docker names architectures as the kernel does.
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch]
	fill := strings.NewReplacer("%V", f.version, "%A", arch, "%M", machine)
	file := File{Path: path.Join("files", arch, f.name), URL: fill.Replace(f.url)}
	switch {
	case strings.HasPrefix(f.checksum, "/"):
		dir, _ := path.Split(file.URL)
		file.ChecksumURL = strings.TrimSuffix(dir, "/") + f.checksum
	case f.checksum != "":
		file.ChecksumURL = file.URL + f.checksum
	}
	return file
}
