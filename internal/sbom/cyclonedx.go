package sbom

import (
	"bytes"
	"fmt"
	"strconv"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// cycloneDXVersion has all that is said here, and is read by more programs than those
// after it.
const cycloneDXVersion = cdx.SpecVersion1_5

const cdxBundle = "Bundle"

// CycloneDX writes the inventory as a CycloneDX document
// (https://cyclonedx.org/docs/1.5/json/).
func (inv *Inventory) CycloneDX() ([]byte, error) {
	w := &cdxWriter{}
	w.images(inv)
	w.downloads(inv)
	w.programs(inv)
	w.texts(inv)
	w.dependencies = append([]cdx.Dependency{{Ref: cdxBundle, Dependencies: &w.direct}}, w.dependencies...)
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Tools: &cdx.ToolsChoice{Components: &[]cdx.Component{
			{Type: cdx.ComponentTypeApplication, Name: "satchel", Version: inv.satchel},
		}},
		Component: &cdx.Component{BOMRef: cdxBundle, Type: cdx.ComponentTypeApplication, Name: inv.name, Version: inv.version},
	}
	bom.Components = &w.components
	bom.Dependencies = &w.dependencies
	content, err := encodeBOM(bom)
	if err != nil {
		return nil, err
	}
	bom.SerialNumber = "urn:uuid:" + uuid(content)
	return encodeBOM(bom)
}

func encodeBOM(bom *cdx.BOM) ([]byte, error) {
	var out bytes.Buffer
	enc := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false)
	if err := enc.EncodeVersion(bom, cycloneDXVersion); err != nil {
		return nil, fmt.Errorf("writing the CycloneDX document: %w", err)
	}
	return out.Bytes(), nil
}

type cdxWriter struct {
	components   []cdx.Component
	dependencies []cdx.Dependency
	// direct are the parts of the bundle itself.
	direct []string
}

func (w *cdxWriter) add(c cdx.Component, parts []string) {
	w.components = append(w.components, c)
	if len(parts) > 0 {
		w.dependencies = append(w.dependencies, cdx.Dependency{Ref: c.BOMRef, Dependencies: &parts})
	}
}

func (w *cdxWriter) images(inv *Inventory) {
	byID := map[string]image{}
	for _, img := range inv.images {
		byID[img.id] = img
	}
	for _, img := range inv.images {
		if img.below {
			continue
		}
		c := img.component()
		if base, found := byID[img.base]; found {
			below := base.component()
			below.BOMRef = "" // it may stand in several places
			c.Pedigree = &cdx.Pedigree{Ancestors: &[]cdx.Component{below}}
		}
		w.add(c, img.layers)
		w.direct = append(w.direct, img.id)
	}
	for _, l := range inv.layers {
		w.add(cdx.Component{
			BOMRef: l.id, Type: cdx.ComponentTypeFile, MIMEType: l.mediaType, Name: l.digest, Hashes: hashes(l.digest),
			Properties: properties("path", "images/blobs/sha256/"+hexDigits(l.digest), "size", strconv.FormatInt(l.size, 10)),
		}, nil)
	}
}

func (img *image) component() cdx.Component {
	return cdx.Component{
		BOMRef: img.id, Type: cdx.ComponentTypeContainer, Name: img.repository, Version: img.tag,
		Hashes: hashes(img.digest), PackageURL: img.purl, Properties: properties("platform", img.platform),
	}
}

func (w *cdxWriter) downloads(inv *Inventory) {
	for _, f := range inv.files {
		w.add(cdx.Component{
			BOMRef: f.id, Type: cdx.ComponentTypeApplication, Name: f.name, Version: f.version, Hashes: hashes(f.sha256), PackageURL: f.purl,
			ExternalReferences: &[]cdx.ExternalReference{{Type: cdx.ERTypeDistribution, URL: f.url, Hashes: hashes(f.sha256)}},
			Properties:         properties("path", f.path, "size", strconv.FormatInt(f.size, 10)),
		}, nil)
		w.direct = append(w.direct, f.id)
	}
}

func (w *cdxWriter) programs(inv *Inventory) {
	for _, p := range inv.programs {
		w.add(cdx.Component{
			BOMRef: p.id, Type: cdx.ComponentTypeApplication, Name: "satchel", Version: inv.satchel, Hashes: hashes(p.sha256),
			Properties: properties("path", p.path, "size", strconv.FormatInt(p.size, 10)),
		}, p.modules)
		w.direct = append(w.direct, p.id)
	}
	for _, m := range inv.modules {
		w.add(cdx.Component{BOMRef: m.id, Type: cdx.ComponentTypeLibrary, Name: m.path, Version: m.version, PackageURL: m.purl}, nil)
	}
}

// texts adds the rendered tree as one component that has its files within it.
func (w *cdxWriter) texts(inv *Inventory) {
	if len(inv.texts) == 0 {
		return
	}
	var files []cdx.Component
	for _, t := range inv.texts {
		files = append(files, cdx.Component{BOMRef: t.id, Type: cdx.ComponentTypeFile, Name: t.path, Hashes: hashes(t.sha256)})
	}
	w.add(cdx.Component{BOMRef: "Tree", Type: cdx.ComponentTypeApplication, Name: inv.name + "-tree", Version: inv.version, Components: &files}, nil)
	w.direct = append(w.direct, "Tree")
}

func hashes(digest string) *[]cdx.Hash {
	return &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hexDigits(digest)}}
}

// properties takes names and values in turn.
func properties(pairs ...string) *[]cdx.Property {
	var all []cdx.Property
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, cdx.Property{Name: "satchel:" + pairs[i], Value: pairs[i+1]})
	}
	return &all
}
