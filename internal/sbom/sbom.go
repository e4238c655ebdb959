// Package sbom tells other programs what a bundle is made of: as an SPDX document, as a
// CycloneDX document, and as a SLSA provenance statement.
//
// It uses no network, clock or randomness: the same content gives the same bytes, and
// names and numbers of documents follow from their content. It must not know how a
// bundle is packed.
package sbom

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/render"
)

// The places of the documents in a bundle.
const (
	SPDXPath      = "sbom/spdx.json"
	CycloneDXPath = "sbom/cyclonedx.json"
)

// Subject is what a bundle is made of.
type Subject struct {
	Name, Version string
	// Satchel is the version of the program.
	Satchel string
	Tree    render.Tree
	Lock    *lock.Lock
	// Programs are those that satchel itself brings along.
	Programs []Program
}

// Program is a file on the disk of the build machine that hosts run.
type Program struct {
	// Path is the place in the bundle, such as "bin/satchel-amd64".
	Path string
	// Source is the file.
	Source string
	// Size is in bytes.
	Size int64
	// SHA256 is in hex digits.
	SHA256 string
}

// Inventory is a bundle's content, sorted and ready to be written in any form.
type Inventory struct {
	name, version, satchel string
	images                 []image
	layers                 []layer
	files                  []file
	programs               []program
	modules                []module
	texts                  []text
}

// New takes stock. It reads each program once.
func New(s Subject) (*Inventory, error) {
	inv := &Inventory{name: s.Name, version: s.Version, satchel: s.Satchel}
	inv.addImages(s.Lock.Images)
	for _, f := range s.Lock.Files {
		inv.files = append(inv.files, newFile(f))
	}
	for _, set := range s.Lock.Packages {
		for _, p := range set.Packages {
			inv.files = append(inv.files, newPackage(set, p))
		}
	}
	var problems []error
	for _, p := range s.Programs {
		problems = append(problems, inv.addProgram(p))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	for _, f := range s.Tree {
		inv.texts = append(inv.texts, newText(f))
	}
	slices.SortFunc(inv.files, func(a, b file) int { return cmp.Compare(a.path, b.path) })
	slices.SortFunc(inv.programs, func(a, b program) int { return cmp.Compare(a.path, b.path) })
	slices.SortFunc(inv.modules, func(a, b module) int { return cmp.Compare(a.id, b.id) })
	slices.SortFunc(inv.texts, func(a, b text) int { return cmp.Compare(a.path, b.path) })
	return inv, nil
}

// identity makes the name under which a document refers to one of its parts. It
// follows from what makes the part that part.
func identity(kind string, of ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(of, "\x00")))
	return kind + "-" + hex.EncodeToString(sum[:16])
}

// uuid is the number of a document with this content
// (https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-8).
func uuid(content []byte) string {
	sum := sha256.Sum256(content)
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func hexDigits(digest string) string { return strings.TrimPrefix(digest, "sha256:") }
