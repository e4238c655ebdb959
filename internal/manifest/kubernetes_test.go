package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// modules are the k8s.io/api of all releases that testdata/apis names, by
// version, from modules that are on this machine already.
func modules(t *testing.T) map[string]string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json")
	cmd.Dir = "../../testdata/apis"
	cmd.Env = append(os.Environ(), "GOPROXY=off")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			out = append(out, exit.Stderr...)
		}
		if os.Getenv("SATCHEL_TOOLS") == "required" {
			t.Fatalf("finding Kubernetes' API: %v\n%s", err, out)
		}
		t.Skip("Kubernetes' API is not on this machine; run make tools once")
	}
	dirs := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var m struct{ Path, Version, Dir string }
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		if m.Path == "k8s.io/api" {
			dirs[m.Version] = m.Dir
		}
	}
	return dirs
}

// Kubernetes keeps a file of every kind with every field set. A field is an image
// to pull if a pull policy stands beside it, which makes the number to expect.
func TestEveryImageOfKubernetesKindsIsFound(t *testing.T) {
	objects, images := 0, 0
	for version, dir := range modules(t) {
		files, err := filepath.Glob(filepath.Join(dir, "testdata/HEAD/*.yaml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("k8s.io/api %s has no examples: %v", version, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			// A review of images asks about them and pulls none; a watch's event is no
			// object. Before 1.25 the fields hold random text.
			if strings.Contains(file, "ImageReview") || strings.Contains(file, "WatchEvent") || !bytes.Contains(text, []byte("nameValue")) {
				continue
			}
			filled := strings.NewReplacer(": imageValue", ": registry.test/image:1", ": referenceValue", ": registry.test/volume:1").Replace(string(text))
			f, problems := Parse(file, []byte(filled))
			for _, p := range problems {
				// Reviews and options have no name.
				if !strings.Contains(p.Message, "there is no metadata.name") {
					t.Error(p)
				}
			}
			want := strings.Count(filled, "imagePullPolicy: ") + strings.Count(filled, " pullPolicy: ")
			if len(f.Images) != want {
				t.Errorf("k8s.io/api %s: %s has %d images, and %d are found", version, filepath.Base(file), want, len(f.Images))
			}
			objects, images = objects+len(f.Documents), images+want
		}
	}
	if objects < 1000 || images < 500 {
		t.Errorf("only %d objects and %d images were looked at", objects, images)
	}
}
