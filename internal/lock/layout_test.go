package lock

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/progress"
)

// entries is an index of images and indexes, with or without the platforms of images.
func entries(t *testing.T, named bool, of ...mutate.Appendable) v1.ImageIndex {
	t.Helper()
	var index v1.ImageIndex = empty.Index
	for _, one := range of {
		add := mutate.IndexAddendum{Add: one}
		if img, ok := one.(v1.Image); ok && named {
			config, err := img.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			add.Platform = config.Platform()
		}
		index = mutate.AppendManifests(index, add)
	}
	return index
}

// layoutOf is a spec's directory with a layout of one index, or of nothing.
func layoutOf(t *testing.T, index v1.ImageIndex) (dir string) {
	t.Helper()
	dir = t.TempDir()
	path, err := layout.Write(filepath.Join(dir, "layout"), empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if index == nil {
		return dir
	}
	if err := path.AppendIndex(index); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPlatformsAreFoundInNestedIndexesAndInConfigs(t *testing.T) {
	amd64, arm64 := web(t, "amd64"), web(t, "arm64")
	for what, c := range map[string]struct {
		index  v1.ImageIndex
		wanted []string
		err    string
	}{
		"an index in an index":                   {entries(t, true, entries(t, true, amd64, arm64)), []string{"linux/amd64", "linux/arm64"}, ""},
		"indexes and an image":                   {entries(t, true, amd64, entries(t, true, arm64)), []string{"linux/amd64", "linux/arm64"}, ""},
		"one image, without its platform":        {entries(t, false, amd64), []string{"linux/amd64"}, ""},
		"two images, without theirs":             {entries(t, false, amd64, arm64), []string{"linux/arm64"}, ""},
		"both":                                   {entries(t, false, entries(t, false, amd64)), []string{"linux/amd64"}, ""},
		"another platform":                       {entries(t, false, amd64), []string{"linux/arm64"}, "platform linux/arm64 is missing: there is linux/amd64"},
		"an index in an index that is in an one": {entries(t, true, entries(t, true, entries(t, true, amd64))), []string{"linux/amd64"}, "there is an index nested in an index that is nested"},
		"nothing":                                {entries(t, false, about(t, "no image", nil)), []string{"linux/amd64"}, "the index names no platform at all"},
	} {
		want := []plan.Image{archived(layoutOf(t, c.index), "layout", c.wanted...)}
		store := openCache(t)
		l, err := Resolve(t.Context(), nil, store, plan.Supply{Images: want}, 1, nil)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: got %v", what, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		var got []string
		for _, m := range l.Images[0].Manifests {
			got = append(got, m.Platform)
		}
		if !slices.Equal(got, c.wanted) {
			t.Errorf("%s: got %q, want %q", what, got, c.wanted)
		}
		for _, i := range l.Blobs() {
			if !store.Has(i.Digest, i.Size) {
				t.Errorf("%s: the cache lacks %s", what, i.Digest)
			}
		}
	}
}

// TestARegistrysNestedIndexIsCalledSo: hosts may ask for that index by its digest, and
// would find nothing in it.
func TestARegistrysNestedIndexIsCalledSo(t *testing.T) {
	raw, err := entries(t, true, entries(t, true, web(t, "amd64"))).IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := choose(raw, "linux/amd64"); err == nil || err.Error() != "platform linux/amd64 is missing: what the index names are nested indexes, and no image" {
		t.Errorf("got %v", err)
	}
}

// cosigned is a layout with an image, as cosign save writes it, with annotations of a version
// with names or without (https://github.com/sigstore/cosign/blob/main/pkg/oci/layout/write.go).
func cosigned(t *testing.T, names bool, of v1.Image) (dir string) {
	t.Helper()
	dir = t.TempDir()
	path, err := layout.Write(filepath.Join(dir, "layout"), empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for kind, img := range map[string]v1.Image{"image": of, "sigs": about(t, "a signature", nil), "atts": about(t, "an attestation", nil)} {
		words := map[string]string{"kind": "dev.cosignproject.cosign/" + kind}
		if names {
			words["org.opencontainers.image.ref.name"] = "example.com/web:1.0"
		}
		if err := path.AppendImage(img, layout.WithAnnotations(words)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// about is an artifact with one text.
func about(t *testing.T, text string, subject v1.Image) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), static.NewLayer([]byte(text), "text/plain"))
	if err != nil {
		t.Fatal(err)
	}
	if subject == nil {
		return img
	}
	d, err := partial.Descriptor(subject)
	if err != nil {
		t.Fatal(err)
	}
	return mutate.Subject(img, *d).(v1.Image)
}

func digest(t *testing.T, img v1.Image) string {
	t.Helper()
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// TestWhatALayoutHasAboutItsImageComesAlong has layouts of cosign, and of tools that copy
// tags or referrers.
func TestWhatALayoutHasAboutItsImageComesAlong(t *testing.T) {
	img := web(t, "amd64")
	top := digest(t, img)
	tag := strings.Replace(top, ":", "-", 1)
	referring := layoutOf(t, nil)
	path := layout.Path(filepath.Join(referring, "layout"))
	if err := path.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "1.0"})); err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(about(t, "a list of contents", img)); err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(about(t, "a signature", nil), layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag + ".sig"})); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		dir, image string
		tags       []string
	}{
		"cosign save":        {cosigned(t, true, img), "", []string{tag + ".att", tag + ".sig"}},
		"an old one":         {cosigned(t, false, img), "", []string{tag + ".att", tag + ".sig"}},
		"tags and referrers": {referring, "1.0", []string{"", tag + ".sig"}},
	} {
		want := archived(c.dir, "layout", "linux/amd64")
		want.Archive.Image = c.image
		without, err := Resolve(t.Context(), nil, openCache(t), plan.Supply{Images: []plan.Image{want}}, 1, nil)
		if err != nil || len(without.Images[0].Attached) != 0 || without.Images[0].Digest != top {
			t.Errorf("%s, dropped: %v", what, err)
			continue
		}
		want.Attestations = true
		all := []plan.Image{want}
		if err := without.Covers(plan.Supply{Images: all}); err == nil {
			t.Errorf("%s: a lock without them is taken for one with them", what)
		}
		l, err := Resolve(t.Context(), nil, openCache(t), plan.Supply{Images: all}, 1, nil)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		var tags []string
		for _, a := range l.Images[0].Attached {
			if tags = append(tags, a.Tag); a.Subject != top || len(a.Blobs) != 2 {
				t.Errorf("%s: got %+v", what, a)
			}
		}
		if slices.Sort(tags); !slices.Equal(tags, c.tags) {
			t.Errorf("%s: got the tags %q, want %q", what, tags, c.tags)
		}
		if again, err := Parse("satchel.lock", l.Bytes()); err != nil || again.Digest() != l.Digest() {
			t.Errorf("%s: the lock does not come back: %v", what, err)
		} else {
			l = again
		}
		// A build with an empty cache takes all of it from the archive, and asks nobody.
		store := openCache(t)
		if err := Unpack(t.Context(), store, l, all, nil); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		for _, i := range l.Blobs() {
			if !store.Has(i.Digest, i.Size) || i.Of == nil || len(i.Of) > 0 {
				t.Errorf("%s: the cache lacks %s", what, i.Digest)
			}
		}
	}
}

func TestWhatIsMissingAboutAnImageIsSaid(t *testing.T) {
	dir := cosigned(t, true, web(t, "amd64"))
	index, err := layout.Path(filepath.Join(dir, "layout")).ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range m.Manifests {
		if d.Annotations["kind"] != "dev.cosignproject.cosign/sigs" {
			continue
		}
		signature, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		layers, err := signature.Layers()
		if err != nil {
			t.Fatal(err)
		}
		of, err := layers[0].Digest()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, "layout", "blobs", "sha256", of.Hex)); err != nil {
			t.Fatal(err)
		}
	}
	want := archived(dir, "layout", "linux/amd64")
	want.Attestations = true
	var said bytes.Buffer
	bars := progress.New(&said)
	l, err := Resolve(t.Context(), nil, openCache(t), plan.Supply{Images: []plan.Image{want}}, 1, bars)
	bars.Wait()
	if err != nil || len(l.Images[0].Attached) != 1 {
		t.Fatalf("got %+v, %v", l, err)
	}
	if !strings.Contains(said.String(), "about it is left out") || !strings.Contains(said.String(), "the image was saved without it") {
		t.Errorf("it says %q", said.String())
	}
}
