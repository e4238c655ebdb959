package upstream

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/satchel-kit/satchel/internal/plan"
)

func TestLongestPrefixOnASegmentBoundaryWins(t *testing.T) {
	s, err := parseSources([]plan.Source{
		{Prefix: "docker.io", Mirror: "mirror.lan/hub"},
		{Prefix: "docker.io/rancher", Mirror: "http://other.lan:5000"},
		{Prefix: "registry.k8s.io/", Mirror: "https://mirror.lan:443/k8s/"},
		{Prefix: "https://dl.k8s.io", Mirror: "http://files.lan/k8s"},
		{Prefix: "https://dl.k8s.io/release/v1.34.2/", Mirror: "files.lan/new"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for upstream, want := range map[string]string{
		"docker.io/library/busybox":       "mirror.lan/hub/library/busybox",
		"docker.io/busybox":               "mirror.lan/hub/library/busybox",
		"docker.io/rancher/flannel":       "other.lan:5000/flannel",
		"docker.io/rancherx/flannel":      "mirror.lan/hub/rancherx/flannel",
		"registry.k8s.io/coredns/coredns": "mirror.lan:443/k8s/coredns/coredns",
		"quay.io/x":                       "quay.io/x",
	} {
		repo, err := name.NewRepository(upstream)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.repository(repo).Name(); got != want {
			t.Errorf("%s: got %s, want %s", upstream, got, want)
		}
	}
	for upstream, want := range map[string]string{
		"https://dl.k8s.io/release/v1.33.1/kubeadm":  "http://files.lan/k8s/release/v1.33.1/kubeadm",
		"https://dl.k8s.io/release/v1.34.2/kubeadm":  "https://files.lan/new/kubeadm",
		"https://dl.k8s.io/release/v1.34.20/kubeadm": "http://files.lan/k8s/release/v1.34.20/kubeadm",
		"https://dl.k8s.io.evil.example/kubeadm":     "https://dl.k8s.io.evil.example/kubeadm",
	} {
		if got := s.file(upstream); got != want {
			t.Errorf("%s: got %s, want %s", upstream, got, want)
		}
	}
}

func TestOnlyAPlainMirrorIsAskedByPlainHTTP(t *testing.T) {
	c, err := New([]plan.Source{{Prefix: "docker.io", Mirror: "http://10.0.0.5:5000/hub"}, {Prefix: "quay.io", Mirror: "10.0.0.5:5000/quay"}})
	if err != nil {
		t.Fatal(err)
	}
	for upstream, want := range map[string]string{
		"docker.io/library/busybox:1": "http://10.0.0.5:5000/v2/hub/library/busybox/blobs/x",
		"quay.io/team/app:1":          "https://10.0.0.5:5000/v2/quay/team/app/blobs/x",
		"localhost:5000/app:1":        "https://localhost:5000/v2/app/blobs/x",
	} {
		img, err := c.image(upstream)
		if err != nil {
			t.Fatal(err)
		}
		if got := img.URL("blobs/x"); got != want {
			t.Errorf("%s: got %s, want %s", upstream, got, want)
		}
	}
}

func TestSourcesThatCannotBeAreAllReported(t *testing.T) {
	_, err := New([]plan.Source{
		{Prefix: "", Mirror: "a.lan"}, {Prefix: "b.example", Mirror: ""}, {Prefix: "c.example", Mirror: "http://"},
		{Prefix: "https://d.example", Mirror: "ftp://user:secret@d.lan"}, {Prefix: "e.example", Mirror: "e.lan/UPPER"}, {Prefix: "f.example", Mirror: "f lan"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	if n := strings.Count(err.Error(), "mirror \""); n != 6 {
		t.Errorf("%d of 6 are reported:\n%v", n, err)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("a password is shown: %v", err)
	}
}

func FuzzSources(f *testing.F) {
	f.Add("docker.io", "http://mirror.lan:5000/hub", "docker.io/library/x", "https://dl.k8s.io/x")
	f.Add("https://dl.k8s.io", "files.lan", "a.example/b", "https://dl.k8s.io")
	f.Fuzz(func(t *testing.T, prefix, mirror, image, address string) {
		s, err := parseSources([]plan.Source{{Prefix: prefix, Mirror: mirror}})
		if err != nil {
			return
		}
		s.file(address)
		if repo, err := name.NewRepository(image); err == nil {
			s.repository(repo)
		}
	})
}
