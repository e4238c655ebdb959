// Package schema embeds the CUE schema of a cluster spec and the catalogue of
// releases. It is the only definition of the spec; the Go types in v1 are
// generated from it. It only embeds: nothing here loads or evaluates CUE.
package schema

import "embed"

// V1 holds the files of the schema's first version, below the directory "v1".
//
//go:embed v1/*.cue
var V1 embed.FS
