package plan

import (
	"slices"

	"github.com/satchel-kit/satchel/internal/spec"
)

// images lists what kubeadm of the release pulls (kubeadm config images list), what
// the manifests name and what the spec adds, for the platforms of the nodes.
func images(s *spec.Spec, hosts []Host) []Image {
	kubernetes := "v" + s.Cluster.Kubernetes.Version
	names := []string{
		upstreamKubernetes + "/kube-apiserver:" + kubernetes,
		upstreamKubernetes + "/kube-controller-manager:" + kubernetes,
		upstreamKubernetes + "/kube-proxy:" + kubernetes,
		upstreamKubernetes + "/kube-scheduler:" + kubernetes,
		upstreamKubernetes + "/coredns/coredns:" + s.Release.Coredns,
		upstreamKubernetes + "/etcd:" + s.Release.Etcd,
		upstreamKubernetes + "/pause:" + s.Release.Pause,
		s.Flannel.Image,
		s.Flannel.CniPlugin,
	}
	names = append(names, s.Cluster.Images...)
	slices.Sort(names)
	names = slices.Compact(names)
	var platforms []string
	for _, arch := range architectures(hosts) {
		platforms = append(platforms, "linux/"+arch)
	}
	list := make([]Image, len(names))
	for i, name := range names {
		list[i] = Image{Name: name, Platforms: platforms}
	}
	return list
}

// architectures are those of the nodes, sorted.
func architectures(hosts []Host) []string {
	seen := map[string]bool{}
	for _, h := range hosts {
		if h.Node {
			seen[h.Arch] = true
		}
	}
	return sortedKeys(seen)
}
