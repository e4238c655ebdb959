package imagefile

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/mholt/archiver/v4"
)

type file struct {
	name, data string
	kind       byte   // a regular file if it is 0
	link       string // where a link leads
}

func pack(t testing.TB, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		hdr := &tar.Header{Name: f.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f.data))}
		if f.kind != 0 {
			hdr.Typeflag, hdr.Linkname, hdr.Size = f.kind, f.link, 0
		}
		if err := w.WriteHeader(hdr); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.data); err != nil && hdr.Size > 0 {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func sumOf(data string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(data))) }

// open puts an archive beside a spec and opens it.
func open(t testing.TB, data []byte) (*Archive, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.tar"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return openAt(t, dir, "a.tar")
}

func openAt(t testing.TB, dir, name string) (*Archive, error) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	a, err := Open(t.Context(), root, name, func() (*os.File, error) { return scratch(t) })
	if err == nil {
		t.Cleanup(func() { a.Close() })
	}
	return a, err
}

func scratch(t testing.TB) (*os.File, error) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err == nil {
		t.Cleanup(func() {
			if f.Close() == nil {
				t.Error("the scratch file was left open")
			}
		})
	}
	return f, err
}

const (
	bottom = "the bytes of a lower layer"
	upper  = "the bytes of an upper layer"
)

// config is that of an image of layers.
func config(layers ...string) string {
	var ids []string
	for _, l := range layers {
		ids = append(ids, `"sha256:`+sumOf(l)+`"`)
	}
	return `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[` + strings.Join(ids, ",") + `]}}`
}

// old is what docker save wrote up to version 24: each layer in a directory, and a link
// in the place of a layer that is there already.
func old() []file {
	return []file{
		{name: "aaa/", kind: tar.TypeDir}, {name: "aaa/VERSION", data: "1.0"}, {name: "aaa/layer.tar", data: bottom},
		{name: "bbb/layer.tar", data: upper},
		{name: "ccc/layer.tar", kind: tar.TypeSymlink, link: "../aaa/layer.tar"},
		{name: "one.json", data: config(bottom, upper)}, {name: "two.json", data: config(bottom)},
		{name: "manifest.json", data: `[{"Config":"one.json","RepoTags":["web:1.0","example.com/web:1.0"],"Layers":["aaa/layer.tar","bbb/layer.tar"]},` +
			`{"Config":"two.json","RepoTags":["db:2"],"Layers":["ccc/layer.tar"]}]`},
		{name: "repositories", data: "{}"},
	}
}

// TestAGlobalHeaderIsPassedOver: git archive writes one before everything else.
func TestAGlobalHeaderIsPassedOver(t *testing.T) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for range 2 {
		if err := w.WriteHeader(&tar.Header{Name: "pax_global_header", Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "a commit"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	a, err := open(t, append(out.Bytes(), pack(t, old()...)...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Image(true, "db:2"); err != nil {
		t.Error(err)
	}
}

// whole reads everything of an image, and checks it by its digests.
func whole(t *testing.T, i *Image, digest string) *v1.Manifest {
	t.Helper()
	d, err := i.Document(digest)
	if err != nil {
		t.Fatal(err)
	}
	m, err := v1.ParseManifest(bytes.NewReader(d.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	for _, blob := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		f, size, err := i.Blob(blob.Digest.String())
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		if err != nil || size != blob.Size || sumOf(string(data)) != blob.Digest.Hex || f.Close() != nil {
			t.Errorf("%s has %d bytes with the digest %s: %v", blob.Digest, size, sumOf(string(data)), err)
		}
	}
	return m
}

func TestImagesOfDockerSaveKeepTheirIDAndTheirLayers(t *testing.T) {
	a, err := open(t, pack(t, old()...))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"docker.io/library/web:1.0": config(bottom, upper), "db:2": config(bottom)} {
		i, err := a.Image(true, name)
		if err != nil {
			t.Fatal(err)
		}
		m := whole(t, i, i.Top.Digest)
		if m.Config.Digest.Hex != sumOf(want) {
			t.Errorf("%s has the ID %s, docker gave it %s", name, m.Config.Digest, sumOf(want))
		}
		if m.Layers[0].Digest.Hex != sumOf(bottom) || m.Layers[0].MediaType != "application/vnd.oci.image.layer.v1.tar" {
			t.Errorf("%s: the first layer is %v", name, m.Layers[0])
		}
	}
}

func TestCompressedLayersOfDockerSaveAreChecked(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	io.WriteString(w, bottom)
	w.Close()
	files := func(about string) []file {
		return []file{{name: "l.tgz", data: z.String()}, {name: "c.json", data: config(about)}, {name: "manifest.json", data: `[{"Config":"c.json","Layers":["l.tgz"]}]`}}
	}
	a, err := open(t, pack(t, files(bottom)...))
	if err != nil {
		t.Fatal(err)
	}
	if m := whole(t, a.images[0], a.images[0].Top.Digest); m.Layers[0].MediaType != "application/vnd.oci.image.layer.v1.tar+gzip" {
		t.Errorf("the layer is %v", m.Layers[0])
	}
	if _, err := open(t, pack(t, files(upper)...)); err == nil || !strings.Contains(err.Error(), "without its compression it has the digest") {
		t.Errorf("a layer that its config does not know: %v", err)
	}
}

// layout is an OCI layout of an image for two platforms, and its index.
func layout(named string, platforms ...string) []file {
	var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	blobs := map[string]string{}
	for _, p := range platforms {
		platform := must(v1.ParsePlatform(p))
		img := must(mutate.AppendLayers(empty.Image, static.NewLayer([]byte(bottom), types.OCILayer), static.NewLayer([]byte("for "+p), types.OCILayer)))
		config := must(img.ConfigFile()).DeepCopy()
		config.OS, config.Architecture = platform.OS, platform.Architecture
		img = mutate.MediaType(mutate.ConfigMediaType(must(mutate.ConfigFile(img, config)), types.OCIConfigJSON), types.OCIManifestSchema1)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}})
		for _, data := range []string{string(must(img.RawManifest())), string(must(img.RawConfigFile())), bottom, "for " + p} {
			blobs[sumOf(data)] = data
		}
	}
	raw := string(must(index.RawManifest()))
	blobs[sumOf(raw)] = raw
	files := []file{{name: "./oci-layout", data: `{"imageLayoutVersion":"1.0.0"}`}, {name: "./index.json", data: fmt.Sprintf(
		`{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%d%s}]}`, types.OCIImageIndex, sumOf(raw), len(raw), named)}}
	for _, digits := range slices.Sorted(maps.Keys(blobs)) {
		files = append(files, file{name: "./blobs/sha256/" + digits, data: blobs[digits]})
	}
	return files
}

func TestALayoutIsReadFromATarAndFromADirectory(t *testing.T) {
	files := layout(`,"annotations":{"org.opencontainers.image.ref.name":"1.0","io.containerd.image.name":"docker.io/example/web:1.0"}`, "linux/amd64", "linux/arm64")
	dir := t.TempDir()
	for _, f := range files {
		path := filepath.Join(dir, "web", f.name)
		os.MkdirAll(filepath.Dir(path), 0o700)
		os.WriteFile(path, []byte(f.data), 0o600)
	}
	os.WriteFile(filepath.Join(dir, "web.tar"), pack(t, files...), 0o600)
	for _, at := range []string{"web", "web.tar"} {
		a, err := openAt(t, dir, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"1.0", "docker.io/example/web:1.0", "example/web:1.0"} {
			i, err := a.Image(true, name)
			if err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			index := must(v1.ParseIndexManifest(bytes.NewReader(i.Top.Bytes)))
			for _, m := range index.Manifests {
				if got := whole(t, i, m.Digest.String()); len(got.Layers) != 2 {
					t.Errorf("%s: %d layers", at, len(got.Layers))
				}
			}
		}
	}
}

func TestWhatALayoutLacksOrHasWrongIsNamed(t *testing.T) {
	files := layout("", "linux/amd64")
	for _, f := range files[2:] {
		others := slices.DeleteFunc(slices.Clone(files), func(o file) bool { return o.name == f.name })
		if said := readAll(t, others); !strings.Contains(said, "the image was saved without it") {
			t.Errorf("without %s: %q", f.name, said)
		}
		wrong := append(slices.Clone(others), file{name: f.name, data: strings.Repeat("x", len(f.data))})
		if said := readAll(t, wrong); !strings.Contains(said, "digest") {
			t.Errorf("with another %s: %q", f.name, said)
		}
	}
}

// readAll reads what there is of an image, as its users do, and tells what is wrong.
func readAll(t *testing.T, files []file) string {
	t.Helper()
	a, err := open(t, pack(t, files...))
	if err != nil {
		return err.Error()
	}
	i := a.images[0]
	index := must(v1.ParseIndexManifest(bytes.NewReader(i.Top.Bytes)))
	d, err := i.Document(index.Manifests[0].Digest.String())
	if err != nil {
		return err.Error()
	}
	m := must(v1.ParseManifest(bytes.NewReader(d.Bytes)))
	for _, blob := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		f, _, err := i.Blob(blob.Digest.String())
		if err != nil {
			return err.Error()
		}
		if data := must(io.ReadAll(f)); sumOf(string(data)) != blob.Digest.Hex {
			return "the reader sees another digest"
		}
	}
	return ""
}

// TestAllPlatformsUnderOneNameAreOneImage is about tools that write no index for them.
func TestAllPlatformsUnderOneNameAreOneImage(t *testing.T) {
	files := layout("", "linux/amd64", "linux/arm64")
	index := 2 + slices.IndexFunc(files[2:], func(f file) bool { return strings.Contains(f.data, `"manifests":[`) })
	files[1].data = files[index].data
	a, err := open(t, pack(t, files...))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.images) != 1 || !a.images[0].Top.MediaType.IsIndex() {
		t.Errorf("there are %d images, the first is %s", len(a.images), a.images[0].Top.MediaType)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(pack(f, old()...))
	f.Add(pack(f, layout("", "linux/amd64", "linux/arm64")...))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := open(t, data)
		if err != nil {
			return
		}
		for _, i := range a.images {
			d, err := i.Document(i.Top.Digest)
			if err != nil || d.Digest != "sha256:"+sumOf(string(d.Bytes)) {
				t.Errorf("%s is not what it should be: %v", i.Top.Digest, err)
			}
		}
	})
}

// squeezed compresses as people do with what docker save wrote.
func squeezed(t testing.TB, with string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := map[string]archiver.Compression{"gzip": archiver.Gz{}, "zstd": archiver.Zstd{}, "xz": archiver.Xz{}, "bzip2": archiver.Bz2{}}[with].OpenWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = w.Write(data); err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func half(data []byte) []byte { return data[:len(data)/2] }

func TestCompressedArchivesAreRead(t *testing.T) {
	for _, with := range []string{"gzip", "zstd", "xz", "bzip2"} {
		a, err := open(t, squeezed(t, with, pack(t, old()...)))
		if err != nil {
			t.Errorf("%s: %v", with, err)
			continue
		}
		i, err := a.Image(true, "web:1.0")
		if err != nil {
			t.Fatal(err)
		}
		if m := whole(t, i, i.Top.Digest); len(m.Layers) != 2 {
			t.Errorf("%s: the image has %d layers", with, len(m.Layers))
		}
	}
}

func TestBadArchivesSayWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"text", []byte(strings.Repeat("this is no archive\n", 100)), "it is not a tar archive"},
		{"nothing", nil, "neither an index.json nor a manifest.json"},
		{"compressed", []byte("\x1f\x8b\x08 and so on"), "undoing its compression with gzip: "},
		{"cut short", half(squeezed(t, "gzip", pack(t, old()...))), "undoing its compression with gzip: unexpected EOF"},
		{"compressed twice", squeezed(t, "zstd", squeezed(t, "gzip", pack(t, old()...))), "it is not a tar archive"},
		{"other tar", pack(t, file{name: "README", data: "hello"}), "neither an index.json nor a manifest.json"},
		{"traversal", pack(t, file{name: "../../etc/passwd", data: "x"}), "the name leads out of the archive"},
		{"absolute", pack(t, file{name: "/etc/passwd", data: "x"}), "the name leads out of the archive"},
		{"link outside", pack(t, file{name: "layer.tar", kind: tar.TypeSymlink, link: "../../etc/shadow"}), "the name leads out of the archive"},
		{"absolute link", pack(t, file{name: "layer.tar", kind: tar.TypeSymlink, link: "/etc/shadow"}), "a link that leads out of the archive"},
		{"hard link outside", pack(t, file{name: "layer.tar", kind: tar.TypeLink, link: "../shadow"}), "the name leads out of the archive"},
		{"device", pack(t, file{name: "sda", kind: tar.TypeBlock}), "neither a file nor a directory nor a link"},
		{"twice", pack(t, file{name: "a", data: "1"}, file{name: "./a", data: "2"}), "it is there twice"},
		{"links in a ring", pack(t, file{name: "a", kind: tar.TypeSymlink, link: "b"}, file{name: "b", kind: tar.TypeSymlink, link: "a"},
			file{name: "manifest.json", data: `[{"Config":"a"}]`}), "file does not exist"},
		{"no image", pack(t, file{name: "manifest.json", data: `[]`}), "there is no image in it"},
		{"too few layers", pack(t, file{name: "c.json", data: config(bottom)}, file{name: "manifest.json", data: `[{"Config":"c.json"}]`}), "the config is about 1 layers, and there are 0"},
		{"cut short", pack(t, old()...)[:2000], "reading the tar archive: unexpected EOF"},
		{"newer layout", pack(t, file{name: "oci-layout", data: `{"imageLayoutVersion":"2.0.0"}`}, file{name: "index.json", data: `{"manifests":[]}`}), "only 1.0.0 is known"},
	} {
		if _, err := open(t, c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestAnArchiveOfHundredThousandEntriesIsRead(t *testing.T) {
	files := old()
	for n := range 100_000 {
		files = append(files, file{name: fmt.Sprintf("more/%d", n)})
	}
	if a, err := open(t, pack(t, files...)); err != nil || len(a.images) != 2 {
		t.Error(err)
	}
	for n := range 40_000 {
		files = append(files, file{name: fmt.Sprintf("yet/more/%d", n)})
	}
	if _, err := open(t, pack(t, files...)); err == nil || !strings.Contains(err.Error(), "there are more than 131072") {
		t.Errorf("too many entries: %v", err)
	}
}

func TestAnImageOfSeveralIsNamed(t *testing.T) {
	a, err := open(t, pack(t, old()...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Image(false, "registry.example.com/app:1"); err == nil || err.Error() != "there are 2 images in it; say which in the field image: web:1.0, example.com/web:1.0, db:2" {
		t.Error(err)
	}
	if _, err := a.Image(true, "web:3"); err == nil || err.Error() != `there is no image "web:3" in it; it has web:1.0, example.com/web:1.0, db:2` {
		t.Error(err)
	}
}

func TestLinksOutOfADirectoryLeadNowhere(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "index.json")
	os.WriteFile(outside, []byte(`{"manifests":[]}`), 0o600)
	os.Mkdir(filepath.Join(dir, "layout"), 0o700)
	os.WriteFile(filepath.Join(dir, "layout", "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o600)
	if err := os.Symlink(outside, filepath.Join(dir, "layout", "index.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "a.tar")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"layout", "a.tar"} {
		if _, err := openAt(t, dir, name); err == nil || !strings.Contains(err.Error(), "path escapes from parent") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// must is for what cannot fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
