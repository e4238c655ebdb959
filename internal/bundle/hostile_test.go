package bundle

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hostile writes a sound bundle with more entries, or with other ones in their places.
func hostile(t *testing.T, name string, replace func(hdr *tar.Header) io.Reader, more func(w *tar.Writer)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f := must(os.Create(path))
	defer f.Close()
	var out io.Writer = f
	if strings.HasSuffix(name, ".gz") {
		z := must(gzip.NewWriterLevel(f, gzip.BestSpeed))
		defer z.Close()
		out = z
	}
	w := tar.NewWriter(out)
	for _, r := range records(t, build(t, sample(t), "sound.tar")) {
		content := io.Reader(strings.NewReader(string(r.data)))
		if other := replace(&r.Header); other != nil {
			content = other
		}
		if err := w.WriteHeader(&r.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, content); err != nil {
			t.Fatal(err)
		}
	}
	more(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// bomb is much that takes little room once it is compressed.
const bomb = 300 * mib

func TestHostileBundlesTakeNeitherMemoryNorDisk(t *testing.T) {
	asItIs := func(*tar.Header) io.Reader { return nil }
	nothing := func(*tar.Writer) {}
	inPlaceOf := func(path string) func(*tar.Header) io.Reader {
		return func(hdr *tar.Header) io.Reader {
			if hdr.Name != path {
				return nil
			}
			hdr.Size = bomb
			return io.LimitReader(zeros{}, bomb)
		}
	}
	for what, path := range map[string]string{
		"100,000 entries": hostile(t, "many.tar", asItIs, func(w *tar.Writer) {
			for n := range 100_000 {
				w.WriteHeader(&tar.Header{Name: fmt.Sprintf("more/%d/of/them", n), Typeflag: tar.TypeReg, Mode: 0o644})
			}
		}),
		"a bomb in the place of bundle.json": hostile(t, "json.tar.gz", inPlaceOf(manifestName), nothing),
		"a bomb in the place of SHA256SUMS":  hostile(t, "sums.tar.gz", inPlaceOf(sumsName), nothing),
		"a bomb in the place of a file":      hostile(t, "file.tar.gz", inPlaceOf("install.sh"), nothing),
		"a bomb that nobody lists": hostile(t, "extra.tar.gz", asItIs, func(w *tar.Writer) {
			w.WriteHeader(&tar.Header{Name: "zeros", Typeflag: tar.TypeReg, Mode: 0o644, Size: bomb})
			io.Copy(w, io.LimitReader(zeros{}, bomb))
		}),
		"a bomb as a program": hostile(t, "program.tar.gz", inPlaceOf("bin/satchel-amd64"), nothing),
	} {
		t.Run(what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "site")
			grown := peak(t, func() {
				err := Unpack(t.Context(), path, dir, "")
				if err == nil {
					t.Error("it is unpacked")
				}
				t.Log(err)
				report, err := Verify(t.Context(), path)
				if err == nil && len(report.Problems) == 0 {
					t.Error("it is verified")
				}
			})
			if grown > 2*maxPeak {
				t.Errorf("memory grew by %d MiB", grown/mib)
			}
			left := must(os.ReadDir(filepath.Dir(dir)))
			if len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
