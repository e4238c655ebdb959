package bundle

import (
	"context"
	"strings"
)

// Summary is what a bundle says about itself.
type Summary struct {
	Manifest *Manifest   `json:"manifest"`
	Images   []ImageSize `json:"images"`
	// Blobs is what all images take in the bundle, Shared is how much more
	// they would take if each brought all its blobs along.
	Blobs  int64 `json:"blobs"`
	Shared int64 `json:"shared"`
	// Tree is all that is neither an image nor a fetched file nor a program.
	Tree     int64 `json:"tree"`
	Files    int64 `json:"files"`
	Programs int64 `json:"programs"`
	Total    int64 `json:"total"`
	// Left is what a delta leaves to its base. The sizes above are those of the
	// bundle that it leads to.
	Left *Amount `json:"left,omitempty"`
}

// ImageSize is the size of an image for one platform.
type ImageSize struct {
	Name     string `json:"name"`
	Platform string `json:"platform"`
	Digest   string `json:"digest"`
	Layers   int    `json:"layers"`
	// Size is what the layers take, each counted once.
	Size int64 `json:"size"`
}

// Inspect tells what is in a bundle, packed or unpacked. It reads bundle.json
// and checks nothing else.
func Inspect(ctx context.Context, path string) (*Summary, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, err
	}
	return summarize(s.manifest), nil
}

func summarize(m *Manifest) *Summary {
	s := &Summary{Manifest: m, Images: []ImageSize{}}
	for _, file := range m.Files {
		s.Total += file.Size
		switch {
		case strings.HasPrefix(file.Path, blobsDir):
			s.Blobs += file.Size
		case strings.HasPrefix(file.Path, filesDir):
			s.Files += file.Size
		case strings.HasPrefix(file.Path, programsDir):
			s.Programs += file.Size
		default:
			s.Tree += file.Size
		}
	}
	files := m.byPath()
	var alone int64
	for _, image := range m.Images {
		alone += sizeOf(files, image.blobs())
		for _, p := range image.Platforms {
			s.Images = append(s.Images, ImageSize{
				Name:     image.Name,
				Platform: p.Platform,
				Digest:   p.Digest,
				Layers:   len(p.Layers),
				Size:     sizeOf(files, p.Layers),
			})
		}
	}
	s.Shared = max(alone-s.Blobs, 0)
	if m.Since != nil {
		left := m.left()
		s.Left = &left
	}
	return s
}

// sizeOf is what the blobs take, each counted once.
func sizeOf(files map[string]File, digests []string) int64 {
	var sum int64
	counted := map[string]bool{}
	for _, digest := range digests {
		if !counted[digest] {
			sum += files[blobPath(digest)].Size
		}
		counted[digest] = true
	}
	return sum
}
