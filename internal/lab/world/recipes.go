//go:build lab && linux

package world

import (
	"strings"

	"github.com/satchel-kit/satchel/internal/spec"
)

// recipe says how the programs of a module are linked. In link, %v is the
// module's version and %V the same without its v.
type recipe struct {
	dir    string // below testdata/lab
	source string // the module whose version is the programs'
	static bool   // with C, linked statically; otherwise without C
	tags   string
	link   string
	rename map[string]string // package: program, where the last element is not the name
}

const (
	etcdServer     = "go.etcd.io/etcd/server/v3"
	etcdClient     = "go.etcd.io/etcd/etcdctl/v3"
	etcdOffline    = "go.etcd.io/etcd/etcdutl/v3"
	corednsModule  = "github.com/coredns/coredns"
	pluginsModule  = "github.com/containernetworking/plugins"
	flannelModule  = "github.com/flannel-io/flannel"
	containerdPath = "github.com/containerd/containerd/v2"
)

// recipes lists what a release needs.
func recipes(s *spec.Spec) []recipe {
	etcd, _, _ := strings.Cut(s.Release.Etcd, "-") // the tag counts builds of the image
	return []recipe{
		kubernetesRecipe(s.Cluster.Kubernetes.Version),
		{
			dir: "etcd-" + etcd, source: etcdServer,
			rename: map[string]string{etcdServer: "etcd", etcdClient: "etcdctl", etcdOffline: "etcdutl"},
		},
		{
			dir: "coredns-" + strings.TrimPrefix(s.Release.Coredns, "v"), source: corednsModule,
			link: "-X " + corednsModule + "/coremain.GitCommit=lab",
		},
		{
			dir: "flannel", source: flannelModule, static: true, tags: "netgo,osusergo",
			link:   "-X " + flannelModule + "/pkg/version.Version=%v",
			rename: map[string]string{flannelModule: "flanneld"},
		},
		{dir: "flannelplugin", source: pluginsModule},
		{dir: "cniplugins", source: pluginsModule, link: "-X " + pluginsModule + "/pkg/utils/buildversion.BuildVersion=%v"},
		{
			dir: "containerd", source: containerdPath, tags: "no_btrfs,no_devmapper,no_zfs,no_aufs",
			link: "-X " + containerdPath + "/version.Version=%v",
		},
		{dir: "runc", source: "github.com/opencontainers/runc", static: true, tags: "netgo,osusergo,seccomp", link: "-X main.gitCommit=lab"},
		{dir: "crictl", source: "sigs.k8s.io/cri-tools", link: "-X sigs.k8s.io/cri-tools/pkg/version.Version=%V"},
	}
}

// dockerRecipes list what Docker as the runtime needs beside them.
func dockerRecipes() []recipe {
	const engine, cli, cri = "github.com/docker/docker", "github.com/docker/cli", "github.com/Mirantis/cri-dockerd"
	return []recipe{
		{dir: "docker", source: engine, tags: "netgo,osusergo,static_build", link: "-X " + engine + "/dockerversion.Version=%V"},
		{dir: "dockercli", source: cli, link: "-X " + cli + "/cli/version.Version=%V"},
		{dir: "cridockerd", source: cri, link: "-X " + cri + "/cmd/version.Version=%V"},
	}
}

// kubernetesRecipe links the version in: kubeadm asks itself for its own, and
// refuses to work with that of an unreleased build.
func kubernetesRecipe(version string) recipe {
	_, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	var link []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, set := range []string{
			"gitVersion=v" + version, "gitMajor=1", "gitMinor=" + minor, "gitTreeState=clean",
			"gitCommit=" + strings.Repeat("0", 40), "buildDate=1970-01-01T00:00:00Z",
		} {
			link = append(link, "-X "+pkg+"."+set)
		}
	}
	return recipe{dir: "kubernetes-" + version, source: "k8s.io/kubernetes", link: strings.Join(link, " ")}
}
