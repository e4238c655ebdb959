package derive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/plan"
)

const (
	baseName   = "docker.io/library/python:3.9"
	baseLayer  = `{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":3,"digest":"sha256:1111111111111111111111111111111111111111111111111111111111111111","annotations":{"own":"<kept>"}}`
	baseConfig = `{"architecture": "amd64", "os": "linux", "x-unknown": {"b": [1.50, null], "a": "<&>"}, "created": "2024-05-06T07:08:09Z",
 "config": {"Entrypoint": ["/old"], "Cmd": ["old argument"], "Env": ["PATH=/bin", "A=1"], "Labels": {"theirs": "1"},
  "ExposedPorts": {"80/tcp": {}}, "Healthcheck": {"Test": ["CMD", "true"]}, "OnBuild": null},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:2222222222222222222222222222222222222222222222222222222222222222"]},
 "history": [{"created_by": "a && b > c"}, {"created_by": "CMD", "empty_layer": true}]}`
)

// base is an image as Docker Hub has them.
func base(platform string) Base {
	return Base{
		Platform: platform, MediaType: string(types.DockerManifestSchema2), Config: []byte(baseConfig),
		Manifest: []byte(`{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":1,"digest":"sha256:` +
			strings.Repeat("0", 64) + `"},"layers":[` + baseLayer + `]}`),
	}
}

// ociBase is one as other registries have them.
func ociBase(platform string) Base {
	b := base(platform)
	b.MediaType = string(types.OCIManifestSchema1)
	text := string(b.Manifest)
	for docker, oci := range map[types.MediaType]types.MediaType{types.DockerManifestSchema2: types.OCIManifestSchema1, types.DockerConfigJSON: types.OCIConfigJSON, types.DockerLayer: types.OCILayer} {
		text = strings.ReplaceAll(text, string(docker), string(oci))
	}
	b.Manifest = []byte(text)
	return b
}

func recipe() *plan.Recipe {
	return &plan.Recipe{
		Base: baseName,
		Files: []plan.RecipeFile{
			{Path: "/data/scripts/startup.sh", Mode: 0o755, Data: []byte("#!/bin/sh\nexec python app.py\n")},
			{Path: "/data/app.py", Mode: 0o644, Data: []byte("print('hello')\n")},
			{Path: "/etc/app.conf", Mode: 0o600, Data: nil},
		},
		Entrypoint: []string{"/data/scripts/startup.sh"},
		Env:        []string{"A=2", "B=<3>"},
		Ports:      []string{"8000/tcp", "9000/udp"},
		WorkingDir: "/data",
		User:       "1000:1000",
		Labels:     map[string]string{"ours": "2"},
	}
}

func must(t testing.TB, r *plan.Recipe, bases ...Base) *Image {
	t.Helper()
	img, err := Make(r, bases)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// blob finds the content of a digest.
func blob(t testing.TB, img *Image, digest string) []byte {
	t.Helper()
	i := slices.IndexFunc(img.Blobs, func(b Blob) bool { return b.Digest == digest })
	if i < 0 {
		t.Fatalf("%s is not among the blobs", digest)
	}
	return img.Blobs[i].Data
}

// manifestOf reads what the image says for its only platform.
func manifestOf(t testing.TB, img *Image, platform int) (m struct {
	MediaType   types.MediaType
	Config      descriptor
	Layers      []descriptor
	Annotations map[string]string
}) {
	t.Helper()
	if err := json.Unmarshal(img.Manifests[platform].Data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func configOf(t testing.TB, img *Image) string {
	t.Helper()
	return string(blob(t, img, manifestOf(t, img, 0).Config.Digest))
}

func TestConfigSaysWhatTheRecipeSaysAndKeepsTheRest(t *testing.T) {
	img := must(t, recipe(), base("linux/amd64"))
	want := `{"architecture":"amd64","config":{"Entrypoint":["/data/scripts/startup.sh"],"Env":["PATH=/bin","A=2","B=<3>"],` +
		`"ExposedPorts":{"80/tcp":{},"8000/tcp":{},"9000/udp":{}},"Healthcheck":{"Test":["CMD","true"]},"Labels":{"ours":"2","theirs":"1"},"OnBuild":null,` +
		`"User":"1000:1000","WorkingDir":"/data"},"created":"1970-01-01T00:00:00Z",` +
		`"history":[{"created_by":"a && b > c"},{"created_by":"CMD","empty_layer":true},{"created":"1970-01-01T00:00:00Z","created_by":"satchel recipe ` + Digest(recipe()) + `"}],` +
		`"os":"linux","rootfs":{"diff_ids":["sha256:2222222222222222222222222222222222222222222222222222222222222222","` + diffID(t, img) + `"],"type":"layers"},` +
		`"x-unknown":{"b":[1.50,null],"a":"<&>"}}`
	if got := configOf(t, img); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEntrypointAndCommandFollowDocker(t *testing.T) {
	for what, c := range map[string]struct {
		entrypoint, command []string
		want                string
	}{
		"neither":                     {nil, nil, `["/old"] ["old argument"]`},
		"entrypoint alone":            {[]string{"/new"}, nil, `["/new"] []`},
		"command alone":               {nil, []string{"new"}, `["/old"] ["new"]`},
		"both":                        {[]string{"/new"}, []string{"x", "y"}, `["/new"] ["x" "y"]`},
		"entrypoint that is empty":    {[]string{}, nil, `[] []`},
		"command that is empty":       {nil, []string{}, `["/old"] []`},
		"no entrypoint but a command": {[]string{}, []string{"x"}, `[] ["x"]`},
	} {
		var got struct {
			Config struct{ Entrypoint, Cmd []string }
		}
		text := configOf(t, must(t, &plan.Recipe{Base: baseName, Entrypoint: c.entrypoint, Command: c.command}, base("linux/amd64")))
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if is := fmt.Sprintf("%q %q", got.Config.Entrypoint, got.Config.Cmd); is != c.want {
			t.Errorf("%s: got %s, want %s", what, is, c.want)
		}
	}
}

func TestVariablesAreReplacedWhereTheyStand(t *testing.T) {
	for _, c := range []struct{ base, recipe, want string }{
		{`["PATH=/bin","A=1"]`, "A=2 B=3", "PATH=/bin A=2 B=3"},
		{`["A=1","PATH=/bin","A=2"]`, "A=3", "A=3 PATH=/bin"},
		{`["AB=1","A","C=3"]`, "A=", "AB=1 A= C=3"},
		{`null`, "B=2 A=1", "A=1 B=2"},
		{`["A=1"]`, "", "A=1"},
	} {
		b := base("linux/amd64")
		b.Config = []byte(strings.Replace(baseConfig, `["PATH=/bin", "A=1"]`, c.base, 1))
		var got struct{ Config struct{ Env []string } }
		if err := json.Unmarshal([]byte(configOf(t, must(t, &plan.Recipe{Env: strings.Fields(c.recipe)}, b))), &got); err != nil {
			t.Fatal(err)
		}
		if is := strings.Join(got.Config.Env, " "); is != c.want {
			t.Errorf("%s and %s: got %s, want %s", c.base, c.recipe, is, c.want)
		}
	}
}

func TestHistoryTellsOfEveryLayer(t *testing.T) {
	const theirs = `[{"created_by": "a && b > c"}, {"created_by": "CMD", "empty_layer": true}]`
	for what, c := range map[string]struct {
		base  string
		files int
		want  string
	}{
		"whole":             {theirs, 1, "a && b > c, CMD (empty), ours"},
		"none":              {"null", 1, "unknown, ours"},
		"of nothing":        {`[{"created_by": "CMD", "empty_layer": true}]`, 1, "CMD (empty), unknown, ours"},
		"of too many":       {`[{"created_by": "a"}, {"created_by": "b"}]`, 1, "a, b, ours"},
		"recipe, but files": {theirs, 0, "a && b > c, CMD (empty), ours (empty)"},
	} {
		r, b := recipe(), base("linux/amd64")
		r.Files = r.Files[:c.files]
		b.Config = []byte(strings.Replace(baseConfig, theirs, c.base, 1))
		var got struct{ History []historyEntry }
		if err := json.Unmarshal([]byte(configOf(t, must(t, r, b))), &got); err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, e := range got.History {
			if strings.HasPrefix(e.CreatedBy, "satchel recipe sha256:") {
				e.CreatedBy = "ours"
			}
			if e.EmptyLayer {
				e.CreatedBy += " (empty)"
			}
			all = append(all, e.CreatedBy)
		}
		if is := strings.Join(all, ", "); is != c.want {
			t.Errorf("%s: got %s, want %s", what, is, c.want)
		}
	}
}

func TestRecipeWithoutFilesAddsNoLayer(t *testing.T) {
	img := must(t, &plan.Recipe{Base: baseName, User: "nobody"}, base("linux/amd64"))
	if m := manifestOf(t, img, 0); len(m.Layers) != 1 || img.Layer != "" || len(img.Blobs) != 2 {
		t.Errorf("%d layers, layer %q, %d blobs", len(m.Layers), img.Layer, len(img.Blobs))
	}
	if text := configOf(t, img); !strings.Contains(text, `"diff_ids":["sha256:2222222222222222222222222222222222222222222222222222222222222222"]`) {
		t.Errorf("the config lists other layers: %s", text)
	}
}

func TestMediaTypesAreThoseOfTheBase(t *testing.T) {
	for _, c := range []struct {
		bases                          []Base
		index, manifest, config, layer types.MediaType
	}{
		{[]Base{base("linux/amd64")}, "", types.DockerManifestSchema2, types.DockerConfigJSON, types.DockerLayer},
		{[]Base{ociBase("linux/amd64")}, "", types.OCIManifestSchema1, types.OCIConfigJSON, types.OCILayer},
		{[]Base{base("linux/arm64"), base("linux/amd64")}, types.DockerManifestList, types.DockerManifestSchema2, types.DockerConfigJSON, types.DockerLayer},
		{[]Base{ociBase("linux/amd64"), ociBase("linux/arm/v7")}, types.OCIImageIndex, types.OCIManifestSchema1, types.OCIConfigJSON, types.OCILayer},
		{[]Base{base("linux/amd64"), ociBase("linux/arm64")}, types.OCIImageIndex, types.DockerManifestSchema2, types.DockerConfigJSON, types.DockerLayer},
	} {
		img := must(t, recipe(), c.bases...)
		m := manifestOf(t, img, 0)
		if m.MediaType != c.manifest || m.Config.MediaType != c.config || len(m.Layers) != 2 || m.Layers[1].MediaType != c.layer {
			t.Errorf("got %+v", m)
		}
		if named := m.Annotations[baseNameAnnotation] == baseName; named != (c.manifest == types.OCIManifestSchema1) {
			t.Errorf("%s has annotations %v", m.MediaType, m.Annotations)
		}
		if m.Layers[1].Digest != img.Layer || !bytes.Contains(img.Manifests[0].Data, []byte(`"annotations":{"own":"<kept>"}`)) {
			t.Errorf("the layers are %s", img.Manifests[0].Data)
		}
		if c.index == "" {
			if img.Digest != img.Manifests[0].Digest {
				t.Errorf("%s is not that of the manifest", img.Digest)
			}
			continue
		}
		var index struct {
			MediaType types.MediaType
			Manifests []descriptor
		}
		if err := json.Unmarshal(blob(t, img, img.Digest), &index); err != nil {
			t.Fatal(err)
		}
		if index.MediaType != c.index || len(index.Manifests) != 2 || index.Manifests[0].Platform.Architecture != "amd64" {
			t.Errorf("got %+v, want %s", index, c.index)
		}
		for i, entry := range index.Manifests {
			if entry.Digest != img.Manifests[i].Digest || entry.MediaType != types.MediaType(img.Manifests[i].MediaType) || entry.Size != len(img.Manifests[i].Data) {
				t.Errorf("entry %+v is not about manifest %d", entry, i)
			}
		}
	}
}

func TestSameBytesFromTheSameInput(t *testing.T) {
	first := must(t, recipe(), base("linux/amd64"), base("linux/arm64"))
	r := recipe()
	slices.Reverse(r.Files)
	slices.Reverse(r.Env)
	slices.Reverse(r.Ports)
	second := must(t, r, base("linux/arm64"), base("linux/amd64"))
	if first.Digest != second.Digest || Digest(recipe()) != Digest(r) {
		t.Errorf("another order of the input makes %s of %s", second.Digest, first.Digest)
	}
	// Locks have such digests: a change here makes every one of them stale.
	for what, c := range map[string]struct{ got, want string }{
		"layer":  {first.Layer, "sha256:edffc7595bd4b9f1bf4734108abb2ae3278e525a9bc1ee0f88cf31d7a822fb7a"},
		"tar":    {diffID(t, first), "sha256:f0aaefee2a45744175341feeb75e85ebe30baee44b168f712786200a84814936"},
		"index":  {first.Digest, "sha256:ca0ad5512e7a1a6670e577cd81e5ca5d81969b285a3689ed51c8c2d84a4f46b2"},
		"recipe": {Digest(r), "sha256:4b978675ef8c8d99452befc0b98eb3e12650688dc76c8506df33c5369383a9ec"},
		"oci":    {must(t, r, ociBase("linux/amd64")).Digest, "sha256:0cd3974abb64429afb42a11bcb8b3453ed63fe4b842724c41d56b0023176f2e7"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %s, want %s", what, c.got, c.want)
		}
	}
}

func TestInputIsLeftAlone(t *testing.T) {
	r, b := recipe(), base("linux/amd64")
	slices.Reverse(r.Files)
	must(t, r, b)
	if r.Files[0].Path != "/etc/app.conf" || string(b.Config) != baseConfig {
		t.Error("the recipe or the base was changed")
	}
}

func TestBaseThatCannotBeOneIsRefused(t *testing.T) {
	config := func(old, new string) Base {
		b := base("linux/amd64")
		b.Config = []byte(strings.Replace(baseConfig, old, new, 1))
		return b
	}
	manifest := func(old, new string) Base {
		b := base("linux/amd64")
		b.Manifest = []byte(strings.Replace(string(b.Manifest), old, new, 1))
		return b
	}
	list := base("linux/amd64")
	list.MediaType = string(types.DockerManifestList)
	for want, bases := range map[string][]Base{
		`reading base "docker.io/library/python:3.9" for linux/amd64: config: field "config": the image has ONBUILD instructions, which only a build with a daemon could run (the first of 2 is "ADD . /app")`: {config(`"OnBuild": null`, `"OnBuild": ["ADD . /app", "RUN make"]`)},
		`config: it lists 0 layers, and the manifest 1`:                        {config(`"diff_ids"`, `"other"`)},
		`config: field "rootfs"`:                                               {config(`"rootfs": {`, `"rootfs": [], "x": {`)},
		`config: field "history"`:                                              {config(`"history": [`, `"history": [1, `)},
		`config: field "config": field "Env"`:                                  {config(`["PATH=/bin", "A=1"]`, `{"A": 1}`)},
		`config: field "config": field "Labels"`:                               {config(`{"theirs": "1"}`, `[]`)},
		`config: it is not a JSON object`:                                      {config(`{`, `[`)},
		`manifest: it is not that of an image`:                                 {manifest(`{`, `[`)},
		`its config has media type "application/vnd.cncf.helm.config.v1+json"`: {manifest(string(types.DockerConfigJSON), "application/vnd.cncf.helm.config.v1+json")},
		`media type "application/vnd.docker.distribution.manifest.list.v2+json" is not that of an im`: {list},
		`the base is there for no platform`:                   nil,
		`reading platform "linux/amd64": it is there twice`:   {base("linux/amd64"), base("linux/amd64")},
		`reading platform "linux": it is not OS/ARCHITECTURE`: {base("linux"), base("linux/amd64")},
	} {
		if _, err := Make(recipe(), bases); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func FuzzMake(f *testing.F) {
	f.Add(base("").Manifest, []byte(baseConfig))
	f.Add(base("").Manifest, []byte(`{"rootfs": {"diff_ids": [""]}, "config": null, "history": null}`))
	f.Add([]byte("null"), []byte("null"))
	f.Fuzz(func(t *testing.T, manifest, config []byte) {
		b := base("linux/amd64")
		b.Manifest, b.Config = manifest, config
		img, err := Make(recipe(), []Base{b})
		if err != nil {
			return
		}
		// What it makes can be a base itself.
		text := configOf(t, img)
		again, err := Make(recipe(), []Base{{Platform: "linux/amd64", MediaType: b.MediaType, Manifest: img.Manifests[0].Data, Config: []byte(text)}})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if before, after := len(manifestOf(t, img, 0).Layers), len(manifestOf(t, again, 0).Layers); after != before+1 {
			t.Errorf("%d layers became %d", before, after)
		}
	})
}
