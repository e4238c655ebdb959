//go:build lab && linux

package world

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestImage is an image with a shell and small tools, for the pods of a test. No
// plan has it; a test adds it to the images that it serves.
const TestImage = "docker.io/library/busybox:1.36"

const kubernetesRegistry = "registry.k8s.io/"

// image is a name and what it is made from.
type image struct {
	name   string
	layers []*tree
	config v1.Config
}

// images lists what kubeadm of the release and flannel's manifest name.
func images(ctx context.Context, v Versions, bin programs, r *root) ([]image, error) {
	busybox, err := r.busybox(ctx)
	if err != nil {
		return nil, err
	}
	filter, err := r.packetFilter()
	if err != nil {
		return nil, err
	}
	base := accounts()
	kubernetes, etcd := bin.of("kubernetes"), bin.of("etcd")
	list := []image{
		daemon(kubernetesRegistry+"kube-proxy:v"+v.Kubernetes, "/usr/local/bin/kube-proxy", kubernetes["kube-proxy"], base, busybox, filter),
		daemon(kubernetesRegistry+"coredns/coredns:"+v.CoreDNS, "/coredns", bin.of("coredns")["coredns"], base),
		daemon(kubernetesRegistry+"pause:"+v.Pause, "/pause", bin.of("pause")["pause"]),
		daemon(kubernetesRegistry+"etcd:"+v.Etcd, "/usr/local/bin/etcd", etcd["etcd"], etcdLayers(etcd, base, busybox)...),
		daemon(v.FlannelImage, "/opt/bin/flanneld", bin.of("flannel")["flanneld"], base, busybox, filter),
		{name: v.FlannelPlugin, layers: []*tree{base, busybox, newTree().program("flannel", bin.of("flannelplugin")["flannel"])}},
		{name: TestImage, layers: []*tree{base, busybox}, config: v1.Config{Cmd: []string{"/bin/sh"}}},
	}
	for _, name := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		list = append(list, daemon(kubernetesRegistry+name+":v"+v.Kubernetes, "/usr/local/bin/"+name, kubernetes[name], base))
	}
	return list, nil
}

// etcdLayers has what the image of etcd has beside etcd. That of 3.5.12 has no etcdutl;
// what it does, etcdctl does there.
func etcdLayers(etcd map[string]string, layers ...*tree) []*tree {
	for _, name := range []string{"etcdctl", "etcdutl"} {
		if path, ok := etcd[name]; ok {
			layers = append(layers, newTree().program("usr/local/bin/"+name, path))
		}
	}
	return layers
}

// daemon is an image that runs a program, which is the last layer.
func daemon(name, entrypoint, program string, layers ...*tree) image {
	return image{
		name:   name,
		layers: append(layers, newTree().program(entrypoint[1:], program)),
		config: v1.Config{Entrypoint: []string{entrypoint}},
	}
}

// accounts is what a program needs to know its own user and to resolve names.
func accounts() *tree {
	return newTree().add("tmp", entry{}).
		text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n").
		text("etc/group", "root:x:0:\nnogroup:x:65534:\n").
		text("etc/nsswitch.conf", "hosts: files dns\n")
}
