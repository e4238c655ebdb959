package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/spec"
	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// images lists what kubeadm of the release pulls (kubeadm config images list), what
// the manifests name and what the spec adds, for the platforms of the nodes.
func images(s *spec.Spec, hosts []Host) []Image {
	in := s.Cluster
	names := kubeadmImages(s.Release, in.Kubernetes.Version)
	names = append(names, s.Flannel.Image, s.Flannel.CniPlugin)
	if in.LoadBalancer.Mode == "kube-vip" {
		names = append(names, kubeVIPImage+in.LoadBalancer.KubeVIP)
	}
	if in.Addons.Dashboard != nil {
		names = append(names, dashboardImages(in.Addons.Dashboard)...)
	}
	for _, app := range in.Applications {
		name, _ := canonical(app.Image)
		names = append(names, name)
	}
	for _, f := range s.Manifests {
		for _, image := range f.Images {
			names = append(names, image.Name)
		}
	}
	tags := map[string]string{}
	for _, name := range in.Images {
		byDigest, tag := canonical(name)
		names = append(names, byDigest)
		tags[byDigest] = cmp.Or(tags[byDigest], tag)
	}
	names = append(names, sortedKeys(in.DerivedImages)...)
	names = append(names, sortedKeys(in.ImageArchives)...)
	slices.Sort(names)
	names = slices.Compact(names)
	var platforms []string
	for _, arch := range architectures(hosts) {
		platforms = append(platforms, "linux/"+arch)
	}
	list := make([]Image, len(names))
	for i, name := range names {
		list[i] = Image{Name: name, Tag: tags[name], Platforms: platforms, Attestations: in.Attestations == "keep"}
		if _, derived := in.DerivedImages[name]; derived {
			list[i].Recipe = recipe(s, name)
		}
		if a, archived := in.ImageArchives[name]; archived {
			list[i].Archive = &Archive{Dir: s.Dir, Path: a.Path, Image: a.Image}
		}
		// Of what satchel makes nobody publishes anything.
		list[i].Attestations = list[i].Attestations && list[i].Recipe == nil
	}
	return list
}

func kubeadmImages(release v1.Release, version string) []string {
	var names []string
	for _, component := range []string{"kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"} {
		names = append(names, upstreamKubernetes+"/"+component+":v"+version)
	}
	return append(names,
		upstreamKubernetes+"/coredns/coredns:"+release.Coredns,
		upstreamKubernetes+"/etcd:"+release.Etcd,
		upstreamKubernetes+"/pause:"+release.Pause)
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

// canonical is the name of an image as container runtimes take it: they forget a tag
// that has a digest beside it.
func canonical(image string) (name, tag string) {
	at := strings.IndexByte(image, '@')
	if at < 0 {
		return image, ""
	}
	colon := strings.LastIndexByte(image[:at], ':')
	if colon < strings.LastIndexByte(image[:at], '/') {
		return image, ""
	}
	return image[:colon] + image[at:], image[colon+1 : at]
}
