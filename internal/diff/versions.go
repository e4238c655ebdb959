package diff

import (
	"path"
	"regexp"
	"strings"

	"github.com/satchel-kit/satchel/internal/manifest"
	"github.com/satchel-kit/satchel/internal/side"
)

// parts are the parts whose releases people ask for, each with where its release shows:
// in the tag of an image, or in the address of a file.
var parts = []struct {
	name string
	// image is the end of an image's repository.
	image string
	// file is a file's name, address how its release stands in the address.
	file    string
	address *regexp.Regexp
}{
	{name: "Kubernetes", image: "registry.k8s.io/kube-apiserver"},
	{name: "etcd", image: "registry.k8s.io/etcd"},
	{name: "CoreDNS", image: "registry.k8s.io/coredns/coredns"},
	{name: "pause", image: "registry.k8s.io/pause"},
	{name: "flannel", image: "flannel"},
	{name: "kube-vip", image: "/kube-vip/kube-vip"},
	{name: "dashboard", image: "kubernetesui/dashboard"},
	{name: "containerd", file: "containerd.tar.gz", address: inPath},
	{name: "runc", file: "runc", address: inPath},
	{name: "Docker", file: "docker.tgz", address: regexp.MustCompile(`docker-([0-9][0-9A-Za-z.+-]*)\.tgz$`)},
	{name: "cri-dockerd", file: "cri-dockerd.tgz", address: inPath},
	{name: "crictl", file: "crictl.tar.gz", address: inPath},
	{name: "CNI plugins", file: "cni-plugins.tgz", address: inPath},
	{name: "Harbor", file: "harbor-offline-installer.tgz", address: inPath},
	{name: "docker-compose", file: "docker-compose", address: inPath},
}

// inPath is a release as a directory of the address, /v1.2.3/.
var inPath = regexp.MustCompile(`/v?([0-9]+\.[0-9]+[0-9A-Za-z.+-]*)/`)

// versions are the releases that moved, as far as both sides tell them.
func versions(a, b *side.Side) []Version {
	list := []Version{}
	imagesA, imagesB := tags(a), tags(b)
	filesA, filesB := releases(a), releases(b)
	for _, p := range parts {
		v := Version{Name: p.name, Values: Values{imagesA[p.name], imagesB[p.name]}}
		known := (a.Has.Images || a.Has.Texts) && (b.Has.Images || b.Has.Texts)
		if p.file != "" {
			v.Values = Values{filesA[p.name], filesB[p.name]}
			known = addressed(a, p.file) && addressed(b, p.file)
		}
		if known && v.Old != v.New {
			list = append(list, v)
		}
	}
	return list
}

// addressed tells whether a side says where a file comes from, if it has it at all.
func addressed(s *side.Side, name string) bool {
	for _, f := range s.Files {
		if path.Base(f.Path) == name && f.URL == "" {
			return false
		}
	}
	return s.Has.Files
}

// releases are those of the parts that come as files.
func releases(s *side.Side) map[string]string {
	found := map[string]string{}
	for _, f := range s.Files {
		for _, p := range parts {
			if p.file == "" || path.Base(f.Path) != p.file {
				continue
			}
			if m := p.address.FindStringSubmatch(f.URL); m != nil {
				found[p.name] = m[1]
			}
		}
	}
	return found
}

// tags are the releases of the parts that come as images.
func tags(s *side.Side) map[string]string {
	found := map[string]string{}
	for _, name := range imageNames(s) {
		repository, tag := reference(name)
		for _, p := range parts {
			if p.image == "" || !strings.HasSuffix(repository, p.image) || found[p.name] != "" {
				continue
			}
			found[p.name] = strings.TrimPrefix(tag, "v")
		}
	}
	return found
}

// imageNames are the images of a side; of a tree those that its texts name.
func imageNames(s *side.Side) []string {
	var names []string
	if s.Has.Images {
		for _, i := range s.Images {
			names = append(names, i.Name)
		}
		return names
	}
	c := newCluster(s)
	for _, path := range sortedKeys(c.shared) {
		if strings.HasPrefix(path, "manifests/") {
			names = append(names, imagesOf(path, c.shared[path].Data)...)
		}
	}
	if c.first == nil {
		return names
	}
	f := c.first.texts
	names = append(names, imagesOf("kube-vip.yaml", f["kube-vip.yaml"].Data)...)
	config := kubeadmFacts(c)
	names = append(names,
		"registry.k8s.io/kube-apiserver:"+config["kubernetesVersion"],
		"registry.k8s.io/etcd:"+config["etcd.imageTag"],
		"registry.k8s.io/coredns/coredns:"+config["dns.imageTag"])
	for _, file := range []string{"config.toml", "cri-docker.service"} {
		names = append(names, pause.FindAllString(f[file].Data, 1)...)
	}
	return names
}

// pause is the pause image in a configuration of a runtime.
var pause = regexp.MustCompile(`registry\.k8s\.io/pause:[0-9A-Za-z._-]+`)

func imagesOf(path, text string) []string {
	var names []string
	if text == "" {
		return nil
	}
	if f, _ := manifest.Parse(path, []byte(text)); f != nil {
		for _, i := range f.Images {
			names = append(names, i.Written)
		}
	}
	return names
}
