package bundle

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSkopeoReadsTheImages promises that the layout is valid for a program that
// others wrote, under the full upstream names.
func TestSkopeoReadsTheImages(t *testing.T) {
	program, err := exec.LookPath("skopeo")
	if err != nil {
		t.Skip("skopeo is not installed")
	}
	in := sample(t)
	dir := filepath.Join(unpacked(t, build(t, in, "a.tar")), "images")
	run := func(args ...string) []byte {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), program, append([]string{"--insecure-policy"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("skopeo %q: %v\n%s", args, err, out)
		}
		return out
	}
	for _, image := range in.Lock.Images {
		for _, m := range image.Manifests {
			ref := "oci:" + dir + ":" + image.Name
			args := platformArgs(m.Platform)
			var seen struct{ Architecture string }
			if err := json.Unmarshal(run(append(args, "inspect", ref)...), &seen); err != nil || seen.Architecture != args[3] {
				t.Errorf("%s for %s: skopeo sees %q, %v", image.Name, m.Platform, seen.Architecture, err)
			}
			run(append(args, "copy", "--preserve-digests", ref, "dir:"+t.TempDir())...)
		}
		run("copy", "--all", "--preserve-digests", "oci:"+dir+":"+image.Name, "dir:"+t.TempDir())
	}
}

func platformArgs(platform string) []string {
	if platform == "linux/arm64/v8" {
		return []string{"--override-os", "linux", "--override-arch", "arm64", "--override-variant", "v8"}
	}
	return []string{"--override-os", "linux", "--override-arch", "amd64"}
}
