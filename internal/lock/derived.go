package lock

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/derive"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/upstream"
)

// derived locks the base of an image, and makes the image.
func (r *resolver) derived(ctx context.Context, want plan.Image) (img Image, err error) {
	bar := r.bars.Start(want.Name, 0)
	defer func() { bar.Done(err) }()
	if slices.Contains(r.made, want.Recipe.Base) {
		return Image{}, fmt.Errorf("locking image %q: its base %q is made from a recipe too: take the base of that, and the files of both", want.Name, want.Recipe.Base)
	}
	base, err := r.image(ctx, plan.Image{Name: want.Recipe.Base, Platforms: want.Platforms})
	if err != nil {
		return Image{}, fmt.Errorf("locking the base of image %q: %w", want.Name, err)
	}
	from := From{Base: base.Name, Digest: base.Digest, Recipe: derive.Digest(want.Recipe)}
	for _, m := range base.Manifests {
		from.Parts = append(from.Parts, Part{Platform: m.Platform, Manifest: m.Blob, Config: m.Config})
	}
	img, blobs, err := from.make(r.store, want.Name, want.Recipe)
	if err == nil {
		err = put(r.store, blobs)
	}
	if err != nil {
		return Image{}, fmt.Errorf("locking image %q: %w", want.Name, err)
	}
	return img, nil
}

// Make makes the derived images of a lock again, and puts what the cache lacks of
// them there. What they are made of (Item.Of) must be in the cache, and the recipes
// must be those of the lock. It returns all errors together.
func Make(store *cache.Cache, l *Lock, images []plan.Image) error {
	recipes := map[string]*plan.Recipe{}
	for _, img := range images {
		recipes[img.Name] = img.Recipe
	}
	var problems []error
	for _, img := range l.Images {
		if img.From == nil {
			continue
		}
		if err := img.again(store, recipes[img.Name]); err != nil {
			problems = append(problems, fmt.Errorf("making image %q: %w", img.Name, err))
		}
	}
	return errors.Join(problems...)
}

func (img Image) again(store *cache.Cache, recipe *plan.Recipe) error {
	switch {
	case recipe == nil:
		return errors.New("the spec has no recipe for it, and the lock has it made from one: run `satchel lock`")
	case recipe.Base != img.From.Base:
		return fmt.Errorf("the spec has base %q for it, and the lock %q: run `satchel lock`", recipe.Base, img.From.Base)
	case derive.Digest(recipe) != img.From.Recipe:
		return errors.New("its recipe in the spec is not the one of the lock: run `satchel lock`")
	}
	lacks := func(i Item) bool { return i.Of != nil && !store.Has(i.Digest, i.Size) }
	if !slices.ContainsFunc(img.items(), lacks) {
		return nil
	}
	made, blobs, err := img.From.make(store, img.Name, recipe)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(made, img) {
		moved := Diff(&Lock{Images: []Image{img}}, &Lock{Images: []Image{made}})
		return errors.New(strings.Join(append([]string{"of its base and recipe this satchel makes other content than the lock has: run `satchel lock`"}, moved...), "\n  "))
	}
	return put(store, blobs)
}

// make makes the image of a recipe and of the base's parts in the cache.
func (f From) make(store *cache.Cache, name string, recipe *plan.Recipe) (Image, []derive.Blob, error) {
	var bases []derive.Base
	for _, p := range f.Parts {
		base := derive.Base{Platform: p.Platform, MediaType: p.Manifest.MediaType}
		var err error
		if base.Manifest, err = p.Manifest.read(store); err != nil {
			return Image{}, nil, fmt.Errorf("reading the manifest of base %q for %s: %w", f.Base, p.Platform, err)
		}
		if base.Config, err = p.Config.read(store); err != nil {
			return Image{}, nil, fmt.Errorf("reading the config of base %q for %s: %w", f.Base, p.Platform, err)
		}
		bases = append(bases, base)
	}
	made, err := derive.Make(recipe, bases)
	if err != nil {
		return Image{}, nil, err
	}
	f.Layer = made.Layer
	img := Image{Name: name, Digest: made.Digest, From: &f, Manifests: []Manifest{}}
	for _, m := range made.Manifests {
		recorded, err := record(m.Platform, &upstream.Manifest{Bytes: m.Data, MediaType: types.MediaType(m.MediaType), Digest: m.Digest})
		if err != nil {
			return Image{}, nil, fmt.Errorf("reading the manifest for %s: %w", m.Platform, err)
		}
		img.Manifests = append(img.Manifests, recorded)
	}
	return img, made.Blobs, nil
}

func put(store *cache.Cache, blobs []derive.Blob) error {
	for _, b := range blobs {
		if err := store.Put(b.Digest, b.Data); err != nil {
			return err
		}
	}
	return nil
}
