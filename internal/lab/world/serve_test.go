//go:build lab && linux

package world

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/spec"
)

// writeSpec writes a spec that fits the inputs.
func writeSpec(t *testing.T, v Versions) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cluster.cue")
	text := fmt.Sprintf(`package cluster

name: "real"
kubernetes: version: %q
network: {hosts: "10.77.0.0/24", flannel: version: %q}
runtime: {name: "containerd", version: %q, runc: %q}
registry: mode: "preload"
hosts: {
	cp1: {address: "10.77.0.11", roles: ["control-plane"]}
	w1: {address: "10.77.0.21", roles: ["worker"]}
}
`, v.Kubernetes, v.Flannel, v.Containerd, v.Runc)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func planOf(t *testing.T, file string) *plan.Plan {
	t.Helper()
	s, err := spec.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return plan.New(s)
}

// TestSatchelBundlesTheRealKubernetes goes the way of a user, for every release.
func TestSatchelBundlesTheRealKubernetes(t *testing.T) {
	dir := t.TempDir()
	satchel := filepath.Join(dir, "satchel")
	if out, err := exec.Command("go", "build", "-o", satchel, "github.com/satchel-kit/satchel/cmd/satchel").CombinedOutput(); err != nil {
		t.Fatalf("building satchel: %v\n%s", err, out)
	}
	for _, release := range releases(t) {
		t.Run(release, func(t *testing.T) {
			in := built(t, release)
			file := writeSpec(t, in.Versions)
			p := planOf(t, file)
			w, err := Serve(t.Context(), in, p.Images, p.Files)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			bundle := filepath.Join(dir, release+".tar")
			supply := []string{"--cache", filepath.Join(dir, "cache")}
			for _, s := range w.Sources() {
				supply = append(supply, "--source", s.Prefix+"="+s.Mirror)
			}
			do(t, satchel, append([]string{"lock", file}, supply...)...)
			do(t, satchel, append([]string{"build", file, "-o", bundle}, supply...)...)
			do(t, satchel, "verify", bundle)
			if info, err := os.Stat(bundle); err != nil || info.Size() < 200<<20 {
				t.Errorf("the bundle is too small for Kubernetes: %v, %v", info, err)
			}
		})
	}
}

func do(t *testing.T, satchel string, args ...string) {
	t.Helper()
	begin := time.Now()
	out, err := exec.CommandContext(t.Context(), satchel, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("satchel %s: %v\n%s", args[0], err, out)
	}
	t.Logf("satchel %s: %.1f s", args[0], time.Since(begin).Seconds())
}

func TestWhatTheInputsLackIsNamed(t *testing.T) {
	in := built(t, testRelease)
	p := planOf(t, writeSpec(t, in.Versions))
	file := p.Files[0]
	for _, c := range []struct {
		images []plan.Image
		files  []plan.File
		want   string
	}{
		{images: []plan.Image{{Name: "docker.io/library/nginx:1", Platforms: p.Images[0].Platforms}}, want: `image "docker.io/library/nginx:1" is not among the inputs`},
		{images: []plan.Image{{Name: TestImage, Platforms: []string{"linux/s390x"}}}, want: "there is none for linux/s390x"},
		{files: []plan.File{{Path: file.Path, URL: file.URL + "x"}}, want: fmt.Sprintf("file %q is not among the inputs", file.URL+"x")},
	} {
		w, err := Serve(t.Context(), in, c.images, c.files)
		if err == nil {
			w.Close()
			t.Errorf("%s: no error", c.want)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %q does not say %q", err, c.want)
		}
	}
}
