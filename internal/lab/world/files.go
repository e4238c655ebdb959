//go:build lab && linux

package world

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// files lists the files of a release by their upstream URL, and makes those that
// are archives.
func (m *maker) files(ctx context.Context, v Versions, bin programs) (map[string]string, error) {
	const github = "https://github.com/"
	arch := runtime.GOARCH
	list := map[string]string{
		github + "opencontainers/runc/releases/download/v" + v.Runc + "/runc." + arch: bin.of("runc")["runc"],
	}
	kubernetes := bin.of("kubernetes")
	for _, name := range []string{"kubeadm", "kubectl", "kubelet"} {
		list["https://dl.k8s.io/release/v"+v.Kubernetes+"/bin/linux/"+arch+"/"+name] = kubernetes[name]
	}
	archives := map[string]*tree{
		github + "kubernetes-sigs/cri-tools/releases/download/v" + v.Crictl + "/crictl-v" + v.Crictl + "-linux-" + arch + ".tar.gz":               below("", bin.of("crictl")),
		github + "containernetworking/plugins/releases/download/v" + v.CNI + "/cni-plugins-linux-" + arch + "-v" + v.CNI + ".tgz":                 below("", bin.of("cniplugins")),
		github + "containerd/containerd/releases/download/v" + v.Containerd + "/containerd-static-" + v.Containerd + "-linux-" + arch + ".tar.gz": below("bin/", bin.of("containerd")),
	}
	for _, url := range slices.Sorted(maps.Keys(archives)) {
		path, err := m.archive(ctx, filepath.Base(url), archives[url])
		if err != nil {
			return nil, err
		}
		list[url] = path
	}
	return list, nil
}

// below puts programs into a directory of a tree.
func below(dir string, list map[string]string) *tree {
	t := newTree()
	for name, path := range list {
		t.program(dir+name, path)
	}
	return t
}

// archive makes a tar.gz of the tree.
func (m *maker) archive(ctx context.Context, name string, t *tree) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version()) // compressors change between releases of Go
	t.describe(h)
	dir := fmt.Sprintf("%x", h.Sum(nil)[:6])
	return m.make(ctx, filepath.Join("files", dir, name), func(temp string) error {
		f, err := os.Create(temp)
		if err != nil {
			return err
		}
		zip, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
		if err != nil {
			return errors.Join(err, f.Close())
		}
		return errors.Join(t.write(ctx, zip), zip.Close(), f.Sync(), f.Close())
	})
}
