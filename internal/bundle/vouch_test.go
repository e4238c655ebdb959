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
	"github.com/satchel-kit/satchel/internal/render"
)

// signatureOf is a signature that says what it is of.
func signatureOf(list []byte) ([]byte, error) { return []byte("signed " + hexSum(list) + "\n"), nil }

func mustSign(list []byte) []byte {
	text, err := signatureOf(list)
	if err != nil {
		panic(err) // which it never does
	}
	return text
}

func paths(t *testing.T, bundle string) []string {
	t.Helper()
	var all []string
	if err := archive.Read(t.Context(), bundle, func(e archive.Entry) error { all = append(all, e.Path); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestASignedBundleHasItsSignatureBehindTheList(t *testing.T) {
	in := sample(t)
	in.Sign = signatureOf
	path := build(t, in, "a.tar")
	if got := paths(t, path)[:3]; !slices.Equal(got, []string{"bundle.json", "SHA256SUMS", "SHA256SUMS.sig"}) {
		t.Errorf("it begins with %q", got)
	}
	report, err := Verify(t.Context(), path)
	if err != nil || report.Err() != nil || !bytes.Equal(report.Signature, mustSign(report.Sums)) {
		t.Errorf("got %q, %v, %v", report.Signature, err, report.Err())
	}
	dir := unpacked(t, path)
	for name, want := range map[string][]byte{"SHA256SUMS": report.Sums, "SHA256SUMS.sig": report.Signature} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s unpacked: %v\n%s", name, err, got)
		}
	}
}

func TestASignatureThatFailsLeavesNoBundle(t *testing.T) {
	in := sample(t)
	in.Sign = func([]byte) ([]byte, error) { return nil, errors.New("no key") }
	out := filepath.Join(t.TempDir(), "a.tar")
	if err := Write(t.Context(), out, in, nil); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("there is a bundle")
	}
}

// TestASignatureCanComeLater promises that a bundle that is signed later is, byte for
// byte, one that was signed when it was built, and that another signature takes the
// place of the first.
func TestASignatureCanComeLater(t *testing.T) {
	for _, name := range []string{"a.tar", "a.tar.gz", "a.tar.zst"} {
		in := sample(t)
		path := build(t, in, name)
		unsigned := read(t, path)
		in.Sign = signatureOf
		want := read(t, build(t, in, name))
		list, err := Sums(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		beside := filepath.Join(t.TempDir(), "b"+strings.TrimPrefix(name, "a"))
		for _, out := range []string{beside, ""} {
			var told int64
			if err := AddSignature(t.Context(), path, out, mustSign(list), func(n int64) { told += n }); err != nil {
				t.Fatal(err)
			}
			if got := read(t, cmpOr(out, path)); !bytes.Equal(got, want) || told == 0 {
				t.Errorf("%s to %q: %d bytes, should be %d; %d were told", name, out, len(got), len(want), told)
			}
			if out != "" && !bytes.Equal(read(t, path), unsigned) {
				t.Errorf("%s: the bundle changed, and the copy was to be signed", name)
			}
		}
		for _, other := range []string{"other", strings.Repeat("long ", 1000)} {
			if err := AddSignature(t.Context(), path, "", []byte(other), ignore); err != nil {
				t.Fatal(err)
			}
			report, err := Verify(t.Context(), path)
			if err != nil || report.Err() != nil || string(report.Signature) != other {
				t.Errorf("%s: got %.20q, %v, %v", name, report.Signature, err, report.Err())
			}
		}
		if err := AddSignature(t.Context(), path, "", mustSign(list), ignore); err != nil || !bytes.Equal(read(t, path), want) {
			t.Errorf("%s: signed again, it is another bundle; %v", name, err)
		}
	}
}

func ignore(int64) {}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestADirectoryGetsTheSignatureAsAFile(t *testing.T) {
	dir := unpacked(t, build(t, sample(t), "a.tar"))
	for _, text := range []string{"first", "second"} {
		if err := AddSignature(t.Context(), dir, "", []byte(text), ignore); err != nil {
			t.Fatal(err)
		}
		report, err := Verify(t.Context(), dir)
		if err != nil || report.Err() != nil || string(report.Signature) != text {
			t.Errorf("got %q, %v, %v", report.Signature, err, report.Err())
		}
	}
	if err := AddSignature(t.Context(), dir, "b.tar", nil, ignore); err == nil || !strings.Contains(err.Error(), "it is a directory") {
		t.Errorf("got %v", err)
	}
}

func TestALinkStaysALink(t *testing.T) {
	path := build(t, sample(t), "a.tar")
	link := filepath.Join(t.TempDir(), "latest.tar")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := AddSignature(t.Context(), link, "", []byte("x"), ignore); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != path {
		t.Errorf("it is %q, %v", to, err)
	}
	if got := paths(t, path)[2]; got != "SHA256SUMS.sig" {
		t.Errorf("the bundle has %q", got)
	}
}

func TestASignatureBesideTheBundle(t *testing.T) {
	path := build(t, sample(t), "a.tar")
	dir := unpacked(t, path)
	for given, want := range map[string]string{path: path + ".sig", dir: dir + ".sig", dir + "/": dir + ".sig"} {
		if text, err := ReadDetached(given); text != nil || err != nil {
			t.Errorf("before: %q, %v", text, err)
		}
		if err := WriteDetached(t.Context(), given, []byte("text")); err != nil {
			t.Fatal(err)
		}
		if text, err := ReadDetached(given); string(text) != "text" || err != nil || string(read(t, want)) != "text" {
			t.Errorf("%s: %q, %v", given, text, err)
		}
		if err := os.Remove(want); err != nil {
			t.Fatal(err)
		}
	}
	// What takes much of the disk is no signature.
	if err := os.WriteFile(path+".sig", make([]byte, 200<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := ReadDetached(path); len(text) != 64<<10 || err != nil {
		t.Errorf("%d bytes were read, %v", len(text), err)
	}
}

// TestSumsAreThoseOfTheBundle is for lists that would let a signature vouch for less
// than the bundle.
func TestSumsAreThoseOfTheBundle(t *testing.T) {
	for what, c := range map[string]struct {
		change func(list []byte) []byte
		want   string
	}{
		"a line is missing": {func(list []byte) []byte { return list[bytes.IndexByte(list, '\n')+1:] }, "lacks the line"},
		"another digest":    {func(list []byte) []byte { list[0] ^= 1; return list }, "lacks the line"},
		"a line more":       {func(list []byte) []byte { return append(list, (strings.Repeat("a", 64) + "  x\n")...) }, "has the line"},
		"another order": {func(list []byte) []byte {
			i := bytes.IndexByte(list, '\n') + 1
			return append(bytes.Clone(list[i:]), list[:i]...)
		}, "another order"},
		"nothing in it": {func([]byte) []byte { return nil }, "lacks the line"},
	} {
		dir := unpacked(t, build(t, sample(t), "a.tar"))
		list := filepath.Join(dir, "SHA256SUMS")
		if err := os.WriteFile(list, c.change(read(t, list)), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Sums(t.Context(), dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", what, err, c.want)
		}
	}
	dir := unpacked(t, build(t, sample(t), "a.tar"))
	if err := os.Remove(filepath.Join(dir, "SHA256SUMS")); err != nil {
		t.Fatal(err)
	}
	if _, err := Sums(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "it is missing") {
		t.Errorf("no list: got %v", err)
	}
}

// TestTheListCoversEverything promises that a signature of SHA256SUMS vouches for every
// byte of a bundle but its own.
func TestTheListCoversEverything(t *testing.T) {
	in := sample(t)
	in.Sign = signatureOf
	path := build(t, in, "a.tar")
	list, err := Sums(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{"SHA256SUMS": true, "SHA256SUMS.sig": true}
	for line := range strings.Lines(string(list)) {
		listed[strings.TrimSuffix(line[66:], "\n")] = true
	}
	for _, name := range paths(t, path) {
		if !listed[name] {
			t.Errorf("%s is not covered", name)
		}
	}
}

func TestACopyKeepsTheFormatOfTheBundle(t *testing.T) {
	path := build(t, sample(t), "a.tar")
	for _, out := range []string{"b.tar.gz", "b"} {
		out = filepath.Join(t.TempDir(), out)
		if err := AddSignature(t.Context(), path, out, []byte("x"), ignore); err == nil || !strings.Contains(err.Error(), "must be called so too") {
			t.Errorf("%s: got %v", out, err)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s is there", out)
		}
	}
}

func TestSigningEndsWithTheContext(t *testing.T) {
	path := build(t, sample(t), "a.tar")
	before := read(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := AddSignature(ctx, path, "", []byte("x"), ignore); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 || !bytes.Equal(read(t, path), before) {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestASignatureThatIsTooLongIsAProblem(t *testing.T) {
	dir := unpacked(t, build(t, sample(t), "a.tar"))
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS.sig"), make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	report, err := Verify(t.Context(), dir)
	if err != nil || report.Err() == nil || !strings.Contains(report.Err().Error(), "SHA256SUMS.sig: has 1048576 bytes") {
		t.Errorf("got %v, %v", err, report.Err())
	}
}

func TestWhatIsSaidAboutAllFilesIsOneOfThem(t *testing.T) {
	in := sample(t)
	var seen string
	in.Describe = func(lines []byte) (render.File, error) {
		seen = string(lines)
		return render.File{Path: "hosts/about.json", Mode: 0o644, Data: []byte(hexSum(lines))}, nil
	}
	path := build(t, in, "a.tar")
	list, err := Sums(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var others strings.Builder
	for line := range strings.Lines(string(list)) {
		if !strings.HasSuffix(line, "  bundle.json\n") && !strings.HasSuffix(line, "  hosts/about.json\n") {
			others.WriteString(line)
		}
	}
	if seen != others.String() || !strings.Contains(seen, "  bin/satchel-amd64\n") {
		t.Errorf("it saw\n%s\nthe others are\n%s", seen, others.String())
	}
	names := paths(t, path)
	if at := slices.Index(names, "hosts/about.json"); at < 0 || names[at+1] != "hosts/master1/host.env" {
		t.Errorf("it is not at its place: %q", names)
	}
	in.Describe = func([]byte) (render.File, error) { return render.File{}, errors.New("nothing to say") }
	if _, err := Prepare(in); err == nil || !strings.Contains(err.Error(), "nothing to say") {
		t.Errorf("got %v", err)
	}
}
