// Package lock pins the supply chain: it resolves what a plan needs to digests,
// sizes and checksums, and reads and writes the file satchel.lock that holds
// them. Tags are resolved here and nowhere else. It must not import a later
// stage.
package lock

// Format is the version of the lock file's format.
const Format = 1

// Lock is the content of a satchel.lock: every byte that a bundle takes from
// elsewhere. Images are sorted by name, files by path.
type Lock struct {
	Format int     `json:"lock"`
	Images []Image `json:"images"`
	Files  []File  `json:"files"`
}

// Image is one image as it was when it was locked.
type Image struct {
	// Name is the full upstream reference that the plan asked for.
	Name string `json:"name"`
	// Digest is what the name stood for: an image index or a manifest.
	Digest string `json:"digest"`
	// From is set for an image that satchel makes itself.
	From *From `json:"from,omitempty"`
	// Archive is set for an image that lies beside the spec.
	Archive *Archive `json:"archive,omitempty"`
	// Manifests has one entry a platform, sorted by platform.
	Manifests []Manifest `json:"manifests"`
	// Attestations says that Attached has all that upstream had about the image.
	Attestations bool `json:"attestations,omitempty"`
	// Attached is what else the bundle has of the image, sorted by digest.
	Attached []Attached `json:"attached,omitempty"`
}

// Attached is a manifest of an image's repository that is no image for a platform: the
// index that the image's name has the digest of, a signature, an attestation.
type Attached struct {
	Blob
	// Subject is the digest of what it is about; the index is about nothing.
	Subject string `json:"subject,omitempty"`
	// Tag is what it is found by, if it is not by its subject.
	Tag string `json:"tag,omitempty"`
	// ArtifactType and Annotations are what the list of the subject's referrers says
	// (https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers).
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	// Blobs are its config and layers.
	Blobs []Blob `json:"blobs"`
}

// Archive is where an image lies, as in the spec.
type Archive struct {
	// Path may have {arch} in it.
	Path string `json:"path"`
	// Image is the name that it has in there, if the spec says one.
	Image string `json:"image,omitempty"`
}

// From is what a derived image was made of.
type From struct {
	// Base is the full upstream reference of the image below, and Digest is what it
	// stood for.
	Base   string `json:"base"`
	Digest string `json:"digest"`
	// Recipe is the digest of what was put above it.
	Recipe string `json:"recipe"`
	// Layer is the digest of the last layer of each of the image's manifests, if
	// the recipe has files; all other layers are the base's.
	Layer string `json:"layer,omitempty"`
	// Parts is what the image is made of besides the recipe, for the platforms of
	// its manifests.
	Parts []Part `json:"parts"`
}

// Part is the base for one platform.
type Part struct {
	Platform string `json:"platform"`
	Manifest Blob   `json:"manifest"`
	Config   Blob   `json:"config"`
}

// Manifest is an image for one platform
// (https://github.com/opencontainers/image-spec/blob/main/manifest.md).
type Manifest struct {
	Platform string `json:"platform"`
	Blob
	Config Blob   `json:"config"`
	Layers []Blob `json:"layers"`
}

// Blob is an OCI content descriptor
// (https://github.com/opencontainers/image-spec/blob/main/descriptor.md).
type Blob struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	// Size is in bytes.
	Size int64 `json:"size"`
}

// File is one file that is fetched by URL.
type File struct {
	// Path is the file's place in the bundle, such as "files/amd64/kubeadm".
	Path string `json:"path"`
	URL  string `json:"url"`
	// SHA256 is 64 lower-case hexadecimal digits.
	SHA256 string `json:"sha256"`
	// Size is in bytes.
	Size int64 `json:"size"`
}
