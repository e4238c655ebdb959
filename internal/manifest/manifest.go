// Package manifest reads Kubernetes manifests: which objects a YAML file holds,
// which images their containers name and where exactly, and whether a release
// serves the objects' APIs. It reads what users add to a spec and what satchel
// itself renders.
//
// It judges only what can be judged without a cluster and without the schema of
// custom resources. It never formats a file anew: Rewrite changes the images'
// names and no other byte. It reads no files and knows nothing of a bundle.
package manifest

import (
	"cmp"
	"fmt"
	"slices"
)

// File is one YAML file of manifests, with one or more documents.
type File struct {
	// Path is for messages.
	Path string
	// Documents are the objects in the file, in order. Empty documents are left
	// out, and so is one with a problem; a List's items stand in its place.
	Documents []Document
	// Images are the images that the objects name, in order, each at the place
	// that Rewrite changes.
	Images []Image

	text []byte
	// marks are the places in text that change with an image, in order.
	marks []mark
}

// Document is one object.
type Document struct {
	// Line is where the object begins.
	Line                              int
	APIVersion, Kind, Namespace, Name string
	// GenerateName is what metadata has instead of a name. `kubectl create` takes
	// it, `kubectl apply` does not.
	GenerateName string

	line, column int // of apiVersion
}

// Image is one image that an object names.
type Image struct {
	// Name is the full reference with host and tag, or digest: nginx is
	// docker.io/library/nginx:latest. Of a tag with a digest the digest counts,
	// as it does for every container runtime.
	Name string
	// Written is the reference as the file has it.
	Written string
	// Line and Column are where the reference begins, counted from 1, columns in
	// characters.
	Line, Column int
}

// Problem is one thing that is wrong with a file.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	// Message says what is wrong and what to do.
	Message string `json:"message"`
}

// String is "FILE:LINE:COLUMN: MESSAGE".
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// maxProblems bounds what a file of another kind altogether makes people read.
const maxProblems = 100

// sorted are problems by place, each once: an anchor's can be met several times.
func sorted(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	problems = slices.Compact(problems)
	if more := len(problems) - maxProblems; more > 0 {
		problems = problems[:maxProblems+1]
		problems[maxProblems].Message = fmt.Sprintf("and from here on %d more problems", more)
	}
	return problems
}
