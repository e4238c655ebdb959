package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// record is an entry of an archive that a test may change as it likes.
type record struct {
	tar.Header
	data []byte
}

func records(t testing.TB, path string) []record {
	t.Helper()
	tr := tar.NewReader(bytes.NewReader(must(os.ReadFile(path))))
	var all []record
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, record{*hdr, must(io.ReadAll(tr))})
	}
}

func saveRecords(t testing.TB, all []record) string {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, r := range all {
		r.Size = int64(len(r.data))
		err := tw.WriteHeader(&r.Header)
		if err == nil {
			_, err = tw.Write(r.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "changed.tar")
	if err := errors.Join(tw.Close(), os.WriteFile(path, buf.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

func find(t testing.TB, all []record, name string) int {
	t.Helper()
	i := slices.IndexFunc(all, func(r record) bool { return r.Name == name })
	if i < 0 {
		t.Fatalf("no entry %q", name)
	}
	return i
}

// reseal makes bundle.json and SHA256SUMS fit changed contents, as an attacker
// without the signing key would.
func reseal(t testing.TB, all []record) {
	t.Helper()
	m := must(decodeManifest(all[0].data))
	for i, file := range m.Files {
		data := all[find(t, all, file.Path)].data
		m.Files[i].Size, m.Files[i].SHA256 = int64(len(data)), hexSum(data)
	}
	all[0].data = must(m.encode())
	all[1].data = sums(m.Files, all[0].data)
}

// changes are ways to spoil a bundle, with the problem that Verify must name.
func changes() map[string]struct {
	change func(testing.TB, []record) []record
	want   string
} {
	const host = "hosts/worker1/kubeadm.yaml"
	type test = struct {
		change func(testing.TB, []record) []record
		want   string
	}
	on := func(name string, f func(*record)) func(testing.TB, []record) []record {
		return func(t testing.TB, all []record) []record { f(&all[find(t, all, name)]); return all }
	}
	sealed := func(f func(testing.TB, []record) []record) func(testing.TB, []record) []record {
		return func(t testing.TB, all []record) []record { all = f(t, all); reseal(t, all); return all }
	}
	return map[string]test{
		"one bit of a file":  {on(host, func(r *record) { r.data[3] ^= 1 }), host + ": has other content"},
		"one bit of a layer": {func(t testing.TB, all []record) []record { big(all).data[99] ^= 1; return all }, "blobs/sha256/"},
		"a longer file":      {on(host, func(r *record) { r.data = append(r.data, 0) }), host + ": has 25 bytes, should have 24"},
		"a program less":     {on("install.sh", func(r *record) { r.Mode = 0o644 }), "install.sh: has mode 0644, should have 0755"},
		"a setuid program":   {on("install.sh", func(r *record) { r.Mode = 0o4755 }), "install.sh: has mode"},
		"a missing file":     {remove(host), host + ": is missing"},
		"a missing list":     {remove(sumsName), "SHA256SUMS: is missing"},
		"an extra file":      {func(_ testing.TB, all []record) []record { return append(all, extra("steps/99-evil.sh")) }, "steps/99-evil.sh: is not in bundle.json"},
		"a line changed":     {on(sumsName, func(r *record) { r.data[0] ^= 1 }), "SHA256SUMS: lacks the line"},
		"a line too many":    {on(sumsName, func(r *record) { r.data = append(r.data, "x  y\n"...) }), `SHA256SUMS: has the line "x  y"`},
		"a line twice":       {on(sumsName, func(r *record) { r.data = append(r.data, bytes.SplitAfter(r.data, []byte("\n"))[0]...) }), "some twice"},
		"a link": {func(_ testing.TB, all []record) []record {
			e := extra("l")
			e.Typeflag, e.Linkname, e.data = tar.TypeSymlink, "/etc/passwd", nil
			return append(all, e)
		}, "only regular files"},
		"an entry twice":     {func(_ testing.TB, all []record) []record { return append(all, all[4]) }, "twice"},
		"a path that leaves": {func(_ testing.TB, all []record) []record { return append(all, extra("../x")) }, "clean relative path"},
		"another index":      {sealed(on(indexName, func(r *record) { r.data = bytes.Replace(r.data, []byte("v0.18.1"), []byte("v0.18.2"), 1) })), "index.json"},
		"an index of no use": {sealed(on(indexName, func(r *record) { r.data = []byte("{") })), "index.json: cannot be read"},
		"another size there": {sealed(on(indexName, func(r *record) { r.data = bytes.Replace(r.data, []byte(`"size":`), []byte(`"size":1`), 1) })), "index.json: gives sha256:"},
		"another layout":     {sealed(on(layoutName, func(r *record) { r.data = []byte(`{"imageLayoutVersion":"9"}`) })), "oci-layout: is"},
		"a platform swapped": {sealed(on(indexName, func(r *record) { r.data = bytes.Replace(r.data, []byte(`"amd64"`), []byte(`"riscv"`), 1) })), "other platforms"},
		"another list":       {sealed(on(listName, func(r *record) { r.data = bytes.Replace(r.data, []byte("v0.18.1"), []byte("v0.18.2"), 1) })), "images/list: has other images"},
		"an image less":      {sealed(on(indexName, func(r *record) { r.data = []byte(`{"schemaVersion":2,"manifests":[]}`) })), "lacks image"},
	}
}

func big(all []record) *record {
	return &all[slices.IndexFunc(all, func(r record) bool { return strings.HasPrefix(r.Name, blobsDir) && len(r.data) > 60_000 })]
}

func remove(name string) func(testing.TB, []record) []record {
	return func(t testing.TB, all []record) []record {
		i := find(t, all, name)
		return slices.Delete(all, i, i+1)
	}
}

func extra(name string) record {
	return record{tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg}, []byte("x")}
}

func TestVerifyNamesWhatIsWrong(t *testing.T) {
	good := build(t, sample(t), "a.tar")
	for what, test := range changes() {
		t.Run(what, func(t *testing.T) {
			path := saveRecords(t, test.change(t, records(t, good)))
			report, err := Verify(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			wantError(t, report.Err(), test.want)
		})
	}
}

// badBundles are the bundles that unpacking must refuse. A wrong image index is
// no danger to the host's file system; it is for Verify alone.
func badBundles(t *testing.T) map[string]string {
	good := build(t, sample(t), "a.tar")
	bad := map[string]string{}
	for what, test := range changes() {
		if strings.Contains(test.want, "index.json") || slices.Contains([]string{"oci-layout: is", "other platforms", "lacks image", "images/list: has other images"}, test.want) {
			continue
		}
		bad[what] = saveRecords(t, test.change(t, records(t, good)))
	}
	whole := must(os.ReadFile(good))
	for _, cut := range []int{0, 100, 512, 5000, len(whole) / 2, len(whole) - 1024} {
		path := filepath.Join(t.TempDir(), "cut.tar")
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		bad[fmt.Sprintf("cut to %d", cut)] = path
	}
	return bad
}

func TestVerifyIsContentWithWhatWriteWrote(t *testing.T) {
	in := sample(t)
	for _, name := range []string{"a.tar", "a.tar.gz", "a.tar.zst"} {
		report, err := Verify(t.Context(), build(t, in, name))
		if err != nil || report.Err() != nil {
			t.Fatalf("%s: %v, %v", name, report, err)
		}
		if want := len(must(assemble(in))); report.Files != want || report.Bytes != must(Size(in)) {
			t.Errorf("%s: %d files with %d bytes were checked, want %d with %d", name, report.Files, report.Bytes, want, must(Size(in)))
		}
	}
}

func TestVerifyNamesEveryProblemAtOnce(t *testing.T) {
	all := records(t, build(t, sample(t), "a.tar"))
	all[find(t, all, "install.sh")].Mode = 0o644
	big(all).data[5] ^= 1
	all = append(remove("hosts/master1/host.env")(t, all), extra("zzz"))
	report, err := Verify(t.Context(), saveRecords(t, all))
	if err != nil || len(report.Problems) != 4 {
		t.Errorf("got %v, %v", report.Problems, err)
	}
}

func TestAnUnpackedBundleIsCheckedTheSameWay(t *testing.T) {
	dir := unpacked(t, build(t, sample(t), "a.tar"))
	err := errors.Join(
		os.Remove(filepath.Join(dir, "hosts/master1/host.env")),
		os.WriteFile(filepath.Join(dir, "added"), nil, 0o600),
		os.Chmod(filepath.Join(dir, "install.sh"), 0o777),
		os.WriteFile(filepath.Join(dir, "files/amd64/cni.tgz"), []byte("PLUGINS"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Verify(t.Context(), dir)
	if err != nil || len(report.Problems) != 4 {
		t.Fatalf("got %v, %v", report, err)
	}
	wantError(t, report.Err(), "host.env: is missing", "added: is not in", "install.sh: has mode 0777", "cni.tgz: has other content")
}

func TestABundleCutShortSaysSoAndNamesWhatIsMissing(t *testing.T) {
	for _, name := range []string{"a.tar", "a.tar.gz", "a.tar.zst"} {
		whole := must(os.ReadFile(build(t, sample(t), name)))
		for _, share := range []float64{0.5, 0.9, 0.999} {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, whole[:int(share*float64(len(whole)))], 0o600); err != nil {
				t.Fatal(err)
			}
			report, err := Verify(t.Context(), path)
			if err != nil {
				// The compressor had not even given out bundle.json.
				wantError(t, err, "cut short")
				continue
			}
			wantError(t, report.Err(), "cut short")
		}
	}
}

func TestASignatureBesideTheSumsIsNoExtraFile(t *testing.T) {
	all := records(t, build(t, sample(t), "a.tar"))
	path := saveRecords(t, slices.Insert(all, 2, extra(signatureName)))
	if found := problems(t, path); len(found) > 0 {
		t.Error(found)
	}
	if data := must(os.ReadFile(filepath.Join(unpacked(t, path), signatureName))); string(data) != "x" {
		t.Errorf("the signature became %q", data)
	}
}

func TestAnArchiveThatIsNoBundle(t *testing.T) {
	_, err := Verify(t.Context(), saveRecords(t, []record{extra("something")}))
	wantError(t, err, "not a bundle", `"something"`)
}

func TestVerifyEndsWithTheContext(t *testing.T) {
	path := build(t, sample(t), "a.tar")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Verify(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
