package bundle

import (
	"cmp"
	"context"
	"slices"
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
	// SharedBlobs are those that several images have, what saves most first.
	SharedBlobs []SharedBlob `json:"sharedBlobs"`
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
	// Own is what the bundle has for this image alone: layers, configuration and
	// manifest that no other one has, be it of the same name for another platform.
	Own int64 `json:"own"`
}

// SharedBlob is a blob that the bundle has once for several images.
type SharedBlob struct {
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	// Images are their names, sorted.
	Images []string `json:"images"`
	// Saves is what further copies would take.
	Saves int64 `json:"saves"`
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
	users := m.users()
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
				Own:      sizeOf(files, slices.DeleteFunc(p.blobs(), func(digest string) bool { return users[digest] > 1 })),
			})
		}
	}
	s.SharedBlobs = m.shared(files)
	s.Shared = max(alone-s.Blobs, 0)
	if m.Since != nil {
		left := m.left()
		s.Left = &left
	}
	return s
}

// blobs are what an image for one platform consists of.
func (p *Platform) blobs() []string { return append([]string{p.Digest, p.Config}, p.Layers...) }

// users counts for each blob the images for one platform that have it.
func (m *Manifest) users() map[string]int {
	users := map[string]int{}
	for i := range m.Images {
		for j := range m.Images[i].Platforms {
			blobs := m.Images[i].Platforms[j].blobs()
			slices.Sort(blobs)
			for _, digest := range slices.Compact(blobs) {
				users[digest]++
			}
		}
	}
	return users
}

// shared lists the blobs of several images.
func (m *Manifest) shared(files map[string]File) []SharedBlob {
	names := map[string][]string{}
	for i := range m.Images {
		blobs := m.Images[i].blobs()
		slices.Sort(blobs)
		for _, digest := range slices.Compact(blobs) {
			names[digest] = append(names[digest], m.Images[i].Name)
		}
	}
	list := []SharedBlob{}
	for digest, images := range names {
		if size := files[blobPath(digest)].Size; len(images) > 1 {
			list = append(list, SharedBlob{Digest: digest, Size: size, Images: images, Saves: size * int64(len(images)-1)})
		}
	}
	slices.SortFunc(list, func(a, b SharedBlob) int {
		return cmp.Or(cmp.Compare(b.Saves, a.Saves), cmp.Compare(a.Digest, b.Digest))
	})
	return list
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
