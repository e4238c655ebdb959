package bundle

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestIndexPointsStraightAtASingleOCIManifest(t *testing.T) {
	in := sample(t)
	l := must(newLayout(in.Lock.Images))
	index := must(v1.ParseIndexManifest(bytes.NewReader(l.index)))
	made := map[string]bool{}
	for _, raw := range l.sparse {
		made[digestOf(raw)] = true
	}
	for i, want := range []struct {
		name   string
		sparse bool
	}{{flannel, true}, {apiserv, true}, {coredns, false}} {
		desc := index.Manifests[i]
		if desc.Annotations[refNameAnnotation] != want.name || desc.Annotations[containerdAnnotation] != want.name {
			t.Errorf("image %d is named %v", i, desc.Annotations)
		}
		if made[desc.Digest.String()] != want.sparse || desc.MediaType.IsIndex() != want.sparse {
			t.Errorf("%s: %+v", want.name, desc)
		}
		if !want.sparse && desc.Platform.String() != "linux/amd64" {
			t.Errorf("%s has platform %v", want.name, desc.Platform)
		}
	}
}

func TestTheListOfImagesHasTheDigestsOfTheIndex(t *testing.T) {
	dir := unpacked(t, build(t, sample(t), "a.tar"))
	index := must(v1.ParseIndexManifest(bytes.NewReader(must(os.ReadFile(filepath.Join(dir, indexName))))))
	want := ""
	for _, desc := range index.Manifests {
		want += desc.Digest.String() + " " + desc.Annotations[refNameAnnotation] + "\n"
	}
	if got := must(os.ReadFile(filepath.Join(dir, listName))); string(got) != want || want == "" {
		t.Errorf("images/list is\n%swant\n%s", got, want)
	}
}

func TestABundleWithoutImagesHasAValidLayout(t *testing.T) {
	in := sample(t)
	in.Lock.Images = nil
	path := build(t, in, "a.tar")
	if found := problems(t, path); len(found) > 0 {
		t.Error(found)
	}
	l := must(newLayout(nil))
	if !bytes.Contains(l.index, []byte(`"manifests":[]`)) {
		t.Errorf("index.json is %s", l.index)
	}
}
