package plan

import (
	"fmt"
	"slices"
	"strings"
)

// Image is one container image that the bundle carries.
type Image struct {
	// Name is the full upstream reference with registry host and tag, such as
	// "docker.io/rancher/mirrored-flannelcni-flannel:v0.18.1".
	Name string
	// Platforms are the platforms of the hosts, sorted, such as "linux/amd64".
	Platforms []string
}

// File is one binary or archive that the bundle carries.
type File struct {
	// Path is the file's place in the bundle: "files/ARCH/NAME".
	Path string
	// URL is where upstream publishes the file.
	URL string
	// ChecksumURL is where upstream publishes its SHA-256; empty when upstream
	// publishes none, then the lock records what was found at first.
	ChecksumURL string
}

// Source maps a prefix of an upstream address to a mirror. Prefix is a
// registry host with an optional path ("registry.k8s.io") or the beginning of a
// URL ("https://dl.k8s.io"). A mirror of a registry is spelled
// "[http://]HOST[:PORT][/PATH]"; only "http://" there allows plain HTTP.
type Source struct {
	Prefix, Mirror string
}

// Named are the images and files whose names contain one of the names.
func (p *Plan) Named(names []string) ([]Image, []File, error) {
	for _, name := range names {
		if !slices.ContainsFunc(p.Images, func(i Image) bool { return strings.Contains(i.Name, name) }) &&
			!slices.ContainsFunc(p.Files, func(f File) bool { return strings.Contains(f.Path, name) }) {
			return nil, nil, fmt.Errorf("the spec needs no image or file named %q; the lock has the names", name)
		}
	}
	chosen := func(s string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(s, name) })
	}
	images := slices.DeleteFunc(slices.Clone(p.Images), func(i Image) bool { return !chosen(i.Name) })
	files := slices.DeleteFunc(slices.Clone(p.Files), func(f File) bool { return !chosen(f.Path) })
	return images, files, nil
}
