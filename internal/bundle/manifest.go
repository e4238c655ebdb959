package bundle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// Format is the version of the format of bundles.
const Format = 1

// maxManifest bounds the memory that a hostile bundle.json can take. A bundle
// for 5,000 hosts needs a tenth of it.
const maxManifest = 64 << 20

// Manifest is the content of bundle.json, the first entry of a bundle.
type Manifest struct {
	Bundle  int    `json:"bundle"`
	Name    string `json:"name"`
	Version string `json:"version"`
	// Spec and Lock are digests, "sha256:HEX".
	Spec    string `json:"spec"`
	Lock    string `json:"lock"`
	Satchel string `json:"satchel"`
	// Since is what a delta was made for; only a delta has it.
	Since *Since `json:"since,omitempty"`
	Hosts []Host `json:"hosts"`
	// Seats are the clusters of a kit, which has no hosts beside theirs.
	Seats  []Seat  `json:"seats,omitempty"`
	Images []Image `json:"images"`
	// Files lists every file of the bundle, sorted by path, except bundle.json
	// itself, SHA256SUMS and its signature; that of a delta also those that it
	// leaves to its base.
	Files []File `json:"files"`
}

// Host is one host of the cluster.
type Host struct {
	Name    string   `json:"name"`
	Address string   `json:"address"`
	Roles   []string `json:"roles"`
}

// Image is one image of the bundle under its full upstream name.
type Image struct {
	Name string `json:"name"`
	// Digest is what images/index.json has for the name.
	Digest    string     `json:"digest"`
	Platforms []Platform `json:"platforms"`
	// Attached is what the image's repository has beside them.
	Attached []Attached `json:"attached,omitempty"`
}

// StandsFor is the digest that a registry has for the image's name: that of the upstream
// index if the bundle has it, so that signatures of it are found.
func (i *Image) StandsFor() string {
	for _, a := range i.Attached {
		if a.Subject == "" {
			return a.Digest
		}
	}
	return i.Digest
}

// Attached is a manifest of an image's repository to which images/index.json does not
// lead, because container runtimes would take it for an image: the index that the
// image's name has the digest of, a signature, an attestation.
type Attached struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	// Subject is what a registry lists it as a referrer of.
	Subject string `json:"subject,omitempty"`
	// Tag is what it is found by, if it is not by its subject.
	Tag          string            `json:"tag,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	// Blobs are its config and layers.
	Blobs []string `json:"blobs"`
}

// Platform is an image for one platform. Sizes are those of the blobs' files.
type Platform struct {
	Platform string   `json:"platform"`
	Digest   string   `json:"digest"`
	Config   string   `json:"config"`
	Layers   []string `json:"layers"`
}

// File is one file of the bundle.
type File struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Mode   Mode   `json:"mode"`
	// Base says that a delta does not have the content: what it was made for does.
	Base bool `json:"base,omitempty"`
}

// Mode is a file's mode in octal, as chmod takes it.
type Mode string

// The modes that files of a bundle have.
const (
	Plain      Mode = "0644"
	Executable Mode = "0755"
)

// Perm is the mode for the file system.
func (m Mode) Perm() fs.FileMode {
	if m == Executable {
		return 0o755
	}
	return 0o644
}

// encode writes the manifest in the one form that decodeManifest accepts.
func (m *Manifest) encode() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("writing %s: %w", manifestName, err)
	}
	return buf.Bytes(), nil
}

// readManifest reads a bundle.json that nobody vouches for.
func readManifest(r io.Reader) (*Manifest, []byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", manifestName, err)
	}
	if len(raw) > maxManifest {
		return nil, nil, fmt.Errorf("reading %s: it is larger than %d bytes", manifestName, maxManifest)
	}
	m, err := decodeManifest(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", manifestName, err)
	}
	return m, raw, nil
}

// decodeManifest accepts exactly what encode writes. That rules out fields of
// another spelling, fields that occur twice and all else that two readers could
// understand in two ways.
func decodeManifest(raw []byte) (*Manifest, error) {
	var head struct {
		Bundle int `json:"bundle"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, err
	}
	if head.Bundle != Format {
		return nil, fmt.Errorf("the bundle has format %d, this satchel reads format %d: use the satchel that made it", head.Bundle, Format)
	}
	m := &Manifest{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(m); err != nil {
		return nil, err
	}
	again, err := m.encode()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(raw, again) {
		return nil, fmt.Errorf("it was changed after satchel wrote it, or was written by something else")
	}
	return m, m.check()
}

func newManifest(meta Meta, lock string, images []Image, items []item) *Manifest {
	m := &Manifest{
		Bundle:  Format,
		Name:    meta.Name,
		Version: meta.Version,
		Spec:    meta.Spec,
		Lock:    lock,
		Satchel: meta.Satchel,
		Hosts:   []Host{},
		Images:  images,
		Files:   []File{},
	}
	m.Hosts = sortedHosts(meta.Hosts)
	for _, seat := range meta.Seats {
		seat.Hosts = sortedHosts(seat.Hosts)
		m.Seats = append(m.Seats, seat)
	}
	for _, it := range items {
		m.Files = append(m.Files, it.File)
	}
	slices.SortFunc(m.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return m
}

func sortedHosts(hosts []Host) []Host {
	sorted := []Host{}
	for _, host := range hosts {
		host.Roles = append([]string{}, host.Roles...)
		sorted = append(sorted, host)
	}
	slices.SortFunc(sorted, func(a, b Host) int { return cmp.Compare(a.Name, b.Name) })
	return sorted
}
