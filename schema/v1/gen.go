package v1

// The types come from `cue exp gengotypes`, the generator that CUE's own authors
// keep. It follows the schema field by field, documentation included, and what it
// writes imports nothing. Encoding through JSON schema or OpenAPI and a second
// generator would lose the docs and the optional fields, and types written by hand
// would be a second definition of the spec.
//
//go:generate go run cuelang.org/go/cmd/cue@v0.17.1 exp gengotypes --outfile cue_types_gen.go .
