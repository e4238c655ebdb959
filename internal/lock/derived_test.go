package lock

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/derive"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/standin"
)

const busybox = "docker.io/library/busybox:1.36"

// derivedFrom is an image with one file above a base.
func derivedFrom(base string, platforms ...string) plan.Image {
	return plan.Image{Name: "registry.lab/own/app:1", Platforms: platforms, Recipe: &plan.Recipe{
		Base:       base,
		Files:      []plan.RecipeFile{{Path: "/data/start.sh", Mode: 0o755, Data: []byte("#!/bin/sh\n")}},
		Entrypoint: []string{"/data/start.sh"},
	}}
}

// another is the same image under another name.
func another(img plan.Image) plan.Image {
	img.Name = "registry.lab/own/another:1"
	return img
}

func resolveFrom(t *testing.T, sources []plan.Source, store *cache.Cache, images ...plan.Image) (*Lock, error) {
	t.Helper()
	return Resolve(t.Context(), client(t, sources), store, plan.Supply{Images: images}, 4, nil)
}

func resolveIn(t *testing.T, store *cache.Cache, images ...plan.Image) *Lock {
	t.Helper()
	world, err := standin.Serve(t.Context(), images, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	l, err := resolveFrom(t, world.Sources(), store, images...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// hub is a registry whose images tests make by themselves.
type hub struct {
	host    string
	sources []plan.Source
}

func newHub(t *testing.T) *hub {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(discard())))
	t.Cleanup(s.Close)
	return &hub{strings.TrimPrefix(s.URL, "http://"), []plan.Source{{Prefix: "registry.example", Mirror: s.URL}}}
}

// push makes an image for linux/amd64 and pushes it as registry.example/base:1.
func (h *hub) push(t *testing.T, kind, configKind types.MediaType, change func(*v1.ConfigFile)) {
	t.Helper()
	img, err := random.Image(512, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", "amd64"
	change(config)
	if img, err = mutate.ConfigFile(mutate.ConfigMediaType(mutate.MediaType(img, kind), configKind), config); err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(h.host+"/base:1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
}

func (h *hub) pushAny(t *testing.T) {
	h.push(t, types.OCIManifestSchema1, types.OCIConfigJSON, func(*v1.ConfigFile) {})
}

func TestDerivedImageIsLockedWithWhatItIsMadeOf(t *testing.T) {
	app := derivedFrom(busybox, "linux/amd64", "linux/arm64")
	base := plan.Image{Name: busybox, Platforms: app.Platforms}
	store := openCache(t)
	l := resolveIn(t, store, app, base)
	if err := l.Covers(plan.Supply{Images: []plan.Image{app, base}}); err != nil {
		t.Error(err)
	}
	if back, err := Parse("satchel.lock", l.Bytes()); err != nil || back.Digest() != l.Digest() {
		t.Errorf("the lock does not come back: %v", err)
	}
	below, made := l.Images[0], l.Images[1]
	from := made.From
	if from == nil || from.Base != busybox || from.Digest != below.Digest || from.Recipe != derive.Digest(app.Recipe) {
		t.Fatalf("it is from %+v", from)
	}
	if below.From != nil || made.Digest == below.Digest || len(made.Manifests) != 2 {
		t.Errorf("base is %+v, image is %+v", below, made)
	}
	for i, m := range made.Manifests {
		theirs := below.Manifests[i]
		if from.Parts[i] != (Part{m.Platform, theirs.Blob, theirs.Config}) {
			t.Errorf("part %+v is not %+v", from.Parts[i], theirs)
		}
		if len(m.Layers) != 3 || m.Layers[0] != theirs.Layers[0] || m.Layers[1] != theirs.Layers[1] || m.Layers[2].Digest != from.Layer {
			t.Errorf("layers %v are not those of the base and %s", m.Layers, from.Layer)
		}
		for _, b := range []Blob{m.Blob, m.Config, m.Layers[2], theirs.Blob, theirs.Config} {
			if !store.Has(b.Digest, b.Size) {
				t.Errorf("%s is not in the cache", b.Digest)
			}
		}
		if b := m.Layers[0]; store.Has(b.Digest, b.Size) {
			t.Error("a layer of the base was downloaded")
		}
	}
}

func TestBlobsOfADerivedImageSayWhereTheyComeFrom(t *testing.T) {
	app := derivedFrom(busybox, "linux/amd64", "linux/arm64")
	alone := resolveIn(t, openCache(t), app)
	var ours, theirs int
	for _, i := range alone.Blobs() {
		switch {
		case i.Of != nil:
			ours++
			if i.Image != app.Name || len(i.Of) != 4 {
				t.Errorf("got %+v", i)
			}
		case i.Image != busybox || i.Manifest:
			t.Errorf("%+v would be asked for, and is no layer of the base", i)
		default:
			theirs++
		}
	}
	// Two manifests, two configs and a layer; the base shares one of its layers
	// between the platforms.
	if ours != 5 || theirs != 3 {
		t.Errorf("%d are made and %d fetched, want 5 and 3", ours, theirs)
	}
	both := resolveIn(t, openCache(t), app, another(app), plan.Image{Name: busybox, Platforms: app.Platforms})
	// The same bytes twice, and the base's own manifests and configs.
	if n := len(both.Blobs()); n != 5+3+4 {
		t.Errorf("%d distinct blobs, want 12", n)
	}
}

func TestTwoLocksOfOneRecipeAreTheSameBytes(t *testing.T) {
	app := derivedFrom(busybox, "linux/amd64", "linux/arm64")
	a, b := resolveIn(t, openCache(t), app), resolveIn(t, openCache(t), app)
	if string(a.Bytes()) != string(b.Bytes()) {
		t.Errorf("they differ:\n%s", strings.Join(Diff(a, b), "\n"))
	}
}

func TestImageOfASingleManifestIsASingleManifest(t *testing.T) {
	for kind, config := range map[types.MediaType]types.MediaType{types.OCIManifestSchema1: types.OCIConfigJSON, types.DockerManifestSchema2: types.DockerConfigJSON} {
		h := newHub(t)
		h.push(t, kind, config, func(*v1.ConfigFile) {})
		store := openCache(t)
		l, err := resolveFrom(t, h.sources, store, derivedFrom("registry.example/base:1", "linux/amd64"))
		if err != nil {
			t.Fatal(err)
		}
		img := l.Images[0]
		if len(img.Manifests) != 1 || img.Digest != img.Manifests[0].Digest || img.Manifests[0].MediaType != string(kind) || img.Manifests[0].Config.MediaType != string(config) {
			t.Errorf("got %+v", img)
		}
		_, err = resolveFrom(t, h.sources, store, derivedFrom("registry.example/base:1", "linux/amd64", "linux/arm64"))
		want := `locking the base of image "registry.lab/own/app:1": locking image "registry.example/base:1": it is for one platform only, and wanted are linux/amd64, linux/arm64`
		if err == nil || err.Error() != want {
			t.Errorf("got\n%v\nwant\n%s", err, want)
		}
	}
}

func TestChangedRecipeIsNoticed(t *testing.T) {
	app := derivedFrom(busybox, "linux/amd64")
	plain := plan.Image{Name: app.Name, Platforms: app.Platforms}
	store := openCache(t)
	l := resolveIn(t, store, app)
	upstream := &Lock{Format: Format, Images: []Image{{Name: app.Name, Manifests: []Manifest{{Platform: "linux/amd64"}}}}}

	edited := derivedFrom(busybox, "linux/amd64")
	edited.Recipe.Files[0].Data = []byte("#!/bin/bash\n")
	rebased := derivedFrom("docker.io/library/busybox:1.37", "linux/amd64")
	was, is := derive.Digest(app.Recipe), derive.Digest(edited.Recipe)
	const head = "the lock does not fit the spec: run `satchel lock`\n  "
	for what, c := range map[string]struct {
		lock         *Lock
		image        plan.Image
		covers, make string
	}{
		"edited":  {l, edited, head + "image registry.lab/own/app:1's recipe is locked for " + was + ", and needed for " + is, `making image "registry.lab/own/app:1": its recipe in the spec is not the one of the lock: run ` + "`satchel lock`"},
		"rebased": {l, rebased, head + "image registry.lab/own/app:1's base is locked for " + busybox + ", and needed for docker.io/library/busybox:1.37", `making image "registry.lab/own/app:1": the spec has base "docker.io/library/busybox:1.37" for it, and the lock "` + busybox + "\": run `satchel lock`"},
		"plain":   {l, plain, head + "the lock has image registry.lab/own/app:1's base, which nothing needs any more\n  the lock has image registry.lab/own/app:1's recipe, which nothing needs any more", `making image "registry.lab/own/app:1": the spec has no recipe for it, and the lock has it made from one: run ` + "`satchel lock`"},
		"derived": {upstream, app, head + "the lock lacks image registry.lab/own/app:1's base\n  the lock lacks image registry.lab/own/app:1's recipe", ""},
		"as ever": {l, app, "", ""},
	} {
		if err := c.lock.Covers(plan.Supply{Images: []plan.Image{c.image}}); text(err) != c.covers {
			t.Errorf("%s:\ngot  %v\nwant %s", what, err, c.covers)
		}
		if err := Make(store, c.lock, []plan.Image{c.image}); text(err) != c.make {
			t.Errorf("%s:\ngot  %v\nwant %s", what, err, c.make)
		}
	}
	got := strings.Join(Diff(l, resolveIn(t, store, edited)), "\n")
	if strings.Count(got, "\n") != 2 || !strings.HasSuffix(got, "image registry.lab/own/app:1's recipe moved from "+was+" to "+is) {
		t.Errorf("got\n%s", got)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestMovedBaseMovesTheImage(t *testing.T) {
	h, store := newHub(t), openCache(t)
	app := derivedFrom("registry.example/base:1", "linux/amd64")
	h.pushAny(t)
	before, err := resolveFrom(t, h.sources, store, app)
	if err != nil {
		t.Fatal(err)
	}
	h.pushAny(t)
	after, err := resolveFrom(t, h.sources, store, app)
	if err != nil {
		t.Fatal(err)
	}
	a, b := before.Images[0], after.Images[0]
	want := "image registry.lab/own/app:1 moved from " + a.Digest + " to " + b.Digest + "\n" +
		"image registry.lab/own/app:1 for linux/amd64 moved from " + a.Digest + " to " + b.Digest + "\n" +
		"image registry.lab/own/app:1's base moved from registry.example/base:1@" + a.From.Digest + " to registry.example/base:1@" + b.From.Digest
	if got := strings.Join(Diff(before, after), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := before.With(after); got.Digest() != after.Digest() {
		t.Errorf("an update of the image does not take the new base: %+v", got.Images)
	}
	if a.From.Layer != b.From.Layer {
		t.Error("the layer depends on the base")
	}
	// What the old lock is made of is still in the cache.
	if err := Make(store, before, []plan.Image{app}); err != nil {
		t.Error(err)
	}
}

func TestBaseThatCannotBeOneIsAClearError(t *testing.T) {
	h := newHub(t)
	h.push(t, types.DockerManifestSchema2, types.DockerConfigJSON, func(c *v1.ConfigFile) { c.Config.OnBuild = []string{"ADD . /app"} })
	app := derivedFrom("registry.example/base:1", "linux/amd64")
	for want, images := range map[string][]plan.Image{
		`locking image "registry.lab/own/app:1": reading base "registry.example/base:1" for linux/amd64: config: field "config": the image has ONBUILD`: {app},
		`locking the base of image "registry.lab/own/app:1": fetching "registry.example/absent:1"`:                                                      {derivedFrom("registry.example/absent:1", "linux/amd64")},
		`locking image "registry.lab/own/another:1": its base "registry.lab/own/app:1" is made from a recipe too`:                                       {app, another(derivedFrom(app.Name, "linux/amd64"))},
	} {
		if _, err := resolveFrom(t, h.sources, openCache(t), images...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestMakeRefusesWhatTheLockHasNot(t *testing.T) {
	app := derivedFrom(busybox, "linux/amd64")
	dir := t.TempDir()
	store, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	l := resolveIn(t, store, app)
	img := &l.Images[0]
	img.Manifests[0].Digest, img.Digest = "sha256:"+hex("a"), "sha256:"+hex("a")
	err = Make(store, l, []plan.Image{app})
	if err == nil || !strings.Contains(err.Error(), `making image "registry.lab/own/app:1": of its base and recipe this satchel makes other content than the lock has: run `+"`satchel lock`\n  image registry.lab/own/app:1 moved from sha256:aaa") {
		t.Errorf("got %v", err)
	}

	part := img.From.Parts[0].Manifest
	path := filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(part.Digest, "sha256:"))
	os.Remove(path)
	if err := os.WriteFile(path, make([]byte, part.Size), 0o644); err != nil {
		t.Fatal(err)
	}
	err = Make(store, l, []plan.Image{app})
	if err == nil || !strings.Contains(err.Error(), `reading the manifest of base "`+busybox+`" for linux/amd64: `+part.Digest+" in the cache is damaged and is removed now: run satchel again") {
		t.Errorf("got %v", err)
	}
	if err := Make(store, l, []plan.Image{app}); !errors.Is(err, os.ErrNotExist) || store.Has(part.Digest, part.Size) {
		t.Errorf("the damaged part is still there: %v", err)
	}
}

func sampleDerived() *Lock {
	l := sample()
	b := func(c string, size int64) Blob {
		return Blob{MediaType: "application/vnd.oci.image.config.v1+json", Digest: "sha256:" + hex(c), Size: size}
	}
	l.Images[0].From = &From{Base: "docker.io/library/z:1", Digest: "sha256:" + hex("a"), Recipe: "sha256:" + hex("b"), Layer: "sha256:" + hex("4"),
		Parts: []Part{{"linux/amd64", b("c", 1), b("d", 2)}, {"linux/arm64", b("e", 3), b("f", 4)}}}
	return l
}

func TestWhatAnImageIsMadeOfCanBeRead(t *testing.T) {
	want := `      "digest": "sha256:` + hex("1") + `",
      "from": {
        "base": "docker.io/library/z:1",
        "digest": "sha256:` + hex("a") + `",
        "recipe": "sha256:` + hex("b") + `",
        "layer": "sha256:` + hex("4") + `",
        "parts": [
          {
            "platform": "linux/amd64",
            "manifest": {
              "mediaType": "application/vnd.oci.image.config.v1+json",
              "digest": "sha256:` + hex("c") + `",
              "size": 1
            },
            "config": {
              "mediaType": "application/vnd.oci.image.config.v1+json",
              "digest": "sha256:` + hex("d") + `",
              "size": 2
            }
          },
`
	if got := string(sampleDerived().Bytes()); !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant in it\n%s", got, want)
	}
}

func TestEveryFlawOfADerivedImageIsFoundWhereItIs(t *testing.T) {
	good := string(sampleDerived().Bytes())
	if _, err := Parse("satchel.lock", []byte(good)); err != nil {
		t.Fatal(err)
	}
	const at = `satchel.lock:5:7: name "docker.io/library/a:1": what it is made from: `
	for what, c := range map[string]struct{ old, new, want string }{
		"bad base":  {"library/z:1", "library/Z:1", at + "could not parse reference"},
		"digest":    {hex("a"), hex("a")[1:], at + "digest"},
		"recipe":    {hex("b"), hex("G"), at + "digest"},
		"layer":     {`"layer": "sha256:` + hex("4"), `"layer": "sha256:` + hex("5"), at + `platform "linux/amd64": the last layer is not sha256:555`},
		"bad layer": {`"layer": "sha256:` + hex("4"), `"layer": "x`, at + `digest "x" is not`},
		"part":      {hex("f"), hex("F"), at + `platform "linux/arm64": digest`},
		"two sizes": {hex("d"), hex("2"), at + `platform "linux/amd64": sha256:` + hex("2") + " has 2 bytes here and 20 elsewhere"},
		"platform":  {`"platform": "linux/arm64"`, `"platform": "linux/riscv64"`, at + "the parts are for other platforms than the manifests"},
		"empty":     {`"layer": "sha256:` + hex("4") + `"`, `"layer": ""`, "the lock is not as satchel writes it"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%s: nothing is replaced", what)
		}
		if _, err := Parse("satchel.lock", []byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\ngot  %v\nwant %s", what, err, c.want)
		}
	}
}
