package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// FuzzParse: whatever a file holds, reading it ends without a panic. A file
// without problems stays one under Rewrite, with the same objects and with exactly
// the images that Rewrite was given.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, c := range problemCases {
		f.Add([]byte(c.text))
	}
	for _, c := range rewriteCases {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, problems := Parse("fuzz.yaml", text)
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Fatalf("a problem without a place or a message: %+v", p)
			}
		}
		file.Check("1.30.0", knownAPIs)
		file.Rewrite(func(name string) string { return "registry.test/" + name })
		if len(problems) > 0 {
			return
		}
		same := reread(t, file, func(name string) string { return name })
		for i, image := range same.Images {
			if image.Name != file.Images[i].Name {
				t.Fatalf("image %q became %q", file.Images[i].Name, image.Name)
			}
		}
		names := map[string]string{}
		for i, image := range file.Images {
			names[image.Name] = fmt.Sprintf("registry.test:5000/image-%d:new", i)
		}
		moved := reread(t, file, func(name string) string { return names[name] })
		for i, image := range moved.Images {
			if image.Name != names[file.Images[i].Name] || image.Written != image.Name {
				t.Fatalf("image %q became %q, not %q", file.Images[i].Name, image.Name, names[file.Images[i].Name])
			}
		}
	})
}

// reread parses what Rewrite makes of a file, which has to be a file of the same
// objects and of as many images.
func reread(t *testing.T, file *File, pull func(string) string) *File {
	t.Helper()
	text := file.Rewrite(pull)
	again, problems := Parse("again.yaml", text)
	if len(problems) > 0 {
		t.Fatalf("rewritten, it has the problem %s\n%q\nof\n%q", problems[0], text, file.text)
	}
	if !slices.EqualFunc(file.Documents, again.Documents, sameObject) || len(again.Images) != len(file.Images) {
		t.Fatalf("rewritten, it has other objects or images: %+v, %+v\n%q\nof\n%q", again.Documents, again.Images, text, file.text)
	}
	return again
}

// sameObject leaves out the places: a name over two lines becomes one of one.
func sameObject(a, b Document) bool {
	return a.APIVersion == b.APIVersion && a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name && a.GenerateName == b.GenerateName
}
