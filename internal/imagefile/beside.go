package imagefile

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// about is what a layout has about an image: a signature, an attestation, or a list of
// them.
type about struct {
	*Image
	ending string // of the tag under which cosign looks for it
}

// cosignKinds are what cosign save calls its entries, with the endings of the tags that
// the same has in a registry; which image it is about shows in its name
// (https://github.com/sigstore/cosign/blob/main/pkg/oci/layout/index.go).
var cosignKinds = map[string]string{
	"dev.cosignproject.cosign/sigs": ".sig",
	"dev.cosignproject.cosign/atts": ".att",
}

// digestTag is a tag, alone or behind a repository, that is made of the digest which
// its content is about, by cosign or for want of a list of referrers.
var digestTag = regexp.MustCompile(`(?:^|:)(sha256-[0-9a-f]{64}(?:\.[a-z]+)?)$`)

func tagOf(name string) string {
	if m := digestTag.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return ""
}

// subjectOf is what a manifest says that it is about.
type subjectOf struct {
	Subject      *v1.Descriptor    `json:"subject"`
	ArtifactType string            `json:"artifactType"`
	Annotations  map[string]string `json:"annotations"`
}

func (a about) subject() (s subjectOf) {
	if json.Unmarshal(a.Top.Bytes, &s) != nil {
		return subjectOf{}
	}
	return s
}

func (a about) isOne() bool {
	return a.ending != "" || a.subject().Subject != nil || slices.ContainsFunc(a.Names, func(n string) bool { return tagOf(n) != "" })
}

// Tagged is what is about the image and would have a tag in a registry that is made of a
// digest. The error wraps ErrMissing if there is none.
func (i *Image) Tagged(tag string) (Document, error) {
	own := strings.Replace(i.Top.Digest, ":", "-", 1)
	for _, a := range i.beside {
		same := len(a.Names) == 0 || slices.ContainsFunc(a.Names, func(n string) bool { return slices.Contains(i.Names, n) })
		if slices.ContainsFunc(a.Names, func(n string) bool { return tagOf(n) == tag }) || a.ending != "" && same && tag == own+a.ending {
			return a.Top, nil
		}
	}
	return Document{}, fmt.Errorf("the tag %s is %w", tag, ErrMissing)
}

// Referrers lists what says by itself that it is about a digest, as a registry would.
func (i *Image) Referrers(digest string) ([]v1.Descriptor, error) {
	var all []v1.Descriptor
	for _, a := range i.beside {
		s := a.subject()
		if s.Subject == nil || s.Subject.Digest.String() != digest {
			continue
		}
		d, err := descriptor(a.Top.MediaType, a.Top.Digest, int64(len(a.Top.Bytes)))
		if err != nil {
			return nil, err
		}
		d.ArtifactType, d.Annotations = s.ArtifactType, s.Annotations
		all = append(all, d)
	}
	return all, nil
}
