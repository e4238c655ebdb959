package bundle

import (
	"fmt"
	"slices"
	"unicode"
)

// Since says what a delta was made for: a bundle, or any bundle with a certain lock.
type Since struct {
	// Bundle is the digest, "sha256:HEX", of the bundle.json of the bundle that the
	// receiver has. A delta leads to a bundle: the digest is that of the latter's.
	Bundle string `json:"bundle,omitempty"`
	// Name and Version are that bundle's, for people.
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	// Lock is the digest of the lock, if there was no bundle.
	Lock string `json:"lock,omitempty"`
}

func (s *Since) String() string {
	if s.Lock != "" {
		return "a bundle with lock " + s.Lock
	}
	return fmt.Sprintf("%s %s (bundle.json %s)", s.Name, s.Version, s.Bundle)
}

// check makes sure that it says one thing, and that in one line.
func (s *Since) check() error {
	digest := s.Bundle
	if s.Lock != "" {
		digest = s.Lock
	}
	_, err := hexDigits(digest)
	switch {
	case err != nil:
		return fmt.Errorf("since: %w", err)
	case s.Lock != "" && *s != Since{Lock: s.Lock}:
		return fmt.Errorf("since: it has a lock and a bundle, not one of them")
	case s.Lock == "" && (s.Name == "" || s.Version == ""):
		return fmt.Errorf("since: name and version must not be empty")
	case slices.ContainsFunc([]rune(s.Name+s.Version), unicode.IsControl):
		return fmt.Errorf("since: it has a control character in a name")
	}
	return nil
}

// fits tells whether a bundle is what the delta was made for.
func (s *Since) fits(whole *Manifest, identity string) bool {
	if s.Lock != "" {
		return s.Lock == whole.Lock
	}
	return s.Bundle == identity
}

// whole is the manifest of the bundle that a delta leads to; of a bundle that is no
// delta it is its own.
func (m *Manifest) whole() *Manifest {
	if m.Since == nil {
		return m
	}
	w := *m
	w.Since, w.Files = nil, slices.Clone(m.Files)
	for i := range w.Files {
		w.Files[i].Base = false
	}
	return &w
}

// checkDelta makes sure that only a delta leaves something to its base.
func (m *Manifest) checkDelta() error {
	if m.Since != nil {
		return m.Since.check()
	}
	for _, file := range m.Files {
		if file.Base {
			return fmt.Errorf("file %q is left to a base, and the bundle is no delta", file.Path)
		}
	}
	return nil
}

// left is what a delta leaves to its base.
func (m *Manifest) left() (a Amount) {
	for _, file := range m.Files {
		if file.Base {
			a.add(file.Size)
		}
	}
	return a
}
