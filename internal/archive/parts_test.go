package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// split writes data in up to 7 parts, of MinPart bytes or more, to a new directory.
func split(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	size := max(MinPart, len(data)/7+1)
	w, err := NewPartWriter(filepath.Dir(path), name, int64(size))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(w, struct{ io.Reader }{bytes.NewReader(data)})
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	names := w.Names()
	if len(names) != (len(data)+size-1)/size+1 || names[len(names)-1] != name+".sha256" {
		t.Fatalf("%d bytes are in %q", len(data), names)
	}
	if again, err := PartNames(path); err != nil || !slices.Equal(again, names) {
		t.Errorf("the list has %q, %v", again, err)
	}
	return path
}

func TestPartsReadLikeTheWhole(t *testing.T) {
	for _, format := range formats {
		data := pack(t, format, mixed())
		path := split(t, "a"+string(format), data)
		want, err := readAll(t.Context(), save(t, data))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{path, path + ".001", path + ".002"} {
			got, err := readAll(t.Context(), name)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %d entries, %v", name, len(got), err)
			}
			if unpacked, err := Unpacked(name); unpacked || err != nil {
				t.Errorf("%s: %v, %v", name, unpacked, err)
			}
		}
		if err := CheckParts(t.Context(), path); err != nil {
			t.Error(err)
		}
		if format != Tar {
			continue
		}
		x := openIndex(t, path)
		for _, e := range want {
			f, size, err := x.Open(e.path)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(f); err != nil || string(got) != e.data || size != int64(len(e.data)) {
				t.Errorf("%s: %d bytes, %v", e.path, len(got), err)
			}
			f.Close()
		}
	}
}

func TestPartsReadAtEveryPlace(t *testing.T) {
	data := make([]byte, 5*MinPart+123)
	rand.NewChaCha8([32]byte{}).Read(data)
	p, err := openParts(t.Context(), split(t, "a", data))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		off, n := rnd.IntN(len(data)+100), rnd.IntN(3*MinPart)
		buf := make([]byte, n)
		got, err := p.ReadAt(buf, int64(off))
		want := data[min(off, len(data)):min(off+n, len(data))]
		if !bytes.Equal(buf[:got], want) || (err == nil) != (len(want) == n) || err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("%d bytes at %d: got %d, %v", n, off, got, err)
		}
	}
	if _, err := p.ReadAt(make([]byte, 1), -1); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("before the beginning: %v", err)
	}
}

func TestSha256sumAndCatAreEnoughForParts(t *testing.T) {
	program, err := exec.LookPath("sha256sum")
	if err != nil {
		t.Skip("sha256sum is not installed")
	}
	data := pack(t, Tar, mixed())
	path := split(t, "a.tar", data)
	cmd := exec.Command(program, "--strict", "-c", "a.tar.sha256")
	cmd.Dir = filepath.Dir(path)
	out, err := cmd.CombinedOutput()
	names, _ := PartNames(path)
	if err != nil || strings.Count(string(out), ": OK\n") != len(names)-1 {
		t.Errorf("%v\n%s", err, out)
	}
	var joined []byte
	for _, name := range names[:len(names)-1] {
		part, err := os.ReadFile(filepath.Join(cmd.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		joined = append(joined, part...)
	}
	if !bytes.Equal(joined, data) {
		t.Error("the parts do not make the whole")
	}
}

// harm spoils one or two of several parts in every way, and says what must be named.
var harm = map[string]struct {
	harm func(part func(int) string) error
	want []string
}{
	"missing":       {func(p func(int) string) error { return os.Remove(p(2)) }, []string{"a.tar.002 is not there"}},
	"two missing":   {func(p func(int) string) error { return errors.Join(os.Remove(p(2)), os.Remove(p(5))) }, []string{"a.tar.002 and a.tar.005 are not there"}},
	"short":         {func(p func(int) string) error { return os.Truncate(p(3), 1000) }, []string{`a.tar.003" is damaged or cut short`}},
	"empty":         {func(p func(int) string) error { return os.Truncate(p(3), 0) }, []string{`a.tar.003" is damaged or cut short`}},
	"first short":   {func(p func(int) string) error { return os.Truncate(p(1), 1024) }, []string{`a.tar.001" is damaged or cut short`}},
	"last short":    {func(p func(int) string) error { return os.Truncate(p(6), 1024) }, []string{`a.tar.006" is damaged or cut short`}},
	"last empty":    {func(p func(int) string) error { return os.Truncate(p(6), 0) }, []string{`a.tar.006" is damaged or cut short`}},
	"longer":        {func(p func(int) string) error { return os.Truncate(p(4), MinPart+512) }, []string{`a.tar.004" is damaged or cut short`}},
	"swapped":       {func(p func(int) string) error { return swap(p(2), p(4)) }, []string{`a.tar.002" has what should be in a.tar.004`, `a.tar.004" has what should be in a.tar.002`}},
	"swapped last":  {func(p func(int) string) error { return swap(p(2), p(6)) }, []string{`a.tar.002" has what should be in a.tar.006`, `a.tar.006" has what should be in a.tar.002`}},
	"copied twice":  {func(p func(int) string) error { return copyFile(p(2), p(3)) }, []string{`a.tar.003" has what should be in a.tar.002`}},
	"one bit":       {func(p func(int) string) error { return flipBit(p(5)) }, []string{`a.tar.005" is damaged`}},
	"a directory":   {func(p func(int) string) error { return errors.Join(os.Remove(p(2)), os.Mkdir(p(2), 0o755)) }, []string{`a.tar.002": it is not a file`}},
	"no list":       {func(p func(int) string) error { return os.Remove(p(0)) }, []string{`the list of the parts`, `a.tar.sha256", is missing`, "cat "}},
	"a wrong list":  {func(p func(int) string) error { return os.WriteFile(p(0), []byte("x"), 0o600) }, []string{`a.tar.sha256": line 1 is not`}},
	"an empty list": {func(p func(int) string) error { return os.WriteFile(p(0), nil, 0o600) }, []string{"it is empty"}},
}

func swap(a, b string) error {
	return errors.Join(os.Rename(a, a+"x"), os.Rename(b, a), os.Rename(a+"x", b))
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	return errors.Join(err, os.WriteFile(to, data, 0o600))
}

func flipBit(path string) error {
	data, err := os.ReadFile(path)
	if err == nil {
		data[len(data)/2] ^= 4
	}
	return errors.Join(err, os.WriteFile(path, data, 0o600))
}

func TestWhateverIsWrongWithAPartIsNamed(t *testing.T) {
	data := pack(t, Tar, []Entry{noise("a", 5*MinPart+5000, 1)})
	for what, test := range harm {
		t.Run(what, func(t *testing.T) {
			path := split(t, "a.tar", data)
			if err := test.harm(func(i int) string {
				if i == 0 {
					return PartList(path)
				}
				return partName(path, i)
			}); err != nil {
				t.Fatal(err)
			}
			_, err := readAll(t.Context(), path+".001")
			if checked := CheckParts(t.Context(), path+".001"); checked != nil {
				err = checked
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q: %v", want, err)
				}
			}
		})
	}
}

func TestPartsThatAreNone(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "a.001")
	if err := os.WriteFile(whole, pack(t, Tar, sample()), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t.Context(), whole); err != nil || len(got) != len(sample()) {
		t.Errorf("an archive that is only called so: %v", err)
	}
	if err := CheckParts(t.Context(), whole); err != nil {
		t.Error(err)
	}
	if _, err := PartNames(whole); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := readAll(t.Context(), filepath.Join(dir, "b")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestThereAreNoMorePartsThanDigits(t *testing.T) {
	dir := t.TempDir()
	w, err := NewPartWriter(dir, "a", MinPart)
	if err != nil {
		t.Fatal(err)
	}
	w.to.list = make(partList, maxParts-2)
	_, err = io.CopyN(w, zeros{}, 2*MinPart+1)
	if err := errors.Join(err, w.Close()); err == nil || !strings.Contains(err.Error(), "more than 999") {
		t.Error(err)
	}
	for total, fits := range map[int64]bool{0: true, 1: true, 999 * 10: true, 999*10 + 1: false} {
		if err := CheckPartCount(total, 10); (err == nil) != fits {
			t.Errorf("%d bytes: %v", total, err)
		}
	}
	if _, err := NewPartWriter(dir, "a", MinPart-1); err == nil {
		t.Error("parts of hardly anything")
	}
}

func TestAPartThatCannotBeWrittenIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "a.002"), 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := NewPartWriter(dir, "a", MinPart)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.CopyN(w, zeros{}, 100*MinPart)
	if closed := w.Close(); closed == nil || !errors.Is(closed, fs.ErrExist) {
		t.Errorf("Write: %v, Close: %v", err, closed)
	}
}

// FuzzPartList promises that a list that is read means one thing, and that no name in it
// is another than that of the part.
func FuzzPartList(f *testing.F) {
	good := partList{strings.Repeat("0", 64), strings.Repeat("a", 64)}.bytes("/x/a.tar")
	f.Add(good)
	f.Add(bytes.Replace(good, []byte("a.tar.002"), []byte("../a.tar.002"), 1))
	f.Add(bytes.TrimSuffix(good, []byte("\n")))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parsePartList("/x/a.tar", data)
		if err == nil && (len(l) == 0 || !bytes.Equal(l.bytes("/x/a.tar"), data)) {
			t.Errorf("%q is taken for %q", data, fmt.Sprint(l))
		}
	})
}
