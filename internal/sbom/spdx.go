package sbom

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
)

// noTime stands where SPDX demands the time at which a document was made. That would
// be another one with each build.
const noTime = "1970-01-01T00:00:00Z"

const (
	noAssertion = "NOASSERTION"
	spdxBundle  = "Bundle"
	spdxTree    = "Tree"
	spdxSpace   = "https://github.com/satchel-kit/satchel/spdx/"
)

// SPDX writes the inventory as an SPDX document
// (https://spdx.github.io/spdx-spec/v2.3/), as JSON.
func (inv *Inventory) SPDX() ([]byte, error) {
	w := &spdxWriter{doc: &spdx.Document{
		SPDXVersion:    spdx.Version,
		DataLicense:    spdx.DataLicense,
		SPDXIdentifier: "DOCUMENT",
		DocumentName:   inv.name + "-" + inv.version,
		CreationInfo: &spdx.CreationInfo{
			Creators:       []common.Creator{{CreatorType: "Tool", Creator: "satchel-" + inv.satchel}},
			Created:        noTime,
			CreatorComment: "The same bundle gives the same document, so the time of its creation is not in it.",
		},
		DocumentComment: "The images, downloaded files, programs and rendered texts of an offline bundle. SHA256SUMS in the bundle lists every file of it.",
	}}
	w.bundle(inv)
	w.images(inv)
	w.downloads(inv)
	w.programs(inv)
	w.texts(inv)
	content, err := w.encode()
	if err != nil {
		return nil, err
	}
	w.doc.DocumentNamespace = spdxSpace + url.PathEscape(w.doc.DocumentName) + "-" + uuid(content)
	return w.encode()
}

type spdxWriter struct{ doc *spdx.Document }

func (w *spdxWriter) encode() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(w.doc); err != nil {
		return nil, fmt.Errorf("writing the SPDX document: %w", err)
	}
	return out.Bytes(), nil
}

func (w *spdxWriter) add(p *spdx.Package) {
	if p.PackageDownloadLocation == "" {
		p.PackageDownloadLocation = noAssertion
	}
	w.doc.Packages = append(w.doc.Packages, p)
}

func (w *spdxWriter) relate(a, relationship, b string) {
	w.doc.Relationships = append(w.doc.Relationships, &spdx.Relationship{
		RefA: common.MakeDocElementID("", a), Relationship: relationship, RefB: common.MakeDocElementID("", b),
	})
}

func (w *spdxWriter) bundle(inv *Inventory) {
	w.add(&spdx.Package{
		PackageSPDXIdentifier: spdxBundle, PackageName: inv.name, PackageVersion: inv.version, PrimaryPackagePurpose: "INSTALL",
	})
	w.relate("DOCUMENT", common.TypeRelationshipDescribe, spdxBundle)
}

func (w *spdxWriter) images(inv *Inventory) {
	for _, img := range inv.images {
		p := &spdx.Package{
			PackageSPDXIdentifier: common.ElementID(img.id), PackageName: img.repository, PackageVersion: img.tag,
			PackageSummary: "image for " + img.platform, PrimaryPackagePurpose: "CONTAINER",
			PackageChecksums: sha256Sum(img.digest), PackageExternalReferences: purlRef(img.purl),
		}
		if img.below {
			p.PackageComment = "Not in the bundle as an image of its own: others are made from it, and have its layers."
		} else {
			w.relate(spdxBundle, common.TypeRelationshipContains, img.id)
		}
		w.add(p)
		for _, id := range img.layers {
			w.relate(img.id, common.TypeRelationshipContains, id)
		}
		if img.base != "" {
			w.relate(img.id, common.TypeRelationshipDescendantOf, img.base)
		}
	}
	for _, l := range inv.layers {
		w.add(&spdx.Package{
			PackageSPDXIdentifier: common.ElementID(l.id), PackageName: l.digest, PackageSummary: "layer of images, " + l.mediaType,
			PackageFileName: "images/blobs/sha256/" + hexDigits(l.digest), PrimaryPackagePurpose: "ARCHIVE", PackageChecksums: sha256Sum(l.digest),
		})
	}
}

func (w *spdxWriter) downloads(inv *Inventory) {
	for _, f := range inv.files {
		w.add(&spdx.Package{
			PackageSPDXIdentifier: common.ElementID(f.id), PackageName: f.name, PackageVersion: f.version, PackageFileName: f.path,
			PackageDownloadLocation: f.url, PackageChecksums: sha256Sum(f.sha256), PackageExternalReferences: purlRef(f.purl),
		})
		w.relate(spdxBundle, common.TypeRelationshipContains, f.id)
	}
}

func (w *spdxWriter) programs(inv *Inventory) {
	for _, p := range inv.programs {
		w.add(&spdx.Package{
			PackageSPDXIdentifier: common.ElementID(p.id), PackageName: "satchel", PackageVersion: inv.satchel, PackageFileName: p.path,
			PrimaryPackagePurpose: "APPLICATION", PackageChecksums: sha256Sum(p.sha256),
		})
		w.relate(spdxBundle, common.TypeRelationshipContains, p.id)
		for _, id := range p.modules {
			w.relate(p.id, common.TypeRelationshipStaticLink, id)
		}
	}
	for _, m := range inv.modules {
		w.add(&spdx.Package{
			PackageSPDXIdentifier: common.ElementID(m.id), PackageName: m.path, PackageVersion: m.version,
			PrimaryPackagePurpose: "LIBRARY", PackageExternalReferences: purlRef(m.purl),
		})
	}
}

// texts adds the rendered tree as one package, the only one whose files are listed.
func (w *spdxWriter) texts(inv *Inventory) {
	if len(inv.texts) == 0 {
		return
	}
	w.add(&spdx.Package{
		PackageSPDXIdentifier: spdxTree, PackageName: inv.name + "-tree", PackageVersion: inv.version,
		PackageSummary: "the scripts, configs and manifests that were rendered from the spec", PrimaryPackagePurpose: "SOURCE",
		FilesAnalyzed: true, PackageVerificationCode: &common.PackageVerificationCode{Value: verificationCode(inv.texts)},
	})
	w.relate(spdxBundle, common.TypeRelationshipContains, spdxTree)
	for _, t := range inv.texts {
		w.doc.Files = append(w.doc.Files, &spdx.File{
			FileName: "./" + t.path, FileSPDXIdentifier: common.ElementID(t.id), FileTypes: []string{"TEXT"},
			Checksums:         []common.Checksum{{Algorithm: common.SHA1, Value: t.sha1}, {Algorithm: common.SHA256, Value: t.sha256}},
			FileCopyrightText: noAssertion,
		})
		w.relate(spdxTree, common.TypeRelationshipContains, t.id)
	}
}

// verificationCode names all files of a package together
// (https://spdx.github.io/spdx-spec/v2.3/package-information/#79-package-verification-code-field).
func verificationCode(texts []text) string {
	var sums []string
	for _, t := range texts {
		sums = append(sums, t.sha1)
	}
	slices.Sort(sums)
	sum := sha1.Sum([]byte(strings.Join(sums, "")))
	return hex.EncodeToString(sum[:])
}

func sha256Sum(digest string) []common.Checksum {
	return []common.Checksum{{Algorithm: common.SHA256, Value: hexDigits(digest)}}
}

func purlRef(purl string) []*spdx.PackageExternalReference {
	return []*spdx.PackageExternalReference{{Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: purl}}
}
