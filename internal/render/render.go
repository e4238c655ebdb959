// Package render turns a plan into the tree of text files that a bundle holds.
// It is pure: the same plan gives the same bytes on every machine. It is the
// only importer of sprig, and it must not import a later stage.
package render
