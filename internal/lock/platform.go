package lock

import (
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// choose finds the entry of an index for a platform. It never settles for a
// similar one.
func choose(index *v1.IndexManifest, platform string) (v1.Descriptor, error) {
	var has []string
	nested := false
	for _, entry := range index.Manifests {
		// "unknown" is how build tools mark attestations.
		nested = nested || entry.MediaType.IsIndex()
		if entry.Platform == nil || entry.Platform.OS == "unknown" {
			continue
		}
		if fits(entry.Platform, platform) {
			if _, err := describe(entry); err != nil {
				return v1.Descriptor{}, err
			}
			return entry, nil
		}
		has = append(has, entry.Platform.String())
	}
	if len(has) == 0 && nested {
		return v1.Descriptor{}, fmt.Errorf("platform %s is missing: what the index names are nested indexes, and no image", platform)
	}
	if len(has) == 0 {
		return v1.Descriptor{}, fmt.Errorf("platform %s is missing: the index names no platform at all", platform)
	}
	return v1.Descriptor{}, fmt.Errorf("platform %s is missing: there is %s", platform, strings.Join(has, ", "))
}

// fits compares a platform with a wanted one, OS/ARCHITECTURE[/VARIANT]. The
// variants v8 of arm64 and v1 of amd64 are those of every such machine.
func fits(is *v1.Platform, want string) bool {
	if is == nil {
		return false
	}
	part := append(strings.Split(want, "/"), "", "", "")[:3]
	return is.OS == part[0] && is.Architecture == part[1] && variant(is.Architecture, is.Variant) == variant(part[1], part[2])
}

func variant(arch, v string) string {
	if arch == "arm64" && v == "v8" || arch == "amd64" && v == "v1" {
		return ""
	}
	return v
}

// describe takes over a descriptor whose content can go into a bundle.
func describe(d v1.Descriptor) (Blob, error) {
	b := Blob{MediaType: string(d.MediaType), Digest: d.Digest.String(), Size: d.Size}
	if !d.MediaType.IsDistributable() {
		return b, fmt.Errorf("%s is not for redistribution (%s): no registry but its maker's has it", b.Digest, b.MediaType)
	}
	return b, b.validate()
}

func (b Blob) validate() error {
	switch {
	case !isDigest(b.Digest):
		return fmt.Errorf("digest %q is not \"sha256:\" and 64 lower-case hexadecimal digits", b.Digest)
	case b.Size < 0:
		return fmt.Errorf("the size %d of %s is negative", b.Size, b.Digest)
	case b.MediaType == "":
		return errors.New("the media type of " + b.Digest + " is missing")
	}
	return nil
}

func isDigest(s string) bool {
	digits, ok := strings.CutPrefix(s, "sha256:")
	return ok && isSHA256(digits)
}

func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
