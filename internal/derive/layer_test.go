package derive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
)

// inflate reads a layer with the standard library.
func inflate(t testing.TB, layer []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(layer))
	if err != nil {
		t.Fatal(err)
	}
	if !r.ModTime.IsZero() || r.Name != "" || r.Comment != "" || r.Extra != nil {
		t.Errorf("the header says %+v", r.Header)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func diffID(t testing.TB, img *Image) string {
	t.Helper()
	return newBlob(inflate(t, blob(t, img, img.Layer))).Digest
}

// list is what a layer has, one line an entry.
func list(t testing.TB, layer []byte) []string {
	t.Helper()
	var lines []string
	for r := tar.NewReader(bytes.NewReader(inflate(t, layer))); ; {
		h, err := r.Next()
		if err == io.EOF {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || h.ModTime.Unix() != 0 {
			t.Errorf("%s is of %d:%d and %s", h.Name, h.Uid, h.Gid, h.ModTime)
		}
		lines = append(lines, fmt.Sprintf("%c %04o %s %q", h.Typeflag, h.Mode, h.Name, data))
	}
}

func layerOf(t testing.TB, files ...plan.RecipeFile) []byte {
	t.Helper()
	layer, _, err := newLayer(files)
	if err != nil {
		t.Fatal(err)
	}
	return layer.Data
}

func TestLayerHasTheFilesAndTheirDirectories(t *testing.T) {
	r := recipe()
	r.Files = append(r.Files,
		plan.RecipeFile{Path: "/root/.profile", Mode: 0o600, Data: []byte("x")},
		plan.RecipeFile{Path: "/tmp/seed", Mode: 0o4755, Data: []byte("y")},
		plan.RecipeFile{Path: "/data-1", Mode: 0o444, Data: []byte("z")})
	img := must(t, r, base("linux/amd64"))
	got := strings.Join(list(t, blob(t, img, img.Layer)), "\n")
	want := `5 0755 data/ ""
0 0444 data-1 "z"
0 0644 data/app.py "print('hello')\n"
5 0755 data/scripts/ ""
0 0755 data/scripts/startup.sh "#!/bin/sh\nexec python app.py\n"
5 0755 etc/ ""
0 0600 etc/app.conf ""
5 0700 root/ ""
0 0600 root/.profile "x"
5 1777 tmp/ ""
0 4755 tmp/seed "y"`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPathsThatNeedAnotherFormatOfTar(t *testing.T) {
	long := "/data/" + strings.Repeat("very-long-name/", 30) + "x"
	for _, path := range []string{long, "/data/ärger/日本語.txt", "/data/with space and 'quotes'", "/" + strings.Repeat("n", 255)} {
		file := plan.RecipeFile{Path: path, Mode: 0o644, Data: []byte("content")}
		layer := layerOf(t, file)
		lines := list(t, layer)
		if want := fmt.Sprintf("0 0644 %s %q", path[1:], "content"); lines[len(lines)-1] != want {
			t.Errorf("got %s, want %s", lines[len(lines)-1], want)
		}
		if !bytes.Equal(layer, layerOf(t, file)) {
			t.Errorf("%s: two runs differ", path)
		}
	}
}

func TestStoredGzipIsGzip(t *testing.T) {
	for _, n := range []int{0, 1, 65534, 65535, 65536, 131070, 200_000} {
		data := bytes.Repeat([]byte("0123456789abcde"), n/15+1)[:n]
		for _, chunk := range []int{1 << 20, 512, 7} {
			w := newStoredWriter()
			for part := range slices.Chunk(data, chunk) {
				w.Write(part)
			}
			if got := inflate(t, w.finish()); !bytes.Equal(got, data) {
				t.Errorf("%d bytes, %d at once, come back as %d", n, chunk, len(got))
			}
		}
	}
}
