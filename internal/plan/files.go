package plan

import (
	"path"
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
	if s.Cluster.Kubernetes.From == "packages" {
		return runtimeFiles(r)
	}
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
	return append(list, runtimeFiles(r)...)
}

func kubernetesBinary(name, version string) upstreamFile {
	return upstreamFile{
		name: name, version: version,
		url: "https://dl.k8s.io/release/v%V/bin/linux/%A/" + name, checksum: ".sha256",
	}
}

func runtimeFiles(r Runtime) []upstreamFile {
	if r.Name == "docker" {
		var list []upstreamFile
		if r.Package == "" {
			list = append(list, dockerArchive(r))
		}
		if r.CRIDockerd != "" {
			list = append(list, upstreamFile{
				name: "cri-dockerd.tgz", version: r.CRIDockerd,
				url: github + "Mirantis/cri-dockerd/releases/download/v%V/cri-dockerd-%V.%A.tgz",
			})
		}
		return list
	}
	if r.Package != "" {
		return nil
	}
	return []upstreamFile{
		{
			name: "containerd.tar.gz", version: r.Version,
			url:      github + "containerd/containerd/releases/download/v%V/containerd-static-%V-linux-%A.tar.gz",
			checksum: ".sha256sum",
		},
		{
			name: "runc", version: r.Runc,
			url:      github + "opencontainers/runc/releases/download/v%V/runc.%A",
			checksum: "/runc.sha256sum",
		},
	}
}

// dockerArchive is the static build of Docker, beside which no checksum is published.
func dockerArchive(r Runtime) upstreamFile {
	return upstreamFile{
		name: "docker.tgz", version: r.Docker,
		url: "https://download.docker.com/linux/static/stable/%M/docker-%V.tgz",
	}
}

// harborFiles are what a registry host with Harbor needs.
func harborFiles(c *Cluster) []upstreamFile {
	return []upstreamFile{
		dockerArchive(c.Runtime),
		{
			name: "docker-compose", version: c.Harbor.Compose,
			url:      github + "docker/compose/releases/download/v%V/docker-compose-linux-%M",
			checksum: ".sha256",
		},
		{
			name: "harbor-offline-installer.tgz", version: c.Harbor.Version,
			url: github + "goharbor/harbor/releases/download/v%V/harbor-offline-installer-v%V.tgz",
		},
	}
}

// files lists what the hosts need, for each architecture, sorted by path.
func files(c *Cluster, hosts []Host) []File {
	list := map[string]File{}
	add := func(arch string, files []upstreamFile) {
		for _, f := range files {
			file := f.on(arch)
			list[file.Path] = file
		}
	}
	for _, h := range hosts {
		if h.Node {
			add(h.Arch, c.files)
		}
		if h.Registry && c.Harbor != nil {
			add(h.Arch, harborFiles(c))
		}
	}
	var sorted []File
	for _, path := range sortedKeys(list) {
		sorted = append(sorted, list[path])
	}
	return sorted
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
