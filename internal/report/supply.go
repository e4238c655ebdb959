package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/lock"
)

// Image is one image for one platform. Digest and size are empty where the lock does
// not know them.
type Image struct {
	Name, Tag, Platform, Digest string
	Layers                      int
	Size                        int64
	// Made is the image that satchel makes it from.
	Made string
}

// File is one file that the bundle carries.
type File struct {
	Path, URL, SHA256 string
	Size              int64
}

// Package is what the hosts' operating systems have to bring.
type Package struct {
	Name, Programs, On string
}

// addImages lists what the plan needs and takes from the lock what it knows.
func (c *Cluster) addImages(l *lock.Lock) {
	locked := map[string]lock.Manifest{}
	blobs := map[string]int64{}
	for _, image := range l.Images {
		for _, m := range image.Manifests {
			locked[image.Name+" "+m.Platform] = m
		}
	}
	for _, want := range c.plan.Images {
		for _, platform := range want.Platforms {
			image := Image{Platform: platform}
			image.Name, image.Tag = reference(want.Name)
			image.Tag = cmp.Or(want.Tag, image.Tag)
			if want.Recipe != nil {
				image.Made = want.Recipe.Base
			}
			if m, ok := locked[want.Name+" "+platform]; ok {
				image.Digest, image.Layers = m.Digest, len(m.Layers)
				own := map[string]int64{}
				for _, layer := range m.Layers {
					own[layer.Digest], blobs[layer.Digest] = layer.Size, layer.Size
				}
				blobs[m.Digest], blobs[m.Config.Digest] = m.Size, m.Config.Size
				image.Size = total(own)
			}
			c.LargestImage = max(c.LargestImage, image.Size)
			c.Images = append(c.Images, image)
		}
	}
	c.ImageBytes = total(blobs)
}

func total(sizes map[string]int64) (sum int64) {
	for _, size := range sizes {
		sum += size
	}
	return sum
}

// reference takes a full name apart into repository and tag or digest.
func reference(name string) (repository, tag string) {
	if repository, digest, ok := strings.Cut(name, "@"); ok {
		return repository, digest
	}
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[:i], name[i+1:]
	}
	return name, ""
}

func (c *Cluster) addFiles(l *lock.Lock) {
	locked := map[string]lock.File{}
	for _, f := range l.Files {
		locked[f.Path] = f
	}
	for _, want := range c.plan.Files {
		f := File{Path: want.Path, URL: want.URL}
		// A lock of another release says nothing about this file.
		if known := locked[want.Path]; known.URL == want.URL {
			f.SHA256, f.Size = known.SHA256, known.Size
		}
		c.FileBytes += f.Size
		c.LargestFile = max(c.LargestFile, f.Size)
		c.Files = append(c.Files, f)
	}
}

// addPackages turns what each host needs round: by package.
func (c *Cluster) addPackages() {
	programs, hosts := map[string]map[string]bool{}, map[string][]string{}
	for i := range c.plan.Hosts {
		h := &c.plan.Hosts[i]
		seen := map[string]bool{}
		for _, need := range h.Needs {
			program, name, _ := strings.Cut(need, ":")
			if programs[name] == nil {
				programs[name] = map[string]bool{}
			}
			programs[name][program] = true
			if !seen[name] {
				hosts[name] = append(hosts[name], h.Name)
			}
			seen[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		c.Packages = append(c.Packages, Package{name, strings.Join(slices.Sorted(maps.Keys(programs[name])), ", "), c.describe(hosts[name])})
	}
}
