package closure

import (
	"bytes"
	"maps"
	"regexp"
)

// reader reads the files of trees. What it has read before, of whichever host or seat, it
// does not read again.
type reader struct {
	// variables are all names that some host's host.env sets.
	variables map[string]bool
	// sourced are the scripts that others read in, by path; nil is one that is not there.
	// What a script does depends on them.
	sourced map[string][]byte

	scripts   map[content]*script
	manifests map[content]manifestFile
	units     map[string]*unitFile
	toml      map[string]tomlFile
	patterns  map[string]*regexp.Regexp
	// size is how many bytes of text were read.
	size int
}

// maxRead is how much a reader may have read to be used for another seat, in bytes: seats
// may have little in common.
const maxRead = 4 << 20

// content is a text and the file that it stands in, as each host and seat calls it.
type content struct{ path, text string }

func newReader(variables map[string]bool) *reader {
	return &reader{
		variables: variables,
		sourced:   map[string][]byte{},
		scripts:   map[content]*script{},
		manifests: map[content]manifestFile{},
		units:     map[string]*unitFile{},
		toml:      map[string]tomlFile{},
		patterns:  map[string]*regexp.Regexp{},
	}
}

// fits tells whether scripts do the same in another tree, whose hosts have variables.
func (r *reader) fits(c *check, variables map[string]bool) bool {
	if r.size > maxRead || !maps.Equal(r.variables, variables) {
		return false
	}
	for path, text := range r.sourced {
		if !bytes.Equal(text, c.script(path)) {
			return false
		}
	}
	return true
}
