package bundle

import (
	"fmt"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/lock"
)

// attach puts an artifact about the first image into a bundle; blobs are those that the
// lock lists of it.
func attach(t testing.TB, in *Input, blobs func(config, layer lock.Blob) []lock.Blob) {
	t.Helper()
	put := func(mediaType, text string) lock.Blob {
		b := lock.Blob{MediaType: mediaType, Digest: digestOf([]byte(text)), Size: int64(len(text))}
		if err := in.Cache.Put(b.Digest, []byte(text)); err != nil {
			t.Fatal(err)
		}
		return b
	}
	config, layer := put("application/vnd.oci.empty.v1+json", "{}"), put("text/plain", "a list of contents")
	const kind = "application/vnd.oci.image.manifest.v1+json"
	m := put(kind, fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[{"mediaType":%q,"digest":%q,"size":%d}]}`,
		kind, config.MediaType, config.Digest, config.Size, layer.MediaType, layer.Digest, layer.Size))
	in.Lock.Images[0].Attached = []lock.Attached{{
		Blob: m, Subject: in.Lock.Images[0].Manifests[0].Digest, ArtifactType: "text/plain", Blobs: blobs(config, layer),
	}}
}

func TestVerifyFollowsWhatIsAttachedToImages(t *testing.T) {
	in := clone(sample(t))
	attach(t, &in, func(config, layer lock.Blob) []lock.Blob { return []lock.Blob{config, layer} })
	for _, name := range []string{"a.tar", "a.tar.zst"} {
		path := build(t, in, name)
		if found := problems(t, path); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
		if found := problems(t, unpacked(t, path)); len(found) > 0 {
			t.Errorf("%s, unpacked: %v", name, found)
		}
	}
	attach(t, &in, func(config, _ lock.Blob) []lock.Blob { return []lock.Blob{config} })
	found := problems(t, build(t, in, "b.tar"))
	said := fmt.Sprint(found)
	if !strings.Contains(said, "which is not in the bundle") || !strings.Contains(said, "has other blobs than bundle.json") {
		t.Errorf("a layer is missing, and verify says %v", found)
	}
}
