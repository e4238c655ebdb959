package bundle

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/archive"
)

// buildParts writes the bundle in parts of 300 kB.
func buildParts(t testing.TB, in Input, name string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	if err := writeParts(t.Context(), in, out, 300_000); err != nil {
		t.Fatal(err)
	}
	return out
}

func writeParts(ctx context.Context, in Input, out string, size int64) error {
	d, err := Prepare(in)
	if err != nil {
		return err
	}
	return d.Write(ctx, Output{Path: out, Part: size}, nil)
}

// join puts the parts together.
func join(t testing.TB, path string) []byte {
	t.Helper()
	var whole []byte
	names := must(archive.PartNames(path))
	for _, name := range names[:len(names)-1] {
		whole = append(whole, must(os.ReadFile(filepath.Join(filepath.Dir(path), name)))...)
	}
	return whole
}

func TestPartsAreTheWholeBundle(t *testing.T) {
	in := sample(t)
	for _, name := range archiveNames {
		whole := build(t, in, name)
		path := buildParts(t, in, name)
		if !bytes.Equal(join(t, path), must(os.ReadFile(whole))) {
			t.Errorf("%s: the parts make other bytes", name)
		}
		for _, given := range []string{path, path + ".001"} {
			if found := problems(t, given); len(found) > 0 {
				t.Errorf("%s: %v", given, found)
			}
			if a, b := must(Inspect(t.Context(), given)), must(Inspect(t.Context(), whole)); a.Total != b.Total {
				t.Errorf("%s: %d bytes, %d in the whole", given, a.Total, b.Total)
			}
			sameTree(t, unpacked(t, given), unpacked(t, whole))
		}
		if left := listDir(t, filepath.Dir(path)); slices.ContainsFunc(left, func(n string) bool { return !strings.HasPrefix(n, name+".") }) {
			t.Errorf("left behind: %q", left)
		}
	}
}

func TestPartsAreReadInAnyOrder(t *testing.T) {
	path := buildParts(t, sample(t), "a.tar")
	for _, given := range []string{path, path + ".001"} {
		r := openReader(t, given)
		for _, file := range r.Manifest.Files {
			f, _, err := r.Open(file.Path)
			if err != nil {
				t.Fatal(err)
			}
			var buf bytes.Buffer
			if _, err := buf.ReadFrom(f); err != nil || hexSum(buf.Bytes()) != file.SHA256 {
				t.Errorf("%q has other content: %v", file.Path, err)
			}
			f.Close()
		}
	}
}

func TestADeltaInPartsMerges(t *testing.T) {
	in := sample(t)
	newer := next(t, in)
	old := buildParts(t, in, "old.tar.zst")
	delta := buildParts(t, since(t, newer, old), "delta.tar")
	sameTree(t, merged(t, old, delta+".001"), unpacked(t, build(t, newer, "new.tar")))
}

// TestADamagedPartIsNamed promises that whoever carries media learns which one to bring
// again, whatever is done with the bundle.
func TestADamagedPartIsNamed(t *testing.T) {
	in := sample(t)
	for what, test := range map[string]struct {
		harm func(path string) error
		want string
	}{
		"one bit":   {func(p string) error { return flipMiddle(p + ".004") }, `.004" is damaged`},
		"cut short": {func(p string) error { return os.Truncate(p+".002", 512) }, `.002" is damaged or cut short`},
		"last cut":  {func(p string) error { return os.Truncate(p+".009", 512) }, `.009" is damaged or cut short`},
		"missing":   {func(p string) error { return os.Remove(p + ".003") }, `a.tar.003 is not there`},
		"swapped": {func(p string) error {
			return errors.Join(os.Rename(p+".003", p+".x"), os.Rename(p+".005", p+".003"), os.Rename(p+".x", p+".005"))
		}, `.003" has what should be in a.tar.005`},
	} {
		t.Run(what, func(t *testing.T) {
			path := buildParts(t, in, "a.tar")
			if n := len(must(archive.PartNames(path))); n != 10 {
				t.Fatalf("there are %d parts", n-1)
			}
			if err := test.harm(path); err != nil {
				t.Fatal(err)
			}
			report, err := Verify(t.Context(), path)
			if err == nil {
				err = report.Err()
			}
			wantError(t, err, test.want)
			dir := t.TempDir()
			wantError(t, Unpack(t.Context(), path+".001", filepath.Join(dir, "x"), ""), test.want)
			if left := must(os.ReadDir(dir)); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func flipMiddle(path string) error {
	data, err := os.ReadFile(path)
	if err == nil {
		data[len(data)/2] ^= 1
	}
	return errors.Join(err, os.WriteFile(path, data, 0o600))
}

func TestFewerPartsReplaceMore(t *testing.T) {
	in := sample(t)
	path := buildParts(t, in, "a.tar")
	other := filepath.Join(filepath.Dir(path), "a.tar.txt")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeParts(t.Context(), in, path, 1e6); err != nil {
		t.Fatal(err)
	}
	if left := listDir(t, filepath.Dir(path)); !slices.Equal(left, []string{"a.tar.001", "a.tar.002", "a.tar.003", "a.tar.sha256", "a.tar.txt"}) {
		t.Errorf("there are %q", left)
	}
	if found := problems(t, path); len(found) > 0 {
		t.Error(found)
	}
}

func TestPartsTakeNobodysPlace(t *testing.T) {
	in := sample(t)
	for what, test := range map[string]struct{ name, want string }{
		"the whole":  {"a.tar", "in one piece"},
		"other sums": {"a.tar.sha256", "remove it or choose another name"},
	} {
		out := filepath.Join(t.TempDir(), "a.tar")
		there := filepath.Join(filepath.Dir(out), test.name)
		if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		wantError(t, writeParts(t.Context(), in, out, 300_000), test.want, there)
		if left := listDir(t, filepath.Dir(out)); len(left) != 1 || string(must(os.ReadFile(there))) != "mine" {
			t.Errorf("%s: there are %q", what, left)
		}
	}
	out := filepath.Join(t.TempDir(), "a.tar")
	wantError(t, writeParts(t.Context(), in, out, archive.MinPart-1), "smaller than")
	large := clone(in)
	large.Lock.Files[0].Size = 1e15
	wantError(t, writeParts(t.Context(), large, out, 300_000), "more than 999 parts")
}

func TestPartsThatCannotBeCompletedLeaveTheOldOnes(t *testing.T) {
	in := sample(t)
	path := buildParts(t, in, "a.tar")
	before := tree(t, filepath.Dir(path))
	newer := next(t, in)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d := must(Prepare(newer))
	told := int64(0)
	err := d.Write(ctx, Output{path, 200_000}, func(n int64) {
		if told += n; told > 1e6 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	spoil(t, newer, "sha256:"+newer.Lock.Files[0].SHA256)
	wantError(t, writeParts(t.Context(), newer, path, 200_000), "damaged")
	after := tree(t, filepath.Dir(path))
	for name, was := range before {
		if after[name] != was {
			t.Errorf("%s is not what it was", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("there are %q", listDir(t, filepath.Dir(path)))
	}
	dir := smallDisk(t)
	wantError(t, writeParts(t.Context(), sample(t), filepath.Join(dir, "a.tar"), 300_000), "no space left", "needed in")
	if left := listDir(t, dir); left != nil {
		t.Errorf("left behind: %q", left)
	}
}
