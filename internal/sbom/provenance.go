package sbom

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/schema"
)

// ProvenancePath is the place of the statement in a bundle.
const ProvenancePath = "provenance.json"

// statementSubject names what the statement is about. SHA256SUMS itself cannot be it,
// for it lists the statement; with two lines left out it can, and anybody can say
// whether it is so:
//
//	grep -v -e '  bundle.json$' -e '  provenance.json$' SHA256SUMS | sha256sum
const statementSubject = "SHA256SUMS without bundle.json and provenance.json"

// Origin is what a bundle comes from.
type Origin struct {
	Name, Version string
	// Spec is the digest, "sha256:HEX", of what the tree was rendered from.
	Spec string
	Lock *lock.Lock
	// Satchel and Go are the versions of the program and of what compiled it.
	Satchel, Go string
}

// The statement's form: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
// and https://slsa.dev/spec/v1.0/provenance.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     predicate  `json:"predicate"`
}

type predicate struct {
	BuildDefinition buildDefinition `json:"buildDefinition"`
	RunDetails      runDetails      `json:"runDetails"`
}

type buildDefinition struct {
	BuildType          string            `json:"buildType"`
	ExternalParameters map[string]string `json:"externalParameters"`
	// ResolvedDependencies has all that goes into the build: spec, lock, the catalogue
	// of releases, and what the lock names.
	ResolvedDependencies []resource `json:"resolvedDependencies"`
}

type runDetails struct {
	Builder builder `json:"builder"`
}

type builder struct {
	ID      string            `json:"id"`
	Version map[string]string `json:"version"`
}

type resource struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest"`
}

func newResource(name, uri, digest string) resource {
	return resource{name, uri, map[string]string{"sha256": hexDigits(digest)}}
}

// Provenance writes the statement about a bundle. sums are the lines of its SHA256SUMS
// without those of bundle.json and of the statement. The statement has no time and no
// name of a machine: the same bundle comes about anywhere, at any time.
func (o *Origin) Provenance(sums []byte) ([]byte, error) {
	catalogue, err := schema.V1.ReadFile("v1/releases.cue")
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue of releases: %w", err)
	}
	digest := func(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }
	s := statement{
		Type:          "https://in-toto.io/Statement/v1",
		Subject:       []resource{newResource(statementSubject, "", digest(sums))},
		PredicateType: "https://slsa.dev/provenance/v1",
		Predicate: predicate{
			BuildDefinition: buildDefinition{
				BuildType:          "https://github.com/satchel-kit/satchel/build/v1",
				ExternalParameters: map[string]string{"name": o.Name, "version": o.Version, "spec": o.Spec, "lock": o.Lock.Digest()},
				ResolvedDependencies: append([]resource{
					newResource("spec", "", o.Spec),
					newResource("satchel.lock", "", o.Lock.Digest()),
					newResource("catalogue of releases", "", digest(catalogue)),
				}, o.materials()...),
			},
			RunDetails: runDetails{builder{"https://github.com/satchel-kit/satchel", map[string]string{"satchel": o.Satchel, "go": o.Go}}},
		},
	}
	return s.encode()
}

// materials are what comes from elsewhere, each once. A derived image comes from its
// base.
func (o *Origin) materials() []resource {
	var all []resource
	for _, l := range o.Lock.Images {
		for i, m := range l.Manifests {
			name, digest := l.Name, m.Digest
			if l.From != nil {
				name, digest = l.From.Base, l.From.Parts[i].Manifest.Digest
			}
			uri := newImage(name, m.Platform, digest).purl
			if l.Archive != nil {
				name, uri = name+" from "+l.Archive.Path, "" // no registry is known to have it
			}
			all = append(all, newResource(name+" for "+m.Platform, uri, digest))
		}
	}
	for _, f := range o.Lock.Files {
		all = append(all, newResource(f.Path, f.URL, f.SHA256))
	}
	slices.SortStableFunc(all, func(a, b resource) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b resource) bool { return a.Name == b.Name && a.URI == b.URI })
}

func (s *statement) encode() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return nil, fmt.Errorf("writing %s: %w", ProvenancePath, err)
	}
	return out.Bytes(), nil
}
