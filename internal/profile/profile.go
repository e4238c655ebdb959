// Package profile writes specs to begin with: those of the reference bundles, as they
// are. It knows no profile by name, and does not judge what it writes; whoever calls
// it may look at the files before they get their names.
package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/bundles"
)

// specFile is the file that makes a directory of the embedded ones a profile.
const specFile = "cluster.cue"

// Profile is one reference bundle to begin with.
type Profile struct {
	Name string `json:"name"`
	// Description is the first sentence of the comment on top of the spec.
	Description string `json:"description"`
	// Files are the paths that it writes, sorted.
	Files []string `json:"files"`

	source fs.FS
}

// List is all profiles, by name.
func List() ([]Profile, error) { return list(bundles.Sources) }

func list(sources fs.FS) ([]Profile, error) {
	specs, err := fs.Glob(sources, "*/"+specFile)
	if err != nil {
		return nil, fmt.Errorf("listing the profiles: %w", err)
	}
	var all []Profile
	for _, spec := range specs {
		p, err := read(sources, strings.TrimSuffix(spec, "/"+specFile))
		if err != nil {
			return nil, fmt.Errorf("reading the profile %s: %w", p.Name, err)
		}
		all = append(all, p)
	}
	return all, nil
}

func read(sources fs.FS, name string) (p Profile, err error) {
	p.Name = name
	if p.source, err = fs.Sub(sources, name); err != nil {
		return p, err
	}
	text, err := fs.ReadFile(p.source, specFile)
	if err != nil {
		return p, err
	}
	p.Description = firstSentence(topComment(string(text)))
	err = fs.WalkDir(p.source, ".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			p.Files = append(p.Files, file)
		}
		return err
	})
	return p, err
}

// Unknown is a name that no profile has.
type Unknown struct {
	Name  string
	Known []string
}

func (e *Unknown) Error() string {
	return fmt.Sprintf("there is no profile %q; there are %s", e.Name, strings.Join(e.Known, ", "))
}

// Get is the profile of a name. The error is *Unknown where there is none.
func Get(name string) (Profile, error) {
	all, err := List()
	if err != nil {
		return Profile{}, err
	}
	unknown := &Unknown{Name: name}
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
		unknown.Known = append(unknown.Known, p.Name)
	}
	return Profile{}, unknown
}

// text is a file of the profile, with the cluster's name where the caller wants one of
// its own.
func (p Profile) text(file, cluster string) ([]byte, error) {
	text, err := fs.ReadFile(p.source, file)
	if err != nil || file != specFile || cluster == "" {
		return text, err
	}
	return rename(text, cluster)
}

var (
	nameLine = regexp.MustCompile(`(?m)^(name:\s*)"[^"\n]*"`)
	// A kit's clusters have names that are made of the kit's.
	kitNameLine = regexp.MustCompile(`(?m)^(kit: \{\n\tname:\s*)"[^"\n]*"`)
)

// rename puts another name into a spec's own line. The spec keeps its comments and
// everything else.
func rename(text []byte, cluster string) ([]byte, error) {
	at := kitNameLine.FindAllSubmatchIndex(text, -1)
	if len(at) == 0 {
		at = nameLine.FindAllSubmatchIndex(text, -1)
	}
	if len(at) != 1 {
		return nil, fmt.Errorf("%s has %d lines name: \"…\", and needs one to put another name into", specFile, len(at))
	}
	if strings.ContainsAny(cluster, "\"\\\n\r") || strings.ContainsFunc(cluster, isControl) {
		return nil, errors.New("the name has a character that no name may have")
	}
	return slices.Concat(text[:at[0][3]], []byte(`"`+cluster+`"`), text[at[0][1]:]), nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// topComment is the comment that a file begins with, on one line.
func topComment(text string) string {
	var words []string
	for line := range strings.Lines(text) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "//")
		if !ok {
			break
		}
		words = append(words, strings.Fields(comment)...)
	}
	return strings.Join(words, " ")
}

func firstSentence(text string) string {
	if first, _, more := strings.Cut(text, ". "); more {
		return first + "."
	}
	return text
}
