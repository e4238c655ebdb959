package sbom

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/satchel-kit/satchel/internal/lock"
)

// validate holds a document against the official schema of its form.
func validate(t *testing.T, form string, data []byte) error {
	t.Helper()
	if form == "spdx.json" {
		return validateWith(t, data, "spdx-2.3.schema.json", map[string]string{"spdx-2.3.schema.json": "testdata/spdx-2.3.schema.json"})
	}
	// The schemas come with the library, as files.
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "schema")
	var problems []error
	for _, version := range []string{"1.5", "1.6"} {
		// A document of one version is one of the next, except for the number.
		as := bytes.Replace(data, []byte(`"specVersion": "1.5"`), []byte(`"specVersion": "`+version+`"`), 1)
		problems = append(problems, validateWith(t, as, "http://cyclonedx.org/schema/bom.schema.json", map[string]string{
			"http://cyclonedx.org/schema/bom.schema.json":      filepath.Join(dir, "bom-"+version+".schema.json"),
			"http://cyclonedx.org/schema/spdx.schema.json":     filepath.Join(dir, "spdx.schema.json"),
			"http://cyclonedx.org/schema/jsf-0.82.schema.json": filepath.Join(dir, "jsf-0.82.schemax.json"),
		}))
	}
	return errors.Join(problems...)
}

func validateWith(t *testing.T, data []byte, name string, files map[string]string) error {
	t.Helper()
	c := jsonschema.NewCompiler()
	for name, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		// Under the name here, whatever it calls itself.
		delete(doc.(map[string]any), "$id")
		if err := c.AddResource(name, doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(doc)
}

func TestTheDocumentsFitTheOfficialSchemas(t *testing.T) {
	empty := Subject{Name: "empty", Version: "1", Satchel: "v0.1.0", Lock: &lock.Lock{Format: lock.Format}}
	for name, write := range forms {
		for _, s := range []Subject{withProgram(t, sample()), empty} {
			data, err := write(stock(t, s))
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(t, name, data); err != nil {
				t.Errorf("%s of %s: %v", name, s.Name, err)
			}
			bad := bytes.Replace(data, []byte(`"name"`), []byte(`"nam"`), 1)
			if validate(t, name, bad) == nil {
				t.Errorf("%s of %s: the schema takes it without a name", name, s.Name)
			}
		}
	}
}

// TestSPDXSaysWhatBelongsTogether checks what no schema can: that everything that is
// referred to is there, once, and that everything hangs on the bundle.
func TestSPDXSaysWhatBelongsTogether(t *testing.T) {
	data, err := stock(t, withProgram(t, sample())).SPDX()
	if err != nil {
		t.Fatal(err)
	}
	var doc spdx.Document
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	below := map[string][]string{}
	for _, r := range doc.Relationships {
		below[string(r.RefA.ElementRefID)] = append(below[string(r.RefA.ElementRefID)], string(r.RefB.ElementRefID))
	}
	there := map[string]bool{"DOCUMENT": true}
	add := func(id string) {
		if there[id] {
			t.Errorf("%s is there twice", id)
		}
		there[id] = true
	}
	for _, p := range doc.Packages {
		add(string(p.PackageSPDXIdentifier))
		if p.FilesAnalyzed != (p.PackageVerificationCode != nil) {
			t.Errorf("%s has a verification code, or lacks it", p.PackageName)
		}
	}
	for _, f := range doc.Files {
		add(string(f.FileSPDXIdentifier))
	}
	reached := map[string]bool{}
	reach(below, reached, "DOCUMENT")
	for id := range reached {
		if !there[id] {
			t.Errorf("%s is referred to and not there", id)
		}
	}
	for id := range there {
		if !reached[id] {
			t.Errorf("%s hangs on nothing", id)
		}
	}
}

func reach(below map[string][]string, reached map[string]bool, id string) {
	if reached[id] {
		return
	}
	reached[id] = true
	for _, next := range below[id] {
		reach(below, reached, next)
	}
}

func TestCycloneDXSaysWhatBelongsTogether(t *testing.T) {
	data, err := stock(t, withProgram(t, sample())).CycloneDX()
	if err != nil {
		t.Fatal(err)
	}
	bom := &cdx.BOM{}
	if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{bom.Metadata.Component.BOMRef: true}
	for _, c := range *bom.Components {
		if there[c.BOMRef] || c.BOMRef == "" {
			t.Errorf("%q is there twice", c.BOMRef)
		}
		there[c.BOMRef] = true
	}
	below, reached := map[string][]string{}, map[string]bool{}
	for _, d := range *bom.Dependencies {
		below[d.Ref] = *d.Dependencies
	}
	reach(below, reached, cdxBundle)
	for id := range reached {
		if !there[id] {
			t.Errorf("%s is referred to and not there", id)
		}
	}
	for id := range there {
		if !reached[id] {
			t.Errorf("%s hangs on nothing", id)
		}
	}
}
