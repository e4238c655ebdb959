//go:build lab && linux

package world

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// extract unpacks an image of the inputs into a directory.
func extract(t *testing.T, in *Inputs, name string) string {
	t.Helper()
	files := mutate.Extract(onlyImage(t, in, name))
	defer files.Close()
	dir := t.TempDir()
	untar := exec.Command("tar", "-x", "-C", dir)
	untar.Stdin = files
	if out, err := untar.CombinedOutput(); err != nil {
		t.Fatalf("unpacking %s: %v\n%s", name, err, out)
	}
	return dir
}

// onlyImage is the one image in an image's index.
func onlyImage(t *testing.T, in *Inputs, name string) v1.Image {
	t.Helper()
	top, err := layout.ImageIndexFromPath(in.layout)
	if err != nil {
		t.Fatal(err)
	}
	list, err := top.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list.Manifests {
		if d.Annotations[imageName] != name {
			continue
		}
		index, err := top.ImageIndex(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := index.IndexManifest()
		if err != nil || len(manifest.Manifests) != 1 {
			t.Fatalf("index of %s: %v, %v", name, manifest, err)
		}
		img, err := index.Image(manifest.Manifests[0].Digest)
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	t.Fatalf("no image %s", name)
	return nil
}

// inside runs a program in an image's files, with a network of its own.
func inside(dir string, command ...string) (string, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Path = command[0]
	cmd.Err = nil
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestEachImageRunsItsProgram(t *testing.T) {
	for _, release := range releases(t) {
		t.Run(release, func(t *testing.T) { runImages(t, built(t, release)) })
	}
}

func runImages(t *testing.T, in *Inputs) {
	v := in.Versions
	etcd, _, _ := strings.Cut(v.Etcd, "-")
	for _, c := range []struct{ image, command, want string }{
		{"registry.k8s.io/kube-apiserver:v" + v.Kubernetes, "/usr/local/bin/kube-apiserver --version", "Kubernetes v" + v.Kubernetes},
		{"registry.k8s.io/kube-controller-manager:v" + v.Kubernetes, "/usr/local/bin/kube-controller-manager --version", "Kubernetes v" + v.Kubernetes},
		{"registry.k8s.io/kube-scheduler:v" + v.Kubernetes, "/usr/local/bin/kube-scheduler --version", "Kubernetes v" + v.Kubernetes},
		{"registry.k8s.io/kube-proxy:v" + v.Kubernetes, "/usr/local/bin/kube-proxy --version", "Kubernetes v" + v.Kubernetes},
		{"registry.k8s.io/coredns/coredns:" + v.CoreDNS, "/coredns -version", "CoreDNS-" + strings.TrimPrefix(v.CoreDNS, "v")},
		{"registry.k8s.io/etcd:" + v.Etcd, "/usr/local/bin/etcd --version", "etcd Version: " + etcd},
		{"registry.k8s.io/etcd:" + v.Etcd, "/usr/local/bin/etcdctl version", "etcdctl version: " + etcd},
		{v.FlannelImage, "/opt/bin/flanneld --version", v.Flannel},
		{v.FlannelPlugin, "/bin/cp -f /flannel /tmp/flannel", ""},
		{TestImage, "/bin/sh -c id", "uid=0(root)"},
	} {
		out, err := inside(extract(t, in, c.image), strings.Fields(c.command)...)
		if err != nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %s: %v\n%s", c.image, c.command, err, out)
		}
	}
}

// Rules with matches and targets load extensions, which a version does not.
func TestThePacketFilterToolsOfAnImageFilter(t *testing.T) {
	in := built(t, testRelease)
	for _, image := range []string{"registry.k8s.io/kube-proxy:v" + in.Versions.Kubernetes, in.Versions.FlannelImage} {
		dir := extract(t, in, image)
		for _, command := range []string{
			"iptables -t nat -A POSTROUTING -m comment --comment x -m conntrack --ctstate NEW -j MASQUERADE --random-fully",
			"iptables-legacy --version",
			"ip6tables-save",
			"nft add table ip x",
			"conntrack -L",
			"ipset list",
			"modprobe --version", // busybox's does not know this
		} {
			if out, err := inside(dir, strings.Fields("/usr/sbin/"+command)...); err != nil {
				t.Errorf("%s: %s: %v\n%s", image, command, err, out)
			}
		}
	}
}

func TestPauseWaitsUntilItIsTold(t *testing.T) {
	in := built(t, testRelease)
	dir := extract(t, in, "registry.k8s.io/pause:"+in.Versions.Pause)
	cmd := exec.Command(filepath.Join(dir, "pause"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() }) // it has ended, if all is well
	waitUntilHandled(t, cmd.Process.Pid)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("pause, told to leave: %v", err)
	}
}

// waitUntilHandled waits until a process handles SIGCHLD, for which pause asks
// last: the seventeenth signal, in a mask of sixteen hexadecimal digits.
func waitUntilHandled(t *testing.T, pid int) {
	t.Helper()
	status := filepath.Join("/proc", strconv.Itoa(pid), "status")
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(status)
		if err != nil {
			t.Fatal(err)
		}
		_, caught, _ := strings.Cut(string(text), "SigCgt:\t")
		if len(caught) > 16 && caught[11] != '0' {
			return
		}
	}
	t.Fatal("pause does not handle SIGCHLD")
}
