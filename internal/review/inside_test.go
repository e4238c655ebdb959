package review_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/review"
)

// large is what a bundle says about itself that has many hosts, two architectures and a
// layer that all images share.
func large(hosts int) *bundle.Summary {
	m := &bundle.Manifest{Name: "large", Version: "1.0.0", Spec: "sha256:" + strings.Repeat("a", 64), Lock: "sha256:" + strings.Repeat("b", 64), Satchel: "v1"}
	s := &bundle.Summary{Manifest: m, Blobs: 900e6, Shared: 700e6}
	add := func(path string, size int64) {
		m.Files = append(m.Files, bundle.File{Path: path, Size: size, SHA256: strings.Repeat("c", 64)})
		s.Total += size
	}
	for i := range hosts {
		role := "worker"
		if i < 3 {
			role = "control-plane"
		}
		name := fmt.Sprintf("h%04d", i)
		m.Hosts = append(m.Hosts, bundle.Host{Name: name, Address: "10.0.0.1", Roles: []string{role}})
		add("hosts/"+name+"/host.env", 2000)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		add("bin/satchel-"+arch, 40e6)
		for _, name := range []string{"kubeadm", "kubelet", "kubectl", "runc", "crictl", "cni", "containerd", "extra"} {
			add("files/"+arch+"/"+name, int64(len(name))*10e6)
		}
	}
	add("images/blobs/sha256/x", 100e6)
	names := []string{}
	for i := range 8 {
		name := fmt.Sprintf("example.com/image%d:v1", i)
		names = append(names, name)
		add("images/blobs/sha256/"+fmt.Sprint(i), 100e6)
		s.Images = append(s.Images, bundle.ImageSize{Name: name, Platform: "linux/amd64", Digest: m.Spec, Layers: 2, Size: 200e6, Own: 100e6})
	}
	s.SharedBlobs = []bundle.SharedBlob{{Digest: m.Lock, Size: 100e6, Images: names, Saves: 700e6}}
	return s
}

func inside(t testing.TB, s *bundle.Summary, all, color bool) string {
	t.Helper()
	var b bytes.Buffer
	if err := review.Inside(&b, s, all, color); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestInside(t *testing.T) {
	text := inside(t, large(1000), false, false)
	for _, want := range []string{
		"\nHOSTS (1000)\n  3    control-plane  h0000, h0001, h0002\n  997  worker         h0003, h0004, h0005 and 994 more\n",
		"   2.0 GB  100%  ████████████  large  1027 files\n",
		"  ├─ files  16 files\n",
		"  │  ├─ amd64  8 files\n",
		"  │  │  ├─ containerd\n",
		"  │  │  └─ 3 more\n",
		" 900.0 MB   46%  █████▌        ├─ images  8 images\n",
		" 100.0 MB    5%  ▌             │  ├─ what images share, and their indexes\n",
		"  │  ├─ example.com/image0:v1  linux/amd64  (200.0 MB with what it shares)\n",
		"  │  └─ 4 more\n",
		"  1 blob of several images is in the bundle once; that saves 700.0 MB.\n",
		" 100.0 MB  saves 700.0 MB, sha256:bbbbbbbbbbbb\n           example.com/image0:v1, example.com/image1:v1, example.com/image2:v1\n           and 5 more\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if n := strings.Count(text, "\n"); n > 60 {
		t.Errorf("%d lines", n)
	}
	all := inside(t, large(1000), true, false)
	if strings.Contains(all, " more\n") || strings.Count(all, "host.env") != 1000 || !strings.Contains(all, "  files/arm64/runc ") {
		t.Error("something is left out of all")
	}
}

// The parts that are shown add up to the whole.
func TestSizesAddUp(t *testing.T) {
	line := regexp.MustCompile(`(?m)^ *([0-9.]+) MB +[<0-9]+%  .{12}  [├└]─ `)
	var sum float64
	for _, m := range line.FindAllStringSubmatch(inside(t, large(3), false, false), -1) {
		var size float64
		fmt.Sscan(m[1], &size)
		sum += size
	}
	if sum != 900+80+2*490 {
		t.Errorf("the parts are %v MB", sum)
	}
}

// Names in a bundle come from others; none of them does anything on a terminal.
func TestInsideOfAHostileBundle(t *testing.T) {
	s := large(2)
	evil := "a\x1b[2J\nb\u202e"
	s.Manifest.Name, s.Manifest.Version, s.Manifest.Satchel = evil, evil, evil
	s.Manifest.Hosts[0] = bundle.Host{Name: evil, Address: evil, Roles: []string{evil}}
	s.Manifest.Files[0].Path, s.Manifest.Files[1].Path = evil+"/"+evil, "bin/"+evil
	s.Images[0].Name, s.Images[0].Platform, s.SharedBlobs[0].Images[0] = evil, evil, evil
	for _, all := range []bool{false, true} {
		text := inside(t, s, all, false)
		if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) }) || strings.Contains(text, "\nb") {
			t.Errorf("it reaches the terminal:\n%q", text)
		}
	}
	if text := inside(t, large(2), false, true); !strings.Contains(text, "\x1b[36m█") || strings.Count(text, "\x1b[0m") == 0 {
		t.Error("no colours")
	}
	empty := &bundle.Summary{Manifest: &bundle.Manifest{Name: "empty"}}
	if text := inside(t, empty, true, false); !strings.Contains(text, "empty") {
		t.Errorf("an empty bundle: %q", text)
	}
}

func BenchmarkInside(b *testing.B) {
	s := large(5000)
	b.ReportAllocs()
	for b.Loop() {
		if err := review.Inside(&bytes.Buffer{}, s, false, false); err != nil {
			b.Fatal(err)
		}
	}
}
