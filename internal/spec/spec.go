// Package spec loads a cluster spec written in CUE, holds it against the schema
// and its rules, and gives one typed value, or every problem at once with the
// place, the field, what was given and what is allowed. It is the only importer
// of CUE, and it uses no network, clock or randomness.
package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"cuelang.org/go/cue"

	"github.com/satchel-kit/satchel/internal/manifest"
	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// Spec is a valid cluster spec with the catalogue's rows that it chose.
type Spec struct {
	Cluster v1.Cluster
	// Release is the catalogue's row of kubernetes.version.
	Release v1.Release
	// Flannel is the catalogue's row of network.flannel.version.
	Flannel v1.FlannelRelease
	// Containerd is the catalogue's row for the release.
	Containerd v1.ContainerdRelease
	// Manifests are the user's own, in the order in which they are applied.
	Manifests []Manifest
	// ImageFiles are the files of each derived image, sorted by path.
	ImageFiles map[string][]ImageFile
	// Digest is "sha256:" and the checksum of the resolved spec as JSON, with the
	// checksums of the files that it names. Sources are left out: where bytes are
	// fetched does not change what they are.
	Digest string
	// Seats are the clusters of a kit, in the order of their numbers. The kit itself has
	// a digest, and of a cluster only what is the same in all seats: name (the kit's),
	// version, sources and the release.
	Seats []*Spec
	// Seat is set for the cluster of one seat.
	Seat *Seat

	// Dir is the directory that the spec lies in, as it was named.
	Dir string

	attachments []string
}

// Manifest is a manifest of the user's, by its path below the spec's directory.
type Manifest struct {
	Path string
	*manifest.File
}

// Load reads the CUE file or the directory with one CUE package at path. An
// error is Problems when the spec was read but is not valid. Of a kit only the seats are
// whole: see Spec.Seats.
func Load(path string) (*Spec, error) {
	r, err := newReader(path)
	if err != nil {
		return nil, err
	}
	if r.user.LookupPath(kitPath).Exists() {
		return loadKit(path, r)
	}
	return r.read(nil)
}

// explain says field by field what makes the spec invalid, and which rules are
// broken by what is valid of it.
func explain(ctx *cue.Context, schema, user cue.Value, invalid error) error {
	c := checker{}
	valid := c.check(schema.LookupPath(cue.ParsePath("#Cluster")), user, nil)
	problems := c.problems
	if len(problems) == 0 {
		return fromCUE(invalid)
	}
	in := ctx.Encode(valid)
	// With fields missing some rules cannot be evaluated; those are left out, as
	// the fields are reported already.
	broken, _ := checkRules(schema, "#Rules", user, in)
	for _, b := range broken {
		// To a rule a field that does not fit looks as if it were missing.
		if !slices.ContainsFunc(c.problems, func(p Problem) bool { return p.Path == b.Path }) {
			problems = append(problems, b)
		}
	}
	problems.sort()
	return problems
}

// directory is where a spec's file, or itself, lies.
func directory(path string) string {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return filepath.Dir(path)
	}
	return path
}

func decode(schema, whole cue.Value) (*Spec, error) {
	s := &Spec{}
	if err := whole.Decode(&s.Cluster); err != nil {
		return nil, fmt.Errorf("decoding the spec: %w", err)
	}
	version := s.Cluster.Kubernetes.Version
	if own, ok := s.Cluster.Releases[version]; ok {
		s.Release = own
	} else if err := lookup(schema, "releases", version).Decode(&s.Release); err != nil {
		return nil, fmt.Errorf("reading the catalogue's release %s: %w", version, err)
	}
	if err := lookup(schema, "flannels", s.Cluster.Network.Flannel.Version).Decode(&s.Flannel); err != nil {
		return nil, fmt.Errorf("reading the catalogue's flannel: %w", err)
	}
	return s, chooseContainerd(schema, s)
}

// chooseContainerd takes the last row that begins at the release or before it.
func chooseContainerd(schema cue.Value, s *Spec) error {
	var rows []v1.ContainerdRelease
	if err := lookup(schema, "containerds").Decode(&rows); err != nil {
		return fmt.Errorf("reading the catalogue's containerd: %w", err)
	}
	var minor int64
	fmt.Sscanf(s.Cluster.Kubernetes.Version, "1.%d.", &minor)
	for _, row := range rows {
		if row.From <= minor {
			s.Containerd = row
		}
	}
	return nil
}

// sum fills in the digest.
func (s *Spec) sum() error {
	withoutSources := s.Cluster
	withoutSources.Sources, withoutSources.Kit = nil, nil
	text, err := json.Marshal(struct {
		v1.Cluster
		Attachments []string `json:"attachments,omitempty"`
		Seat        *Seat    `json:"seat,omitempty"`
	}{withoutSources, s.attachments, s.Seat})
	if err != nil {
		return fmt.Errorf("encoding the spec: %w", err)
	}
	sum := sha256.Sum256(text)
	s.Digest = "sha256:" + hex.EncodeToString(sum[:])
	return nil
}

func lookup(v cue.Value, names ...string) cue.Value {
	selectors := make([]cue.Selector, len(names))
	for i, n := range names {
		selectors[i] = cue.Str(n)
	}
	return v.LookupPath(cue.MakePath(selectors...))
}
