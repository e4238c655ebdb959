package plan

import (
	"fmt"
	"slices"
	"strings"
)

// Image is one container image that the bundle carries.
type Image struct {
	// Name is the full upstream reference with registry host, and with tag or digest,
	// such as "docker.io/rancher/mirrored-flannelcni-flannel:v0.18.1".
	Name string
	// Tag is what stands beside the digest in the spec, for people.
	Tag string
	// Platforms are the platforms of the hosts, sorted, such as "linux/amd64".
	Platforms []string
	// Attestations says that what upstream publishes about the image is wanted.
	Attestations bool
	// Archive is set for an image that lies beside the spec; nothing upstream has it.
	Archive *Archive
	// Recipe is set for an image that satchel makes itself; nothing upstream has it.
	Recipe *Recipe
}

// Archive is a file or directory with an image.
type Archive struct {
	// Dir is the spec's own directory, and Path is below it. {arch} in it stands for the
	// architecture.
	Dir, Path string
	// Image is the name that the image has in there; empty if that is its own, or if
	// there is no other.
	Image string
}

// PathFor is where the image for a platform is, such as "linux/amd64".
func (a *Archive) PathFor(platform string) string {
	return strings.ReplaceAll(a.Path, "{arch}", strings.Split(platform+"/", "/")[1])
}

// Recipe is how an image is made from another one: a layer of files above the
// base, and what its config says. It is what a Dockerfile without RUN can say.
type Recipe struct {
	// Base is the full upstream reference of the image below; it is not in
	// Plan.Images unless something uses it by itself.
	Base string
	// Files are sorted by path.
	Files []RecipeFile
	// Entrypoint and Command replace those of the base where they are not nil.
	Entrypoint, Command []string
	// Env are NAME=VALUE, sorted; they replace the base's variables of the same name.
	Env []string
	// Ports are such as "8000/tcp", sorted, and added to those of the base.
	Ports []string
	// WorkingDir and User replace those of the base where they are not empty.
	WorkingDir, User string
	// Labels are added to those of the base.
	Labels map[string]string
}

// RecipeFile is one file of a recipe.
type RecipeFile struct {
	// Path is absolute in the image, such as "/data/scripts/startup.sh".
	Path string
	// Mode are its permission bits.
	Mode int64
	Data []byte
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
