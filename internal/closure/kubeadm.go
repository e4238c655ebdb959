package closure

import (
	"regexp"
	"strconv"
	"strings"
)

const kubeadmGroup = "kubeadm.k8s.io/"

// The two registries that kubeadm has had as its own. Only below its own does it look
// for CoreDNS one level deeper (k8s.io/kubernetes, cmd/kubeadm/app/images/images.go).
const (
	kubernetesRegistry    = "registry.k8s.io"
	oldKubernetesRegistry = "k8s.gcr.io"
)

// kubeadm checks the images that kubeadm pulls by a ClusterConfiguration.
func (c *check) kubeadm(path string, text []byte) {
	if !strings.Contains(string(text), "ClusterConfiguration") {
		return // what joins takes all from the cluster
	}
	documents, err := readYAML(text)
	if err != nil {
		c.report(place{path, 1, 1}, "", "it cannot be read as YAML: "+err.Error())
		return
	}
	for _, d := range documents {
		if d.field("kind").text() == "ClusterConfiguration" {
			k := kubeadmConfig{check: c, path: path, node: d}
			k.images()
		}
	}
}

type kubeadmConfig struct {
	*check
	path string
	node node
	// repository is where the images come from unless one says otherwise.
	repository string
}

var release = regexp.MustCompile(`^v?[0-9]+\.[0-9]+\.[0-9]+$`)

func (k *kubeadmConfig) images() {
	version := k.node.field("kubernetesVersion")
	if !release.MatchString(version.text()) {
		at := version
		if at.Node == nil {
			at = k.node
		}
		k.report(at.place(k.path), "", "kubernetesVersion must be a release such as v"+k.plan.Cluster.Kubernetes.Version+"; otherwise kubeadm asks the internet for one")
		return
	}
	tag := "v" + strings.TrimPrefix(version.text(), "v")
	k.repository = k.node.field("imageRepository").text()
	if k.repository == "" {
		k.repository = defaultRegistry(tag)
	}
	nodes, controlPlanes := k.nodes(), k.controlPlanes()
	for _, component := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		k.image(version, k.repository+"/"+component+":"+tag, controlPlanes)
	}
	k.image(version, k.repository+"/kube-proxy:"+tag, nodes)
	k.image(k.node.field("imageRepository"), k.repository+"/pause:"+k.plan.Cluster.Kubernetes.Pause, nodes)
	k.etcd(controlPlanes)
	k.dns(tag, nodes)
}

func (k *kubeadmConfig) etcd(on []*host) {
	if k.node.field("etcd", "external").Node != nil {
		return
	}
	tag := k.node.field("etcd", "local", "imageTag")
	k.image(tag, k.of("etcd", "local")+"/etcd:"+or(tag.text(), k.plan.Cluster.Kubernetes.Etcd), on)
}

func (k *kubeadmConfig) dns(version string, on []*host) {
	tag := k.node.field("dns", "imageTag")
	repository := k.of("dns")
	if repository == defaultRegistry(version) {
		repository += "/coredns"
	}
	k.image(tag, repository+"/coredns:"+or(tag.text(), k.plan.Cluster.Kubernetes.CoreDNS), on)
}

// of is where a part's image comes from.
func (k *kubeadmConfig) of(part ...string) string {
	return or(k.node.field(append(part, "imageRepository")...).text(), k.repository)
}

// image checks an image that follows from a field, or from the whole where the
// field is not there.
func (k *kubeadmConfig) image(from node, name string, on []*host) {
	if from.Node == nil {
		from = k.node
	}
	k.check.image(from.place(k.path), []string{name}, on)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// renamedAt is the first patch release of a minor whose kubeadm has registry.k8s.io
// as its own.
var renamedAt = map[int]int{22: 17, 23: 15, 24: 9}

func defaultRegistry(version string) string {
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	minor, errMinor := strconv.Atoi(parts[1])
	patch, errPatch := strconv.Atoi(parts[2])
	if errMinor != nil || errPatch != nil {
		return kubernetesRegistry
	}
	first, changed := renamedAt[minor]
	if minor < 22 || changed && patch < first {
		return oldKubernetesRegistry
	}
	return kubernetesRegistry
}
