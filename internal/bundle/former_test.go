package bundle

import (
	"os"
	"path/filepath"
	"testing"
)

func TestASignatureOfTheSameContentIsKept(t *testing.T) {
	key, _ := keyOf(t, "release")
	in := sample(t)
	addFile(t, &in, "files/large", make([]byte, stampFrom))
	in.Sign = key.Sign
	out := Output{Path: filepath.Join(t.TempDir(), "a.tar")}
	signed := must(Prepare(in))
	if err := signed.Write(t.Context(), out, nil); err != nil {
		t.Fatal(err)
	}
	before := must(os.ReadFile(out.Path))
	if f := signed.KeepSignature(t.Context(), out); f != nil {
		t.Errorf("what is signed now keeps %+v", f)
	}
	known := signed.Current(t.Context(), out) // if the file system's times are fine enough

	in.Sign = nil
	d := must(Prepare(in))
	if f := d.KeepSignature(t.Context(), out); f == nil || !f.Kept || f.Key != key.String() || f.File != "SHA256SUMS.sig" {
		t.Fatalf("it keeps %+v", f)
	}
	if d.Current(t.Context(), out) != known {
		t.Error("the output is packed again, as if it were another")
	}
	if err := d.Write(t.Context(), out, nil); err != nil {
		t.Fatal(err)
	}
	if string(must(os.ReadFile(out.Path))) != string(before) {
		t.Error("packed again it has other bytes")
	}
}

func TestASignatureOfSomethingElseIsNotKept(t *testing.T) {
	key, _ := keyOf(t, "release")
	for what, signature := range map[string]func(list []byte) ([]byte, error){
		"other content": func(list []byte) ([]byte, error) { return key.Sign(append(list, 'x')) },
		"nonsense":      signatureOf,
		"nothing":       func([]byte) ([]byte, error) { return []byte{}, nil },
	} {
		in := sample(t)
		in.Sign = signature
		out := Output{Path: build(t, in, "a.tar")}
		in.Sign = nil
		d := must(Prepare(in))
		if f := d.KeepSignature(t.Context(), out); f == nil || f.Kept {
			t.Errorf("%s: it keeps %+v", what, f)
		}
		if err := d.Write(t.Context(), out, nil); err != nil {
			t.Fatal(err)
		}
		if text := signatureIn(t.Context(), out.Path); text != nil {
			t.Errorf("%s: it has the signature %q", what, text)
		}
	}
	// Nor is anything to be told about what is no bundle, or not there.
	in := sample(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "a.tar")
	if err := os.WriteFile(file, []byte("no archive"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, dir, filepath.Join(dir, "absent.tar")} {
		if f := must(Prepare(in)).KeepSignature(t.Context(), Output{Path: path}); f != nil {
			t.Errorf("%s: %+v", path, f)
		}
	}
}
