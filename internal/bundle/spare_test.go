package bundle

import (
	"os"
	"path/filepath"
	"testing"
)

func TestADeltaDoesNotTakeThePlaceOfItsBase(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	in := sample(t)
	for _, name := range []string{"b.tar", "near.tar"} {
		if err := Write(t.Context(), name, in, nil); err != nil {
			t.Fatal(err)
		}
	}
	d := must(Prepare(in))
	if err := d.Write(t.Context(), Output{Path: "parts.tar", Part: 64 << 10}, nil); err != nil {
		t.Fatal(err)
	}
	if err := Unpack(t.Context(), "b.tar", "old", ""); err != nil {
		t.Fatal(err)
	}
	for _, link := range [][2]string{{"b.tar", "link.tar"}, {"old", "there"}, {"parts.tar.001", "first.tar"}} {
		if err := os.Symlink(link[0], link[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link("b.tar", "same.tar"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		base, out string
		part      int64
		refused   string // or empty
	}{
		{"b.tar", "b.tar", 0, "choose another output"},
		{"b.tar", "./old/../b.tar", 0, "choose another output"},
		{filepath.Join(dir, "b.tar"), "b.tar", 0, `place of "b.tar"`},
		{"link.tar", "b.tar", 0, "choose another output"},
		{"b.tar", "link.tar", 0, "choose another output"},
		{"b.tar", "same.tar", 0, "choose another output"},
		{"b.tar", "b.tar", 1 << 20, "choose another output"},
		{"parts.tar", "parts.tar", 1 << 20, "choose another output"},
		{"parts.tar", "parts.tar", 0, "choose another output"},
		{"parts.tar.001", "parts.tar", 1 << 20, `place of "parts.tar.001"`},
		{"parts.tar.001", filepath.Join(dir, "parts.tar"), 1 << 20, "choose another output"},
		{"parts.tar", "first.tar", 0, `place of "first.tar"`},
		{"old", "old/d.tar", 0, "inside of the base"},
		{"old", "there/hosts/d.tar", 0, "inside of the base"},
		{"there", "old/d.tar", 1 << 20, "inside of the base"},

		{"", "b.tar", 0, ""},
		{"b.tar", "d.tar", 0, ""},
		{"b.tar", "near.tar", 0, ""},
		{"b.tar", "nowhere/b.tar", 0, ""},
		{"parts.tar.001", "parts.tar", 0, ""}, // beside the parts
		{"old", "older.tar", 0, ""},
		{"old", "d.tar", 1 << 20, ""},
		{"old/bundle.json", "old.tar", 0, ""},
		{"nothing", "d.tar", 0, ""},
	} {
		err := Output{Path: test.out, Part: test.part}.Spares(test.base)
		switch {
		case test.refused != "":
			wantError(t, err, test.refused)
		case err != nil:
			t.Errorf("%q from %q: %v", test.out, test.base, err)
		}
	}
}
