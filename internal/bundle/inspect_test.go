package bundle

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestInspectTellsTheSizes(t *testing.T) {
	in := sample(t)
	s, err := Inspect(t.Context(), build(t, in, "a.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Images) != 4 || s.Images[0].Name != flannel || s.Images[0].Layers != 3 || s.Images[2].Platform != "linux/arm64/v8" {
		t.Errorf("images: %+v", s.Images)
	}
	layers := in.Lock.Images[0].Manifests[0].Layers
	if want := layers[0].Size + layers[1].Size + layers[2].Size; s.Images[0].Size != want {
		t.Errorf("the first image has %d bytes, want %d", s.Images[0].Size, want)
	}
	if want := layers[0].Size + layers[1].Size; s.Shared != want {
		t.Errorf("%d bytes are shared, want %d", s.Shared, want)
	}
	if len(s.SharedBlobs) != 2 || s.SharedBlobs[0].Saves+s.SharedBlobs[1].Saves != s.Shared || len(s.SharedBlobs[0].Images) != 2 || s.SharedBlobs[0].Size < s.SharedBlobs[1].Size {
		t.Errorf("shared: %+v", s.SharedBlobs)
	}
	own := in.Lock.Images[0].Manifests[0]
	if want := layers[2].Size + own.Size + own.Config.Size; s.Images[0].Own != want {
		t.Errorf("of the first image %d bytes are its own, want %d", s.Images[0].Own, want)
	}
	if want := in.Lock.Files[0].Size + in.Lock.Files[1].Size; s.Files != want || s.Programs != 800_000 || s.Blobs+s.Tree+s.Files+s.Programs != s.Total {
		t.Errorf("sizes: %+v", s)
	}
}

func TestInspectReadsOnlyTheBeginning(t *testing.T) {
	whole := must(os.ReadFile(build(t, sample(t), "a.tar")))
	path := filepath.Join(t.TempDir(), "cut.tar")
	if err := os.WriteFile(path, whole[:16<<10], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(t.Context(), path); err != nil {
		t.Errorf("with the first 16 KiB of %d bytes: %v", len(whole), err)
	}
}

func TestInspectReadsAnUnpackedBundle(t *testing.T) {
	path := build(t, sample(t), "a.tar")
	a, b := must(Inspect(t.Context(), path)), must(Inspect(t.Context(), unpacked(t, path)))
	if a.Total != b.Total || a.Total == 0 {
		t.Errorf("%d bytes packed, %d unpacked", a.Total, b.Total)
	}
}

// What programs read is what the schema says.
func TestInspectFitsItsSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("inspect.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	old := build(t, sample(t), "a.tar")
	for _, path := range []string{old, build(t, since(t, next(t, sample(t)), old), "delta.tar")} {
		text := must(json.Marshal(must(Inspect(t.Context(), path))))
		if err := schema.Validate(must(jsonschema.UnmarshalJSON(bytes.NewReader(text)))); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
